import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { type DuckDBPendingResult, DuckDBPendingResultState, type DuckDBResult } from '@duckdb/node-api';

/** How long one statement may keep the loop before the others get a turn, in ms. */
const SLICE_MS = 1;
/** How long DuckDB's threads are waited for by looking again at once, in ms: most short queries end in it. */
const EAGER_MS = 0.5;

/**
 * Runs a pending result one task at a time and gives the loop back between slices.
 *
 * A query that runs inside the driver's own `run()` holds one of libuv's four threads until it ends, and all
 * threads of the process share them: four long queries stop everyone's queries and file system calls. Run in
 * slices, DuckDB's own threads do the work and nothing of libuv is held.
 */
export async function execute(pending: DuckDBPendingResult): Promise<DuckDBResult> {
  const eagerEnd = performance.now() + EAGER_MS;
  let sliceEnd = performance.now() + SLICE_MS;
  for (;;) {
    const state = pending.runTask();
    if (state === DuckDBPendingResultState.RESULT_READY) return pending.getResult();
    const now = performance.now();
    // No task for this thread: DuckDB's threads are at it, and asking on and on would only burn a core.
    if (state === DuckDBPendingResultState.NO_TASKS_AVAILABLE && now >= eagerEnd) await sleep(1);
    else if (state === DuckDBPendingResultState.NO_TASKS_AVAILABLE || now >= sliceEnd) await nextTurn();
    else continue;
    sliceEnd = performance.now() + SLICE_MS;
  }
}
