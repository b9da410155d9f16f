import { stat } from 'node:fs/promises';
import type { Connection } from '../engine/connection.ts';

/**
 * A log that is worth a checkpoint, in bytes. Replaying costs whoever opens the file next 3 to 4 ms per MB, DuckDB
 * itself writes the log back at 16 MB; the few KB of a saved file cost it nothing and the next save a rewrite.
 */
const LOG_BYTES = 1024 * 1024;

/**
 * Writes a long log back into the database, so that the one who opens it after a kill has none to replay. Searches
 * under way do not hinder it and are not hindered; where DuckDB refuses, the log is replayed as before.
 */
export async function shortenLog(connection: Connection, db: string): Promise<void> {
  // Only stat'ed: opening anything of the database in this process would drop DuckDB's lock.
  const log = await stat(`${db}.wal`).catch(() => null);
  if (!log || log.size < LOG_BYTES) return;
  // By name: on a connection of our own, the default catalog is DuckDB's internal one.
  await connection.run(`CHECKPOINT ${connection.catalog}`).catch(() => undefined);
}
