import { renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Connection } from '../../../src/engine/connection.ts';
import type { UpdateProgress } from '../../../src/shapes.ts';
import { openTestIndex, tempFolder, tempTree, writeTree } from './fixture.ts';

const LONG_AGO = new Date('2020-01-01');
/** So old that size and time prove the content. */
const age = (root: string, ...paths: string[]) => {
  for (const path of paths) utimesSync(join(root, path), LONG_AGO, LONG_AGO);
};
const numbered = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}.txt`, `file number${i} shared`]));
const dump = (connection: Connection) =>
  connection.all(`
    SELECT term, path, start_line, frequency, p.length, text
    FROM _onepond.postings p JOIN _onepond.chunks USING (chunk) ORDER BY ALL`);

describe('an update', () => {
  test('counts what was added, changed, removed and unchanged', async () => {
    const root = tempTree({ 'a.ts': 'one', 'b.ts': 'two', 'c.ts': 'three' });
    const { index } = await openTestIndex();
    expect(await index.update({ root })).toMatchObject({
      files: 3,
      added: 3,
      chunks: 3,
      bytes: 11,
      generation: 1,
    });
    writeTree(root, { 'a.ts': 'one more', 'd.ts': 'four' });
    rmSync(join(root, 'b.ts'));
    expect(await index.update({ root })).toMatchObject({
      files: 3,
      added: 1,
      changed: 1,
      removed: 1,
      unchanged: 1,
      generation: 2,
    });
  });

  test('leaves no long log to whoever opens the file next, and the short one of a small change', async () => {
    const words = (file: number) => Array.from({ length: 20_000 }, (_, i) => `word${file}x${i}`).join('\n');
    const root = tempTree(
      Object.fromEntries([0, 1, 2, 3, 4, 5, 6, 7].map((file) => [`f${file}.txt`, words(file)])),
    );
    const { index, path } = await openTestIndex();
    const log = () => statSync(`${path}.wal`, { throwIfNoEntry: false })?.size ?? 0;
    await index.update({ root });
    expect(log()).toBe(0);
    writeTree(root, { 'small.txt': 'one more' });
    await index.update({ root });
    expect(log()).toBeGreaterThan(0);
    expect((await index.search({ query: 'word3x19999' })).hits[0]?.path).toBe('f3.txt');
  });

  test('of an unchanged tree writes nothing', async () => {
    const root = tempTree({ 'a.ts': 'one' });
    age(root, 'a.ts');
    const { index } = await openTestIndex();
    const { generation } = await index.update({ root });
    const before = await index.status();
    expect(await index.update({ root })).toMatchObject({ unchanged: 1, generation });
    expect(await index.status()).toEqual(before);
  });

  test('corrects the size of a file that was written between the walk and the read', async () => {
    const root = tempTree({ 'a.ts': 'one' });
    const { index, connect } = await openTestIndex();
    await index.update({ root });
    const connection = await connect();
    await connection.run('UPDATE _onepond.files SET size = 1');
    expect(await index.update({ root })).toMatchObject({ unchanged: 1, bytes: 3, generation: 1 });
    connection.close();
  });

  test('goes by the content where only the time of a file changed', async () => {
    const root = tempTree({ 'a.ts': 'one' });
    const { index } = await openTestIndex();
    await index.update({ root });
    age(root, 'a.ts');
    expect(await index.update({ root })).toMatchObject({ unchanged: 1, changed: 0, generation: 1 });
  });

  test('sees a change that left size and time as they were, if the file was fresh when it was read', async () => {
    const root = tempTree({ 'a.ts': 'one' });
    const { atime, mtime } = statSync(join(root, 'a.ts'));
    utimesSync(join(root, 'a.ts'), atime, mtime);
    const { index } = await openTestIndex();
    await index.update({ root });
    writeTree(root, { 'a.ts': 'two' });
    utimesSync(join(root, 'a.ts'), atime, mtime);
    expect(await index.update({ root })).toMatchObject({ changed: 1 });
  });

  test('sees a change that left size and time as they were, however old the file is', async () => {
    const root = tempTree({ 'a.ts': 'one', 'b.ts': 'one' });
    age(root, 'a.ts', 'b.ts');
    const { index } = await openTestIndex();
    await index.update({ root });
    writeTree(root, { 'a.ts': 'two', other: 'two' });
    age(root, 'a.ts', 'other');
    renameSync(join(root, 'other'), join(root, 'b.ts'));
    expect(await index.update({ root })).toMatchObject({ changed: 2, unchanged: 0, removed: 0 });
  });

  test('with `full` reads files that nothing has changed about', async () => {
    const root = tempTree({ 'a.ts': 'one' });
    age(root, 'a.ts');
    const { index, connect } = await openTestIndex();
    await index.update({ root });
    const connection = await connect();
    await connection.run("UPDATE _onepond.files SET hash = 'of something else'");
    expect(await index.update({ root })).toMatchObject({ changed: 0, unchanged: 1 });
    expect(await index.update({ root, full: true })).toMatchObject({ changed: 1, unchanged: 0 });
    connection.close();
  });

  test('of some paths looks at nothing else', async () => {
    const root = tempTree({ 'a.ts': 'one', 'sub/b.ts': 'two', 'sub/c.ts': 'three' });
    const { index } = await openTestIndex();
    await index.update({ root });
    writeTree(root, { 'a.ts': 'changed', 'sub/d.ts': 'four' });
    rmSync(join(root, 'sub/b.ts'));
    expect(await index.update({ root, paths: ['sub', 'sub/d.ts'] })).toMatchObject({
      added: 1,
      changed: 0,
      removed: 1,
      unchanged: 1,
      files: 3,
    });
  });

  test('of no paths does nothing', async () => {
    const root = tempTree({ 'a.ts': 'one' });
    const { index } = await openTestIndex();
    expect(await index.update({ root, paths: [] })).toMatchObject({ added: 0, files: 0 });
    await index.update({ root });
    rmSync(join(root, 'a.ts'));
    expect(await index.update({ root, paths: [] })).toMatchObject({ removed: 0, files: 1, generation: 1 });
  });

  test('of a .gitignore looks at its whole folder', async () => {
    const root = tempTree({ 'sub/a.ts': 'one', 'sub/b.log': 'two' });
    const { index } = await openTestIndex();
    await index.update({ root });
    writeTree(root, { 'sub/.gitignore': '*.log\n' });
    expect(await index.update({ root, paths: ['sub/.gitignore'] })).toMatchObject({ added: 1, removed: 1 });
  });

  test('leaves the tables as an index made afresh would have them', async () => {
    const root = tempTree(numbered(20));
    const first = await openTestIndex();
    await first.index.update({ root });
    writeTree(root, { 'f3.txt': 'other words', 'sub/new.txt': 'new words' });
    rmSync(join(root, 'f4.txt'));
    renameSync(join(root, 'f5.txt'), join(root, 'moved.txt'));
    await first.index.update({ root });
    const second = await openTestIndex();
    await second.index.update({ root });
    expect(await dump(await first.connect())).toEqual(await dump(await second.connect()));
  });

  test('counts a binary file as skipped, and reads it once', async () => {
    const root = tempTree({ 'a.data': Uint8Array.of(1, 0, 2), 'b.ts': 'text' });
    age(root, 'a.data');
    const { index } = await openTestIndex();
    expect(await index.update({ root })).toMatchObject({ added: 1, skipped: 1, files: 1 });
    expect(await index.update({ root })).toMatchObject({ unchanged: 1, skipped: 1, removed: 0, files: 1 });
    rmSync(join(root, 'a.data'));
    expect(await index.update({ root })).toMatchObject({ skipped: 0, removed: 0 });
  });

  test('tells files and bytes as it goes, also to those who wait for their turn', async () => {
    const root = tempTree(numbered(600));
    const { index } = await openTestIndex();
    const seen: UpdateProgress[] = [];
    const waiting: UpdateProgress[] = [];
    await Promise.all([
      index.update({ root }, { onProgress: (progress) => seen.push(progress) }),
      index.update({ root }, { onProgress: (progress) => waiting.push(progress) }),
    ]);
    expect(seen.map(({ phase, files }) => [phase, files])).toEqual(
      expect.arrayContaining([
        ['index', 500],
        ['index', 600],
      ]),
    );
    expect(seen.at(-1)).toMatchObject({ totalFiles: 600 });
    expect(waiting.length).toBeGreaterThan(seen.length);
  });
});

describe('an update that ends early', () => {
  test('goes on from the batches that were committed', async () => {
    const root = tempTree(numbered(1200));
    const { index } = await openTestIndex();
    const stop = new AbortController();
    const onProgress = ({ files }: UpdateProgress) => files === 500 && stop.abort();
    await expect(index.update({ root }, { signal: stop.signal, onProgress })).rejects.toMatchObject({
      code: 'ABORTED',
      name: 'AbortError',
    });
    expect(await index.status()).toMatchObject({ files: 500, generation: 1 });
    expect(await index.update({ root })).toMatchObject({ added: 700, unchanged: 500, files: 1200 });
  });

  test('for the first time leaves an index that is not trusted until an update of the whole tree has ended', async () => {
    const root = tempTree(numbered(1200));
    const { index, create } = await openTestIndex();
    const stop = new AbortController();
    const onProgress = ({ files }: UpdateProgress) => files === 500 && stop.abort();
    await expect(index.update({ root }, { signal: stop.signal, onProgress })).rejects.toThrow();
    const refusal = {
      code: 'NOT_FOUND',
      message: expect.stringContaining(`the index of ${root} is not complete yet`),
    };
    await expect(index.search({ query: 'shared' })).rejects.toMatchObject(refusal);
    await expect(index.search({ query: 'nowhere' })).rejects.toMatchObject(refusal);
    await index.update({ root, paths: ['f0.txt'] });
    await expect(create().search({ query: 'shared', explain: true })).rejects.toMatchObject(refusal);
    await index.update({ root });
    expect((await index.search({ query: 'shared', limit: 1000 })).hits).toHaveLength(1000);
    expect((await create().search({ query: 'number1199' })).hits[0]?.path).toBe('f1199.txt');
  });

  test('for the first time is searched all the same while it runs', async () => {
    const root = tempTree(numbered(1200));
    const { index } = await openTestIndex();
    let beside: Promise<number> | undefined;
    const onProgress = ({ files }: UpdateProgress) => {
      if (files === 500) beside = index.search({ query: 'shared' }).then(({ hits }) => hits.length);
    };
    await index.update({ root }, { onProgress });
    expect(await beside).toBe(10);
  });

  test('leaves nothing of a batch that was not committed', async () => {
    const root = tempTree(numbered(10));
    const test = await openTestIndex();
    await test.index.update({ root });
    const before = await dump(await test.connect());
    writeTree(root, { 'f1.txt': 'changed' });
    const failing = test.create({
      connect: async () => {
        const connection = await test.connect();
        const append: Connection['append'] = (table, columns) =>
          table.endsWith('postings')
            ? Promise.reject(new Error('killed'))
            : connection.append(table, columns);
        return { ...connection, append };
      },
    });
    await expect(failing.update({ root })).rejects.toThrow('killed');
    expect(await dump(await test.connect())).toEqual(before);
    expect(await test.index.update({ root })).toMatchObject({ changed: 1, unchanged: 9 });
  });

  test('that waits for its turn can be aborted, and the one before it goes on', async () => {
    const root = tempTree(numbered(50));
    const { index } = await openTestIndex();
    const running = index.update({ root });
    const waiting = index.update({ root }, { signal: AbortSignal.abort() });
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await running).toMatchObject({ added: 50 });
  });

  test('by close, is CLOSED', async () => {
    const root = tempTree(numbered(600));
    const { index } = await openTestIndex();
    const running = index.update({ root }, { onProgress: () => void index.close() });
    await expect(running).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(index.search({ query: 'shared' })).rejects.toMatchObject({ code: 'CLOSED' });
  });
});

describe('what an update refuses', () => {
  test('a root that is missing, a file, relative, or not the one that is stored', async () => {
    const root = tempTree({ 'a.ts': 'one' });
    const { index } = await openTestIndex();
    await index.update({ root });
    await expect(index.update({ root: join(root, 'gone') })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(index.update({ root: join(root, 'a.ts') })).rejects.toMatchObject({ code: 'INVALID' });
    await expect(index.update({ root: 'relative' })).rejects.toMatchObject({ code: 'INVALID' });
    await expect(index.update({ root: tempFolder() })).rejects.toMatchObject({
      code: 'INVALID',
      hint: expect.stringContaining('another database'),
    });
  });

  test.each(['../x', '/etc/passwd', 'a/../../x', '..'])('a path outside the root: %s', async (path) => {
    const { index } = await openTestIndex();
    await expect(index.update({ root: tempFolder(), paths: [path] })).rejects.toMatchObject({
      code: 'INVALID',
    });
  });

  test('any tree, where the database is read-only', async () => {
    const { index } = await openTestIndex({ readOnly: true });
    await expect(index.update({ root: tempFolder() })).rejects.toMatchObject({ code: 'READ_ONLY' });
  });

  test('an index of another version', async () => {
    const root = tempTree({ 'a.ts': 'one' });
    const { index, connect } = await openTestIndex();
    await index.update({ root });
    await (await connect()).run("UPDATE _onepond.index_meta SET value = '999' WHERE key = 'version'");
    await expect(index.update({ root })).rejects.toMatchObject({ code: 'CORRUPT' });
    await expect(index.search({ query: 'one' })).rejects.toMatchObject({ code: 'CORRUPT' });
    await expect(index.status()).rejects.toMatchObject({ code: 'CORRUPT' });
  });
});

test('the status of a database without an index is null, and makes none', async () => {
  const { index, connect } = await openTestIndex();
  expect(await index.status()).toBeNull();
  const rows = await (await connect()).all("SELECT 1 FROM duckdb_tables() WHERE schema_name = 'onepond'");
  expect(rows).toEqual([]);
});
