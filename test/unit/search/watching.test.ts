import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { openTestIndex, tempTree, writeTree } from './fixture.ts';

const soon = { timeout: 20_000, interval: 20 };
const refuses = vi.hoisted(() => ({ now: false }));

/** The system's own events, unless it has none left to give. */
vi.mock('@parcel/watcher', async (original) => {
  const real = await original<typeof import('@parcel/watcher')>();
  const subscribe: typeof real.subscribe = (...args) =>
    refuses.now ? Promise.reject(new Error('No space left on device')) : real.subscribe(...args);
  return { ...real, default: real, subscribe };
});
afterEach(() => {
  refuses.now = false;
});

async function tree() {
  const root = tempTree({ 'a.txt': 'heron' });
  const { index } = await openTestIndex();
  const watching = async (): Promise<unknown> => {
    const { watching: said } = await index.search({ query: 'heron' });
    expect((await index.status())?.watching).toBe(said);
    return said;
  };
  return { root, index, watching };
}

describe('what an answer says of the watch', () => {
  test('is false without one, true with one, and false again after it', async () => {
    const { root, index, watching } = await tree();
    await index.update({ root });
    expect(await watching()).toBe(false);
    const release = await index.watch(`${root}/`);
    expect(await watching()).toBe(true);
    await release();
    expect(await watching()).toBe(false);
  });

  test('is `polling` where the system gives no events', async () => {
    const { root, index, watching } = await tree();
    refuses.now = true;
    await index.watch(root);
    expect(await watching()).toBe('polling');
  });

  test('is false while the first scan is under way', async () => {
    const { root, index, watching } = await tree();
    await index.update({ root });
    const watch = index.watch(root);
    expect(await watching()).toBe(false);
    await watch;
    expect(await watching()).toBe(true);
  });

  test('is false while updates fail, as where the tree is gone', async () => {
    const { root, index, watching } = await tree();
    await index.watch(root);
    rmSync(root, { recursive: true });
    await vi.waitFor(async () => expect(await watching()).toBe(false), soon);
  });

  test('is not true of another folder that has come to its place, until that one is watched', async () => {
    const { root, index, watching } = await tree();
    await index.watch(root);
    renameSync(root, `${root}.before`);
    mkdirSync(root);
    writeTree(root, { 'b.txt': 'heron bittern' });
    await vi.waitFor(async () => {
      expect(await watching()).toBe(true);
      expect((await index.search({ query: 'bittern' })).hits.map(({ path }) => path)).toEqual(['b.txt']);
    }, soon);
    writeTree(root, { 'c.txt': 'kingfisher' });
    await vi.waitFor(
      async () => expect((await index.search({ query: 'kingfisher' })).hits).toHaveLength(1),
      soon,
    );
    rmSync(`${root}.before`, { recursive: true });
  });
});
