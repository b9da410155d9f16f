import {
  chmodSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openTestIndex, tempTree, writeTree } from './fixture.ts';

const LONG_AGO = new Date('2020-01-01');

/** The settled file is old; the fresh one is read in the very moment of its change. */
async function indexed() {
  const root = tempTree({ 'settled.txt': 'heron one', 'fresh.txt': 'heron two', 'deep/er/c.txt': 'bittern' });
  utimesSync(join(root, 'settled.txt'), LONG_AGO, LONG_AGO);
  const { index } = await openTestIndex();
  await index.update({ root });
  const stale = async (more: object = {}) => {
    const { hits, pending, ...rest } = await index.search({ query: 'heron', ...more });
    return { ...rest, pending, stale: hits.filter((hit) => hit.stale).map(({ path }) => path), hits };
  };
  return { root, index, stale };
}

const CHANGES: readonly [string, (file: string) => void][] = [
  ['another length', (file) => writeFileSync(file, 'heron and more')],
  ['the same length', (file) => writeFileSync(file, 'grebe one')],
  [
    'the same length and the time of before',
    (file) => {
      writeFileSync(file, 'grebe one');
      utimesSync(file, LONG_AGO, LONG_AGO);
    },
  ],
  [
    'another file moved to its place, of the same length and time',
    (file) => {
      writeFileSync(`${file}.new`, 'grebe one');
      utimesSync(`${file}.new`, LONG_AGO, LONG_AGO);
      renameSync(`${file}.new`, file);
    },
  ],
  ['no file any more', (file) => rmSync(file)],
  [
    'a folder in its place',
    (file) => {
      rmSync(file);
      mkdirSync(file);
    },
  ],
  [
    'a link in its place',
    (file) => {
      renameSync(file, `${file}.real`);
      symlinkSync(`${file}.real`, file);
    },
  ],
];

describe('a hit whose file has changed since it was indexed', () => {
  test.each(CHANGES)('is marked: %s', async (_what, change) => {
    for (const name of ['settled.txt', 'fresh.txt']) {
      const { root, index, stale } = await indexed();
      change(join(root, name));
      for (const mode of ['ranked', 'literal', 'regex']) {
        const answer = await stale({ mode, explain: true });
        expect([mode, answer.stale]).toEqual([mode, [name]]);
        expect(answer.hits.find(({ path }) => path === name)?.snippet).toContain('heron');
        expect(answer.pending).toBe(1);
      }
      await index.update({ root });
      expect(await stale()).toMatchObject({ stale: [], pending: 0 });
    }
  });

  test('is marked although the time is the very same and nothing but its content differs', async () => {
    const root = tempTree({ 'a.txt': 'heron' });
    const { index, connect } = await openTestIndex();
    await index.update({ root });
    // As on a file system whose clock has not moved on between the reading and the change.
    const connection = await connect();
    await connection.run("UPDATE _onepond.files SET hash = 'of what was read'");
    connection.close();
    expect((await index.search({ query: 'heron' })).hits[0]?.stale).toBe(true);
  });

  test.each<[string, (file: string) => void]>([
    ['touched', (file) => utimesSync(file, new Date(), new Date())],
    ['given another mode', (file) => chmodSync(file, 0o600)],
    ['given a second name', (file) => linkSync(file, `${file}.link`)],
    [
      'written anew with the same content',
      (file) => {
        unlinkSync(file);
        writeFileSync(file, file.includes('settled') ? 'heron one' : 'heron two');
      },
    ],
  ])('is not marked where the file was only %s', async (_how, touch) => {
    for (const name of ['settled.txt', 'fresh.txt']) {
      const { root, stale } = await indexed();
      touch(join(root, name));
      expect(await stale()).toMatchObject({ stale: [], pending: 0 });
    }
  });

  test('is marked where its folder, or the whole tree, is gone', async () => {
    const { root, index, stale } = await indexed();
    rmSync(join(root, 'deep'), { recursive: true });
    expect((await stale({ query: 'bittern' })).stale).toEqual(['deep/er/c.txt']);
    rmSync(root, { recursive: true });
    expect((await stale()).stale.sort()).toEqual(['fresh.txt', 'settled.txt']);
    await expect(index.update({ root })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('is marked on each of its chunks, on a page of any length', async () => {
    const lines = (word: string) => Array.from({ length: 100 }, (_, i) => `${word} ${i}`).join('\n');
    const root = tempTree(
      Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`f${i}.txt`, lines('teal')])),
    );
    const { index } = await openTestIndex();
    await index.update({ root });
    writeTree(root, { 'f7.txt': 'gone', 'f55.txt': 'gone' });
    const { hits, pending } = await index.search({ query: 'teal', limit: 1000 });
    expect(hits.length).toBe(120);
    expect(
      hits
        .filter((hit) => hit.stale)
        .map(({ path }) => path)
        .sort(),
    ).toEqual(['f55.txt', 'f55.txt', 'f7.txt', 'f7.txt']);
    expect(pending).toBe(2);
  });

  test('an answer says when it looked', async () => {
    const before = new Date().toISOString();
    const { stale } = await indexed();
    const { checked_at } = await stale({ query: 'nothing of this' });
    expect(checked_at >= before && checked_at <= new Date().toISOString()).toBe(true);
  });
});

test('a file that must not be opened is marked without being opened', async () => {
  const root = tempTree({ 'a.txt': 'heron', 'b.txt': 'heron' });
  const { index, create } = await openTestIndex();
  await index.update({ root });
  const asked: string[] = [];
  const guarded = create({ isProtected: (path) => asked.push(path) > 0 });
  utimesSync(join(root, 'a.txt'), LONG_AGO, LONG_AGO);
  expect((await guarded.search({ query: 'heron' })).hits.map((hit) => hit.stale)).toEqual([true, true]);
  expect(asked.length).toBeGreaterThan(0);
});
