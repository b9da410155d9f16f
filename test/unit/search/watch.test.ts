import { appendFileSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { SearchIndex } from '../../../src/search/index.ts';
import { openTestIndex, tempTree, writeTree } from './fixture.ts';

const soon = { timeout: 20_000, interval: 20 };
const pathsOf = async (index: SearchIndex, query: string) =>
  (await index.search({ query })).hits.map(({ path }) => path);

async function watched(files: Record<string, string>) {
  const root = tempTree(files);
  const { index } = await openTestIndex();
  const release = await index.watch(root);
  return { root, index, release };
}

describe('a watched tree', () => {
  test('is indexed when the watch has begun', async () => {
    const { index } = await watched({ 'a.txt': 'heron' });
    expect(await pathsOf(index, 'heron')).toEqual(['a.txt']);
  });

  test('shows new, changed, moved and removed files', async () => {
    const { root, index } = await watched({ 'a.txt': 'heron', 'b.txt': 'heron' });
    writeTree(root, { 'new/deep/c.txt': 'kingfisher' });
    await vi.waitFor(
      async () => expect(await pathsOf(index, 'kingfisher')).toEqual(['new/deep/c.txt']),
      soon,
    );
    appendFileSync(join(root, 'a.txt'), ' kingfisher');
    await vi.waitFor(async () => expect(await pathsOf(index, 'kingfisher')).toContain('a.txt'), soon);
    renameSync(join(root, 'new'), join(root, 'moved'));
    await vi.waitFor(async () => expect(await pathsOf(index, 'deep')).toEqual(['moved/deep/c.txt']), soon);
    rmSync(join(root, 'moved'), { recursive: true });
    await vi.waitFor(async () => expect(await pathsOf(index, 'kingfisher')).toEqual(['a.txt']), soon);
    // The last events of a burst may come after the files that they speak of were seen.
    await vi.waitFor(async () => expect((await index.status())?.pending).toBe(0), soon);
  });

  test('follows its .gitignore', async () => {
    const { root, index } = await watched({ 'gen/a.txt': 'heron', 'b.txt': 'heron' });
    writeTree(root, { '.gitignore': 'gen/\n' });
    await vi.waitFor(async () => expect(await pathsOf(index, 'heron')).toEqual(['b.txt']), soon);
    writeTree(root, { '.gitignore': '' });
    await vi.waitFor(async () => expect(await pathsOf(index, 'heron')).toHaveLength(2), soon);
    writeTree(root, { 'gen/c.txt': 'heron' });
    await vi.waitFor(async () => expect(await pathsOf(index, 'heron')).toHaveLength(3), soon);
  });

  test('is watched until the last holder lets go', async () => {
    const { root, index, release } = await watched({ 'a.txt': 'heron' });
    const second = await index.watch(root);
    await release();
    await release();
    writeTree(root, { 'b.txt': 'bittern' });
    await vi.waitFor(async () => expect(await pathsOf(index, 'bittern')).toEqual(['b.txt']), soon);
    await second();
  });

  test('that cannot be indexed is not watched', async () => {
    const { index } = await openTestIndex();
    await expect(index.watch('/nowhere/at/all')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await index.status()).toBeNull();
  });

  test('is refused where the database is read-only', async () => {
    const { index } = await openTestIndex({ readOnly: true });
    await expect(index.watch(tempTree({}))).rejects.toMatchObject({ code: 'READ_ONLY' });
  });
});

test('file events arrive in a worker thread, where the owner runs', async () => {
  const root = tempTree({});
  mkdirSync(join(root, 'sub'));
  const code = `
    const { parentPort } = require('node:worker_threads');
    require('@parcel/watcher').subscribe(${JSON.stringify(root)}, (error, events) => {
      parentPort.postMessage(events.map(({ path }) => path));
    }).then(() => parentPort.postMessage('ready'));`;
  const worker = new Worker(code, { eval: true });
  onTestFinished(async () => void (await worker.terminate()));
  const seen: unknown[] = [];
  worker.on('message', (message) => {
    if (message === 'ready') writeTree(root, { 'sub/a.txt': 'x' });
    else seen.push(...message);
  });
  await vi.waitFor(() => expect(seen).toContain(join(root, 'sub/a.txt')), soon);
});
