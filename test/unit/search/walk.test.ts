import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createOpenGuard } from '../../../src/search/open-guard.ts';
import { MAX_FILE_BYTES, walk } from '../../../src/search/walk.ts';
import { type Files, tempFolder, tempTree } from './fixture.ts';

const guard = createOpenGuard(() => false);
const walkOf = (root: string, scopes = ['']) => walk({ root, scopes, guard });
const pathsOf = async (root: string, scopes?: string[]) =>
  (await walkOf(root, scopes)).files.map(({ path }) => path);
const repository = (files: Files) => tempTree({ '.git/HEAD': 'ref: refs/heads/main\n', ...files });

describe('ignored files', () => {
  test('a .gitignore counts at every level, and the inner one wins', async () => {
    const root = tempTree({
      '.gitignore': '*.log\nbuild/\n',
      'a.log': '',
      'a.ts': '',
      'build/out.ts': '',
      'sub/.gitignore': '!keep.log\n/local.ts\n',
      'sub/keep.log': '',
      'sub/local.ts': '',
      'sub/deep/local.ts': '',
    });
    expect(await pathsOf(root)).toEqual([
      '.gitignore',
      'a.ts',
      'sub/.gitignore',
      'sub/deep/local.ts',
      'sub/keep.log',
    ]);
  });

  test('a folder that an inner file allows again is entered', async () => {
    const root = tempTree({
      '.gitignore': 'out/\n',
      'sub/.gitignore': '!out/\n',
      'sub/out/a.ts': '',
      'out/b.ts': '',
    });
    expect(await pathsOf(root)).toEqual(['.gitignore', 'sub/.gitignore', 'sub/out/a.ts']);
  });

  test('in a part of a repository the files above it and info/exclude count too', async () => {
    const top = repository({
      '.gitignore': '*.tmp\n/packages/a/gen/\n',
      '.git/info/exclude': 'secret.txt\n',
      'packages/.gitignore': '*.bak\n',
      'packages/a/x.ts': '',
      'packages/a/x.tmp': '',
      'packages/a/x.bak': '',
      'packages/a/secret.txt': '',
      'packages/a/gen/y.ts': '',
    });
    expect(await pathsOf(join(top, 'packages/a'))).toEqual(['x.ts']);
  });

  test('an ignored folder that is named as the root is walked', async () => {
    const top = repository({ '.gitignore': 'node_modules/\n', 'node_modules/pkg/index.js': '' });
    expect(await pathsOf(join(top, 'node_modules/pkg'))).toEqual(['index.js']);
  });

  test('.git, node_modules and the records of owners are never entered; other hidden files are', async () => {
    const root = repository({
      '.env.example': '',
      '.github/ci.yml': '',
      'node_modules/a/index.js': '',
      'app.duckdb.onepond/owner.json': '{}',
    });
    expect(await pathsOf(root)).toEqual(['.env.example', '.github/ci.yml']);
  });

  test('agrees with git about every file', async () => {
    const root = tempTree({
      '.gitignore': '*.q\n!keep.q\n/top\ndoc/**/*.html\nfoo/*\n!foo/bar/\n\\#x\ntrail \n',
      'a.q': '',
      'keep.q': '',
      top: '',
      'sub/top': '',
      'doc/a.html': '',
      'doc/x/y/b.html': '',
      'doc/c.md': '',
      'foo/no': '',
      'foo/bar/yes': '',
      '#x': '',
      trail: '',
      'sub/.gitignore': 'a.*\n!a.txt\n',
      'sub/a.md': '',
      'sub/a.txt': '',
      'sub/b/a.md': '',
    });
    execFileSync('git', ['init', '-q', root]);
    const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], {
      cwd: root,
      encoding: 'utf8',
    });
    expect(await pathsOf(root)).toEqual(listed.split('\0').filter(Boolean).sort());
  });
});

describe('files that are not opened', () => {
  test('databases are skipped by their names, by their record, and by the word of the owner', async () => {
    const root = tempTree({
      'a.duckdb': '',
      'a.duckdb.wal': '',
      'data.bin2': '',
      'data.bin2.onepond/owner.json': '',
      'own.txt': '',
      'b.ts': '',
    });
    linkSync(join(root, 'own.txt'), join(root, 'hard-link.txt'));
    const { ino } = statSync(join(root, 'own.txt'), { bigint: true });
    const own = createOpenGuard((_path, _dev, inode) => inode === ino);
    const { files, skipped } = await walk({ root, scopes: [''], guard: own });
    expect(files.map(({ path }) => path)).toEqual(['b.ts']);
    expect(skipped).toHaveLength(5);
  });

  test('large and binary files are skipped and counted', async () => {
    const root = tempTree({ 'big.txt': 'x'.repeat(MAX_FILE_BYTES + 1), 'pic.png': 'x', 'a.ts': '' });
    const { files, skipped } = await walkOf(root);
    expect(files.map(({ path }) => path)).toEqual(['a.ts']);
    expect(skipped.toSorted((a, b) => (a.path < b.path ? -1 : 1))).toEqual([
      { path: 'big.txt', reason: 'too-large' },
      { path: 'pic.png', reason: 'binary' },
    ]);
  });

  test('links are not followed, so a loop ends', async () => {
    const root = tempTree({ 'dir/a.ts': '' });
    symlinkSync('..', join(root, 'dir/loop'));
    symlinkSync('a.ts', join(root, 'dir/b.ts'));
    symlinkSync('nowhere', join(root, 'broken'));
    expect(await pathsOf(root)).toEqual(['dir/a.ts']);
  });

  test('pipes and sockets are passed by', async () => {
    const root = tempTree({ 'a.ts': '' });
    execFileSync('mkfifo', [join(root, 'pipe')]);
    expect(await pathsOf(root)).toEqual(['a.ts']);
  });

  test('a file whose name is no UTF-8 is named as unreadable', async () => {
    const root = tempTree({ 'a.ts': '' });
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x66, 0xff])]), 'x');
    expect((await walkOf(root)).skipped).toEqual([{ path: 'f\ufffd', reason: 'unreadable' }]);
  });
});

describe('parts of a tree', () => {
  test('a scope is a file or a folder, and what is not there gives nothing', async () => {
    const root = tempTree({ 'a/x.ts': '', 'a/b/y.ts': '', 'c/z.ts': '' });
    expect(await pathsOf(root, ['a/b', 'c/z.ts', 'gone/q.ts'])).toEqual(['a/b/y.ts', 'c/z.ts']);
  });

  test('the rules above a scope count', async () => {
    const root = tempTree({ '.gitignore': 'out/\n*.log\n', 'out/a/x.ts': '', 'sub/y.log': '' });
    expect(await pathsOf(root, ['out/a/x.ts', 'out/a', 'sub/y.log'])).toEqual([]);
  });

  test('a scope behind a link is not in the tree', async () => {
    const root = tempTree({ 'real/a.ts': '' });
    symlinkSync('real', join(root, 'link'));
    expect(await pathsOf(root, ['link/a.ts'])).toEqual([]);
  });

  test('an empty tree has no files', async () => {
    const root = tempFolder();
    mkdirSync(join(root, 'empty'));
    expect(await walkOf(root)).toEqual({ files: [], skipped: [], ignored: [] });
  });
});
