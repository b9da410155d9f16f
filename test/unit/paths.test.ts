import {
  chmodSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { checkRuntimeFolder, indexFile, pondPaths, projectRoot, runtimeFolders } from '../../src/paths.ts';
import { checkPrivate } from '../../src/private-folder.ts';
import { checkSocketPath, MAX_SOCKET_PATH } from '../../src/transport/listen.ts';

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

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

  it('may be reached by a link of its own user', () => {
    mkdirSync(join(dir, 'real'), { mode: 0o700 });
    symlinkSync('real', join(dir, 'link'));
    symlinkSync(`${dir}/gone/../link`, join(dir, 'dangling'));
    expect(() => checkPrivate(join(dir, 'link'))).not.toThrow();
    expect(() => checkPrivate(join(dir, 'dangling'))).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    symlinkSync(join(dir, 'loop'), join(dir, 'loop'));
    expect(() => checkPrivate(join(dir, 'loop'))).toThrow(expect.objectContaining({ code: 'INVALID' }));
  });

  it.runIf(isRoot).each([
    ['itself a link of another user', 'link'],
    ['behind a link of another user', 'link/inner'],
    ['behind a link to a link of another user', 'own/inner'],
  ])('is refused where it is %s', (_, name) => {
    // The folder behind it is this user's, and closed: whoever follows the link sees nothing wrong.
    mkdirSync(join(dir, 'real/inner'), { recursive: true, mode: 0o700 });
    symlinkSync(join(dir, 'real'), join(dir, 'link'));
    lchownSync(join(dir, 'link'), NOBODY, NOBODY);
    symlinkSync(join(dir, 'link'), join(dir, 'own'));
    expect(() => checkPrivate(join(dir, name))).toThrow(
      expect.objectContaining({ code: 'PERMISSION', message: expect.stringContaining(`user ${NOBODY}`) }),
    );
    expect(() => checkRuntimeFolder(join(dir, name))).toThrow(
      expect.objectContaining({ code: 'PERMISSION' }),
    );
  });

  it('is refused where every user may change what leads to it, unless only its own entries', () => {
    const folder = join(dir, 'open/run');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chmodSync(join(dir, 'open'), 0o777);
    expect(() => checkPrivate(folder)).toThrow(expect.objectContaining({ code: 'PERMISSION' }));
    // As the temporary folder is.
    chmodSync(join(dir, 'open'), 0o1777);
    expect(() => checkPrivate(folder)).not.toThrow();
  });

  it('is refused where a file has its name', () => {
    writeFileSync(join(dir, 'file'), '', { mode: 0o600 });
    expect(() => checkRuntimeFolder(join(dir, 'file'))).toThrow(expect.anything());
    expect(() => checkPrivate(join(dir, 'file'))).toThrow(expect.objectContaining({ code: 'PERMISSION' }));
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
