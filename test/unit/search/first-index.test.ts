import { describe, expect, onTestFinished, test } from 'vitest';
import type { Connection } from '../../../src/engine/connection.ts';
import type { SearchIndex } from '../../../src/search/index.ts';
import { openTestIndex, tempTree, writeTree } from './fixture.ts';

const numbered = (count: number) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, i) => [
      `f${String(i).padStart(4, '0')}.txt`,
      i === 1199 ? 'shared zebra' : 'shared',
    ]),
  );

/** An index whose updates wait before they write, for as many batches as are let through. */
async function held() {
  const test = await openTestIndex();
  let passes = 0;
  const waiting: (() => void)[] = [];
  const connect = async (): Promise<Connection> => {
    const connection = await test.connect();
    const transaction: Connection['transaction'] = async (fn) => {
      if (passes-- <= 0) await new Promise<void>((go) => waiting.push(go));
      return connection.transaction(fn);
    };
    return { ...connection, transaction };
  };
  const index = test.create({ connect });
  onTestFinished(() => {
    passes = Number.POSITIVE_INFINITY;
    for (const go of waiting) go();
  });
  return {
    index,
    /** Lets so many transactions through: the tables are one, each batch is one. */
    pass(count: number) {
      const now = waiting.splice(0, count);
      for (const go of now) go();
      passes = Math.max(passes, 0) + count - now.length;
    },
    /** Resolves when an update waits. */
    async waits() {
      while (waiting.length === 0) await new Promise((look) => setTimeout(look, 2));
    },
  };
}

const found = async (index: SearchIndex, query: string) => {
  const { hits, indexing, pending, generation } = await index.search({ query, limit: 1000 });
  return { hits: hits.length, indexing, pending, generation };
};

describe('a search while the first index is made', () => {
  test('says how far it is, from the first moment to the last', async () => {
    const root = tempTree(numbered(1200));
    const { index, pass, waits } = await held();
    const update = index.update({ root });
    await waits();
    // There are no tables yet.
    expect(await index.search({ query: 'shared' })).toMatchObject({
      root,
      hits: [],
      generation: 0,
      indexing: { files: 0, total: 0 },
      pending: 1,
    });
    pass(1);
    await waits();
    const none = { hits: 0, indexing: { files: 0, total: 1200 }, pending: 1200, generation: 0 };
    expect(await found(index, 'shared')).toEqual(none);
    expect(await index.status()).toMatchObject({ complete: false, indexing: none.indexing, pending: 1200 });
    pass(1);
    await waits();
    const some = { indexing: { files: 500, total: 1200 }, pending: 700, generation: 1 };
    expect(await found(index, 'shared')).toEqual({ hits: 500, ...some });
    expect(await found(index, 'zebra')).toEqual({ hits: 0, ...some });
    pass(2);
    await waits();
    // All is written but the word that it is complete.
    expect(await found(index, 'zebra')).toMatchObject({
      hits: 1,
      indexing: { files: 1200 },
      pending: 1,
    });
    pass(1);
    await update;
    expect(await found(index, 'zebra')).toEqual({
      hits: 1,
      indexing: undefined,
      pending: 0,
      generation: 3,
    });
    const status = await index.status();
    expect(status).toMatchObject({ complete: true, pending: 0 });
    expect(status).not.toHaveProperty('indexing');
  });

  test('says so where the update goes on from what an interrupted one has left', async () => {
    const root = tempTree(numbered(1200));
    const { index, pass, waits } = await held();
    const stop = new AbortController();
    const first = index.update({ root }, { signal: stop.signal });
    pass(2);
    await waits();
    stop.abort();
    pass(1);
    await expect(first).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(index.search({ query: 'shared' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      hint: expect.stringContaining('onepond index'),
      data: { root },
    });
    expect(await index.status()).toMatchObject({ complete: false });
    const second = index.update({ root });
    await waits();
    expect(await found(index, 'nowhere')).toMatchObject({ hits: 0, indexing: { total: 1200 } });
    pass(10);
    expect(await second).toMatchObject({ files: 1200 });
    expect(await found(index, 'nowhere')).toMatchObject({ hits: 0, indexing: undefined, pending: 0 });
  });

  test('is not complete, and nobody is at it, while an update of some paths alone runs', async () => {
    const root = tempTree(numbered(20));
    const { index, pass, waits } = await held();
    const some = index.update({ root, paths: ['f0000.txt'] });
    pass(1);
    await waits();
    const refusal = { code: 'NOT_FOUND', message: expect.stringContaining('not complete') };
    await expect(index.search({ query: 'shared' })).rejects.toMatchObject(refusal);
    pass(1);
    await some;
    await expect(index.search({ query: 'shared' })).rejects.toMatchObject(refusal);
    // Some paths that are the whole tree complete it.
    const whole = index.update({ root, paths: ['.'] });
    await waits();
    expect(await found(index, 'shared')).toMatchObject({ indexing: { total: 20 }, pending: 20 });
    pass(2);
    await whole;
    expect(await found(index, 'shared')).toMatchObject({ hits: 20, indexing: undefined });
  });

  test('is not complete while the update of another tree waits, which is refused', async () => {
    const root = tempTree(numbered(5));
    const { index, pass, waits } = await held();
    const some = index.update({ root, paths: ['f0000.txt'] });
    pass(1);
    await waits();
    const other = index.update({ root: tempTree(numbered(3)) });
    await expect(index.search({ query: 'shared' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      data: { root },
    });
    pass(1);
    await some;
    await expect(other).rejects.toMatchObject({ code: 'INVALID' });
  });

  test('is refused for what is wrong with it, not answered with how far the index is', async () => {
    const root = tempTree(numbered(5));
    const { index, pass, waits } = await held();
    const update = index.update({ root });
    await waits();
    for (const wrong of [{ query: ' ' }, { query: 'x', lang: ['klingon'] }, { query: 'x', path: ['[a'] }])
      await expect(index.search(wrong)).rejects.toMatchObject({ code: 'INVALID' });
    pass(10);
    await update;
  });
});

describe('a search while a complete index is updated', () => {
  test('counts what the update knows to be left as pending, and is no first index', async () => {
    const root = tempTree(numbered(3));
    const { index, pass, waits } = await held();
    pass(3);
    await index.update({ root });
    writeTree(root, { 'new1.txt': 'shared', 'new2.txt': 'shared' });
    const update = index.update({ root });
    await waits();
    const { pending, indexing } = await found(index, 'shared');
    expect(pending).toBeGreaterThanOrEqual(2);
    expect(indexing).toBeUndefined();
    pass(1);
    await update;
    expect(await found(index, 'shared')).toMatchObject({ hits: 5, pending: 0 });
  });
});
