import type { Connection } from '../engine/connection.ts';
import type { Analysis, FileOutcome, FileTask } from './analyze.ts';
import { bumpGeneration, numberAt } from './schema.ts';

/**
 * File systems stamp with a resolution of up to 2 s (FAT): a file that changed less than this before it was
 * read can change again without a change of its time. It is stored without a time, and hashed next time.
 */
const RACY_NS = 2_000_000_000n;

export interface Batch {
  readonly tasks: readonly FileTask[];
  readonly analysis: Analysis;
  /** Rows of `files` that go, with their chunks and postings: of changed files and of files no longer there. */
  readonly stale: readonly number[];
  /** Rows of `files` by path, for those whose content proves to be the same. */
  readonly rowOf: (path: string) => number | undefined;
  /** When the reading began, in ns since the epoch. */
  readonly readAt: bigint;
}

/** One transaction: a search sees all of the batch or nothing. */
export function writeBatch(connection: Connection, batch: Batch): Promise<void> {
  return connection.transaction(async () => {
    const firstFile = await nextId(connection, 'file', 'files');
    const firstChunk = await nextId(connection, 'chunk', 'chunks');
    await deleteFiles(connection, batch.stale);
    await restamp(connection, batch);
    const appended = await appendFiles(connection, batch, firstFile);
    await appendChunks(connection, batch.analysis, firstFile, firstChunk);
    if (appended + batch.stale.length > 0) await bumpGeneration(connection);
  });
}

async function nextId(connection: Connection, column: string, table: string): Promise<number> {
  const [row] = await connection.all(`SELECT max(${column}) + 1 AS next FROM ${table}`);
  return numberAt(row, 'next');
}

async function deleteFiles(connection: Connection, files: readonly number[]): Promise<void> {
  if (files.length === 0) return;
  const chunks = `SELECT chunk FROM chunks WHERE file IN (${files.join(', ')})`;
  await connection.run(`DELETE FROM postings WHERE chunk IN (${chunks})`);
  await connection.run(`DELETE FROM chunks WHERE file IN (${files.join(', ')})`);
  await connection.run(`DELETE FROM files WHERE file IN (${files.join(', ')})`);
}

/**
 * Same content under another time or size of record, as of a file that was written between the walk and the read:
 * the stamp is stored anew.
 */
async function restamp(connection: Connection, batch: Batch): Promise<void> {
  const values = batch.tasks.flatMap((task, i) => {
    const row = batch.analysis.outcomes[i]?.status === 'same' ? batch.rowOf(task.path) : undefined;
    const mtime = settledMtime(task, batch.readAt) ?? 'NULL';
    const stamp = [task.size, mtime, task.ctimeNs, task.ino].map((value) => `${value}::BIGINT`);
    return row === undefined ? [] : [`(${row}, ${stamp.join(', ')})`];
  });
  if (values.length === 0) return;
  await connection.run(`
    UPDATE files
    SET size = stamp.size, mtime_ns = stamp.mtime_ns, ctime_ns = stamp.ctime_ns, inode = stamp.inode
    FROM (VALUES ${values.join(', ')}) stamp(file, size, mtime_ns, ctime_ns, inode)
    WHERE files.file = stamp.file`);
}

function settledMtime(task: FileTask, readAt: bigint): bigint | null {
  return readAt - task.mtimeNs < RACY_NS ? null : task.mtimeNs;
}

/** Ids are the position in the batch on top of `firstFile`, so that chunks can name their file. */
async function appendFiles(connection: Connection, batch: Batch, firstFile: number): Promise<number> {
  const rows = batch.tasks.flatMap((task, i) => {
    const outcome = batch.analysis.outcomes[i];
    return outcome && isStored(outcome) ? [{ task, outcome, file: firstFile + i }] : [];
  });
  if (rows.length === 0) return 0;
  await connection.append('files', [
    rows.map(({ file }) => file),
    rows.map(({ task }) => task.path),
    rows.map(({ outcome }) => (outcome.status === 'text' ? outcome.lang : null)),
    rows.map(({ task }) => task.size),
    rows.map(({ task }) => settledMtime(task, batch.readAt)),
    rows.map(({ task }) => task.ctimeNs),
    rows.map(({ task }) => task.ino),
    rows.map(({ outcome }) => outcome.hash),
    rows.map(({ outcome }) => (outcome.status === 'binary' ? 'binary' : null)),
  ]);
  return rows.length;
}

type StoredOutcome = Extract<FileOutcome, { hash: string }>;

function isStored(outcome: FileOutcome): outcome is StoredOutcome {
  return outcome.status === 'text' || outcome.status === 'binary';
}

async function appendChunks(
  connection: Connection,
  { chunks, postings }: Analysis,
  firstFile: number,
  firstChunk: number,
): Promise<void> {
  if (chunks.file.length === 0) return;
  await connection.append('chunks', [
    chunks.file.map((_, i) => firstChunk + i),
    chunks.file.map((position) => firstFile + position),
    chunks.path,
    chunks.lang,
    chunks.startLine,
    chunks.endLine,
    chunks.symbol,
    chunks.text,
    chunks.length,
  ]);
  const chunk = postings.chunk.map((position) => firstChunk + position);
  await connection.append('postings', [postings.term, chunk, postings.frequency, postings.length]);
}
