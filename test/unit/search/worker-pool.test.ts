import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { expect, onTestFinished, test } from 'vitest';
import { createWorkerPool } from '../../../src/search/worker-pool.ts';
import { openTestIndex, tempFolder, tempTree } from './fixture.ts';

/** As the package ships it: one file beside the others. */
async function bundledWorker(): Promise<URL> {
  const outfile = join(tempFolder(), 'tokenize-worker.mjs');
  await build({
    entryPoints: [join(import.meta.dirname, '../../../src/search/tokenize-worker.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile,
  });
  return pathToFileURL(outfile);
}

test('threads give the same index as one thread does', async () => {
  const root = tempTree(
    Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`f${i}.ts`, `const pond${i} = ${i};`])),
  );
  const inline = await openTestIndex();
  const threaded = await openTestIndex({ worker: await bundledWorker() });
  const { ms: _a, db: _b, ...first } = await inline.index.update({ root });
  const { ms: _c, db: _d, ...second } = await threaded.index.update({ root });
  expect(second).toEqual(first);
  const hits = async ({ index }: typeof inline) => (await index.search({ query: 'pond7 const' })).hits;
  expect(await hits(threaded)).toEqual(await hits(inline));
});

test('a thread that fails takes its own request with it, and the next one gets a new thread', async () => {
  const pool = createWorkerPool(await bundledWorker(), 1);
  onTestFinished(() => pool.close());
  const broken = { root: null as unknown as string, files: [{}] as never };
  await expect(pool.analyze(broken)).rejects.toThrow();
  await expect(pool.analyze({ root: '/', files: [] })).resolves.toMatchObject({ outcomes: [] });
});

test('a closed pool ends what waits', async () => {
  const pool = createWorkerPool(await bundledWorker(), 1);
  const pending = [pool.analyze({ root: '/', files: [] }), pool.analyze({ root: '/', files: [] })];
  const settled = Promise.allSettled(pending);
  await pool.close();
  for (const result of await settled)
    expect(result).toMatchObject({ status: 'rejected', reason: { code: 'CLOSED' } });
  await expect(pool.analyze({ root: '/', files: [] })).rejects.toMatchObject({ code: 'CLOSED' });
});
