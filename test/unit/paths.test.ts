import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { checkPrivate, indexFile, pondPaths, projectRoot, runtimeFolders } from '../../src/paths.ts';
import { checkSocketPath, MAX_SOCKET_PATH } from '../../src/transport/listen.ts';

let dir: string;
beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'onepond-paths-')));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
});

describe('the paths of a database', () => {
  it('are the same through links, dangling links and ..', () => {
    const db = join(dir, 'a.duckdb');
    symlinkSync(db, join(dir, 'link'));
    symlinkSync(dir, join(dir, 'folder'));
    mkdirSync(join(dir, 'inner/deep'), { recursive: true });
    symlinkSync(join(dir, 'inner/deep'), join(dir, 'deep'));
    // `deep/..` is inner, not the folder that the link lies in.
    const names = [
      db,
      join(dir, 'link'),
      `${dir}/folder/a.duckdb`,
      `${dir}/inner/../a.duckdb`,
      `${dir}/deep/../../a.duckdb`,
    ];
    for (const name of names) expect(pondPaths(name).db).toBe(db);
    writeFileSync(db, '');
    for (const name of names) expect(pondPaths(name).home).toBe(`${db}.onepond`);
  });

  it.each([
    ['INVALID', ''],
    ['INVALID', ':memory:'],
    ['INVALID', '.'],
    ['NOT_FOUND', 'missing/a.duckdb'],
  ])('are refused with %s for %j', (code, name) => {
    expect(() => pondPaths(name === '' || name.startsWith(':') ? name : join(dir, name))).toThrow(
      expect.objectContaining({ code }),
    );
  });
});

describe('the folder of the sockets', () => {
  it('must be closed to others', () => {
    chmodSync(dir, 0o700);
    checkPrivate(dir);
    chmodSync(dir, 0o750);
    expect(() => checkPrivate(dir)).toThrow(expect.objectContaining({ code: 'PERMISSION' }));
  });

  it('is the one that the user names first, then one list for everybody', () => {
    const folders = runtimeFolders({ ONEPOND_RUNTIME_DIR: '/named', XDG_RUNTIME_DIR: '/run/user/7' });
    expect(folders.slice(0, 2)).toEqual(['/named', '/run/user/7/onepond']);
    expect(folders.slice(2)).toEqual(runtimeFolders({}));
  });

  it('may not make a path longer than the system takes', () => {
    expect(checkSocketPath(`/${'x'.repeat(MAX_SOCKET_PATH - 1)}`)).toHaveLength(MAX_SOCKET_PATH);
    expect(() => checkSocketPath(`/${'x'.repeat(MAX_SOCKET_PATH)}`)).toThrow(
      expect.objectContaining({ code: 'INVALID' }),
    );
  });
});

describe('a project', () => {
  it('is the nearest ancestor with .git or .onepond.toml', () => {
    mkdirSync(join(dir, 'outer/.git'), { recursive: true });
    mkdirSync(join(dir, 'outer/inner/deep'), { recursive: true });
    expect(projectRoot(join(dir, 'outer/inner/deep'))).toBe(join(dir, 'outer'));
    writeFileSync(join(dir, 'outer/inner/.onepond.toml'), '');
    expect(projectRoot(join(dir, 'outer/inner/deep'))).toBe(join(dir, 'outer/inner'));
  });

  it('has its index in the cache, apart from others of its name', () => {
    const env = { ONEPOND_CACHE_DIR: '/cache' };
    expect(indexFile('/a/app', env)).toMatch(/^\/cache\/app-[0-9a-f]{12}\/index\.duckdb$/);
    expect(indexFile('/a/app', env)).not.toBe(indexFile('/b/app', env));
  });
});
