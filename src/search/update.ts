import type { Connection } from '../engine/connection.ts';
import { failpoint } from '../failpoints.ts';
import type { UpdateParams } from '../protocol.ts';
import type { UpdateProgress, UpdateResult } from '../shapes.ts';
import { type Analysis, type FileTask, noChunks } from './analyze.ts';
import { shortenLog } from './checkpoint.ts';
import { throwIfAborted } from './connections.ts';
import { Counts, Progress } from './counts.ts';
import type { OpenGuard } from './open-guard.ts';
import { batchesOf, type Plan, planUpdate, readKnown } from './plan.ts';
import { PostingsBuilder } from './postings.ts';
import { checkRoot, sameRoot, scopesOf } from './root.ts';
import { createTables, type Meta, markComplete, numberAt, readMeta } from './schema.ts';
import { sortPostings } from './sort-postings.ts';
import { walk } from './walk.ts';
import type { WorkerPool } from './worker-pool.ts';
import { writeBatch } from './write-batch.ts';

/** Batches that are read ahead of the one being written, beyond one for each thread. */
const READ_AHEAD = 1;
const NOTHING: Analysis = { outcomes: [], chunks: noChunks(), postings: new PostingsBuilder().build() };
const NS_PER_MS = 1_000_000n;

export interface UpdateContext {
  readonly connection: Connection;
  readonly pool: WorkerPool;
  readonly guard: OpenGuard;
  readonly db: string;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: UpdateProgress) => void;
}

export type UpdateRequest = Omit<UpdateParams, 'progress'>;

/** Brings the index into agreement with the tree below `root`, or with the part of it that `paths` names. */
export async function update(request: UpdateRequest, context: UpdateContext): Promise<UpdateResult> {
  const began = performance.now();
  const { connection, signal, guard } = context;
  const root = await checkRoot(request.root);
  const scopes = scopesOf(request.paths);
  const { complete } = await openIndex(connection, root);
  const progress = new Progress(context.onProgress);
  const walked = await walk({ root, scopes, guard, signal, onFile: (size) => progress.found(size) });
  const plan = planUpdate(walked.files, await readKnown(connection, scopes), request.full ?? false);
  const counts = new Counts(plan, walked.skipped);
  progress.plan(plan);
  await apply(plan, root, context, (tasks, analysis) => {
    counts.add(tasks, analysis, plan);
    progress.indexed(tasks);
  });
  if (!complete && scopes.includes('')) await connection.transaction(() => markComplete(connection));
  await sortPostings(connection, await openIndex(connection, root), () => progress.sorting());
  await shortenLog(connection, context.db);
  const ms = Math.round(performance.now() - began);
  return { root, db: context.db, ...counts.result(), ...(await totals(connection)), ms };
}

async function openIndex(connection: Connection, root: string): Promise<Meta> {
  const meta = await readMeta(connection);
  if (meta) return sameRoot(meta, root);
  await createTables(connection, root);
  return openIndex(connection, root);
}

/** Writes batch after batch in their order while the threads read the next ones. */
async function apply(
  plan: Plan,
  root: string,
  { connection, pool, signal }: UpdateContext,
  onBatch: (tasks: readonly FileTask[], analysis: Analysis) => void,
): Promise<void> {
  const batches = batchesOf(plan.tasks);
  const rowOf = (path: string) => plan.known.get(path)?.file;
  const readAt = BigInt(Date.now()) * NS_PER_MS;
  // Files that are gone go with the first batch: a small edit, a rename for one, is a single transaction.
  let gone = plan.gone.map(({ file }) => file);
  if (batches.length === 0 && gone.length > 0) batches.push([]);
  const reading: Promise<Analysis>[] = [];
  for (const [i, tasks] of batches.entries()) {
    while (reading.length < batches.length && reading.length <= i + pool.size + READ_AHEAD) {
      const files = batches[reading.length] ?? [];
      const analysis = files.length === 0 ? Promise.resolve(NOTHING) : pool.analyze({ root, files });
      // An update that fails does not wait for what it read ahead.
      analysis.catch(() => {});
      reading.push(analysis);
    }
    const analysis = (await reading[i]) ?? NOTHING;
    reading[i] = Promise.resolve(NOTHING);
    if (failpoint('index.batch')) await new Promise((end) => signal.addEventListener('abort', end));
    throwIfAborted(signal);
    const stale = [...gone, ...staleRows(tasks, analysis, rowOf)];
    gone = [];
    await writeBatch(connection, { tasks, analysis, stale, rowOf, readAt });
    throwIfAborted(signal);
    onBatch(tasks, analysis);
  }
}

/** The rows that these files had and that do not hold any more. */
function staleRows(
  tasks: readonly FileTask[],
  { outcomes }: Analysis,
  rowOf: (path: string) => number | undefined,
): number[] {
  const rows = tasks.map((task, i) => (outcomes[i]?.status === 'same' ? undefined : rowOf(task.path)));
  return rows.filter((row) => row !== undefined);
}

async function totals(connection: Connection) {
  const [row] = await connection.all(`
    SELECT count(*) AS files, sum(size) AS bytes, (SELECT count(*) FROM chunks) AS chunks,
      (SELECT value FROM index_meta WHERE key = 'generation') AS generation
    FROM files WHERE skipped IS NULL`);
  const number = (column: string) => numberAt(row, column);
  return {
    files: number('files'),
    chunks: number('chunks'),
    bytes: number('bytes'),
    generation: number('generation'),
  };
}
