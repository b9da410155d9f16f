import { mkdirSync, symlinkSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { isEndless } from '../../../src/cli/endless-trees.ts';
import { tempFolder } from '../../contract/place.ts';

describe.runIf(process.platform !== 'win32')('a tree that nobody means who only stands in it', () => {
  it.each([
    ...['/', homedir(), tmpdir(), '/tmp', '/usr', '/usr/local', '/var', '/etc', '/home', '/root', '/opt'],
    ...['/proc', '/proc/1', '/proc/sys/net', '/sys', '/sys/kernel', '/dev', '/dev/shm', '/run', '/run/lock'],
    ...['/run/user/1000', '/run/media/me/disk', '/media/me/disk', '/mnt/c', '/Volumes/Disk', '/Users'],
  ])('%s is one', (root) => {
    expect(isEndless(root)).toBe(true);
  });

  it.each([
    ...[
      '/work',
      '/app',
      '/srv/app',
      '/usr/src/linux',
      '/usr/local/src/app',
      '/var/www',
      '/opt/app',
      '/tmp/app',
    ],
    ...[
      '/home/somebody/app',
      '/Users/somebody/app',
      '/dev/shm/app',
      '/run/user/1000/app',
      '/process',
      '/system',
    ],
    ...['/run/media/me/disk/app', '/media/me/disk/app', '/mnt/c/app', '/mnt/app', '/Volumes/Disk/app'],
  ])('%s is none', (root) => {
    expect(isEndless(root)).toBe(false);
  });

  it('is a home folder by any link to it', () => {
    const folder = tempFolder();
    mkdirSync(join(folder, 'real'));
    symlinkSync(join(folder, 'real'), join(folder, 'home'));
    vi.stubEnv('HOME', join(folder, 'home'));
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(isEndless(join(folder, 'real'))).toBe(true);
    expect(isEndless(folder)).toBe(false);
  });
});
