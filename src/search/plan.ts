import type { Connection } from '../engine/connection.ts';
import type { FileTask } from './analyze.ts';
import { isUnchanged, STAMP, type Stamp, stampOf } from './stamp.ts';
import type { WalkedFile } from './walk.ts';

/** A row of `_onepond.files`, as far as an update compares it. */
export interface KnownFile extends Stamp {
  readonly file: number;
  readonly path: string;
  readonly skipped: boolean;
}

export interface Plan {
  /** To be read: new, or changed as far as its stat data tells. */
  readonly tasks: readonly FileTask[];
  readonly gone: readonly KnownFile[];
  readonly unchanged: readonly KnownFile[];
  readonly known: ReadonlyMap<string, KnownFile>;
}

/** The rows within the scopes: what an update of these paths may find gone. */
export async function readKnown(connection: Connection, scopes: readonly string[]): Promise<KnownFile[]> {
  if (scopes.length === 0) return [];
  const all = scopes.includes('');
  const within = scopes.map((_, i) => `path = $${i + 1} OR starts_with(path, $${i + 1} || '/')`).join(' OR ');
  const rows = await connection.all(
    `SELECT file, path, ${STAMP}, skipped IS NOT NULL AS skipped FROM files
     ${all ? '' : `WHERE ${within}`}`,
    all ? [] : scopes,
  );
  return rows.map((row) => ({
    file: Number(row.file),
    path: String(row.path),
    ...stampOf(row),
    skipped: row.skipped === true,
  }));
}

export function planUpdate(walked: readonly WalkedFile[], rows: readonly KnownFile[], full: boolean): Plan {
  const known = new Map(rows.map((row) => [row.path, row]));
  const seen = new Set<string>();
  const tasks: FileTask[] = [];
  const unchanged: KnownFile[] = [];
  for (const file of walked) {
    seen.add(file.path);
    const row = known.get(file.path);
    if (row && !full && isUnchanged(row, file)) unchanged.push(row);
    else tasks.push({ ...file, knownHash: row?.hash ?? null });
  }
  return { tasks, unchanged, known, gone: rows.filter((row) => !seen.has(row.path)) };
}

/** A search sees a batch wholly or not at all; what a kill costs is the work on one. */
const BATCH_BYTES = 4 * 1024 * 1024;
const BATCH_FILES = 500;

export function batchesOf(tasks: readonly FileTask[]): FileTask[][] {
  const batches: FileTask[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const task of tasks) {
    const open = batches.at(-1);
    if (open && bytes + task.size <= BATCH_BYTES && open.length < BATCH_FILES) {
      open.push(task);
      bytes += task.size;
    } else {
      batches.push([task]);
      bytes = task.size;
    }
  }
  return batches;
}
