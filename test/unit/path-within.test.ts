import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { pathWithin } from '../../src/path-within.ts';

let dir: string;
let root: string;
beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'onepond-within-')));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  root = join(dir, 'tree');
  mkdirSync(join(root, 'sub'), { recursive: true });
  symlinkSync(root, join(dir, 'link'));
});

describe('a path within the root', () => {
  it('is found by the link that the root was named by, whether it is there or not', () => {
    expect(pathWithin(root, join(dir, 'link/sub/a.ts'))).toBe('sub/a.ts');
    expect(pathWithin(root, join(dir, 'link/gone/deep/a.ts'))).toBe('gone/deep/a.ts');
    expect(pathWithin(root, join(dir, 'link'))).toBe('');
  });

  it('may begin with two dots', () => {
    expect(pathWithin(root, '..odd.ts')).toBe('..odd.ts');
    expect(pathWithin(root, join(root, '..odd/a.ts'))).toBe('..odd/a.ts');
  });

  it('stands for itself where it is a link', () => {
    symlinkSync(dir, join(root, 'out'));
    expect(pathWithin(root, 'out')).toBe('out');
    expect(pathWithin(root, join(dir, 'link/out'))).toBe('out');
  });

  it.each(['..', '../tree2/a.ts', '/', 'sub/../../x'])('is not %s', (path) => {
    expect(() => pathWithin(root, path)).toThrow(expect.objectContaining({ code: 'INVALID' }));
  });
});
