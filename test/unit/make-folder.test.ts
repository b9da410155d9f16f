import {
  chmodSync,
  existsSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { makeFolder } from '../../src/make-folder.ts';

let dir: string;
beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'onepond-folder-')));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
});

const refusal = (folder: string): unknown => {
  try {
    return makeFolder(folder);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
};

describe('making a folder', () => {
  it('makes its missing parents too, for this user alone', () => {
    makeFolder(join(dir, 'a/b/c'));
    for (const made of ['a', 'a/b', 'a/b/c']) expect(statSync(join(dir, made)).mode & 0o777).toBe(0o700);
  });

  it('leaves a folder that is there as it is, be it a link to one or the root', () => {
    chmodSync(dir, 0o755);
    symlinkSync(dir, join(dir, 'link'));
    for (const folder of [dir, `${dir}/`, join(dir, 'link'), '/', '.']) makeFolder(folder);
    expect(statSync(dir).mode & 0o777).toBe(0o755);
    makeFolder(join(dir, 'link/a'));
    expect(existsSync(join(dir, 'a'))).toBe(true);
  });

  it.each([
    ['a file', 'file'],
    ['a folder in a file', 'file/a/b'],
    ['a link that leads nowhere', 'nowhere'],
    ['a folder behind such a link', 'nowhere/a/b'],
  ])('ends in ENOTDIR in the place of %s', (_, name) => {
    writeFileSync(join(dir, 'file'), '');
    symlinkSync(join(dir, 'missing'), join(dir, 'nowhere'));
    expect(refusal(join(dir, name))).toBe('ENOTDIR');
  });

  it.runIf(process.platform === 'linux')('ends where a parent is there and the system says ENOENT', () => {
    expect(refusal('/proc/x')).toBe('ENOENT');
    expect(refusal('/proc/x/y/z')).toBe('ENOENT');
  });
});
