import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { type DuckDBPendingResult, DuckDBPendingResultState, type DuckDBResult } from '@duckdb/node-api';

/** How long one statement may keep the loop before the others get a turn, in ms. */
const SLICE_MS = 1;
/** How long DuckDB's threads are waited for by looking again at once, in ms: most short queries end in it. */
const EAGER_MS = 4;
/** A statement that has run for longer is long, in ms: it gives way to short ones. */
const SHORT_MS = 30;
/** Short statements are about until none has begun or ended for so long, in ms. */
const QUIET_MS = 25;
/** Between two tasks of a long statement while short ones are about, in ms. */
const PACE_MS = 8;

/** When a short statement last began or ended. */
let lastShort = Number.NEGATIVE_INFINITY;

/**
 * Runs a pending result one task at a time and gives the loop back between slices.
 *
 * A query that runs inside the driver's own `run()` holds one of libuv's four threads until it ends, and all
 * threads of the process share them: four long queries stop everyone's queries and file system calls. Run in
 * slices, DuckDB's own threads do the work and nothing of libuv is held.
 *
 * This thread serves everybody, so a long statement has it only when nobody else wants it. While short ones are
 * about it runs a task (some 1 ms) now and then, and the rest is left to DuckDB's other threads.
 */
export async function execute(pending: DuckDBPendingResult): Promise<DuckDBResult> {
  const began = performance.now();
  lastShort = began;
  let sliceEnd = began + SLICE_MS;
  for (;;) {
    const state = pending.runTask();
    const now = performance.now();
    const isShort = now - began < SHORT_MS;
    if (isShort) lastShort = now;
    if (state === DuckDBPendingResultState.RESULT_READY) return pending.getResult();
    const isWaiting = state === DuckDBPendingResultState.NO_TASKS_AVAILABLE;
    if (!isShort && now - lastShort < QUIET_MS) await sleep(PACE_MS);
    // No task for this thread: DuckDB's threads are at it, and asking on and on would only burn a core.
    else if (isWaiting && now - began >= EAGER_MS) await sleep(1);
    else if (isWaiting || now >= sliceEnd) await nextTurn();
    else continue;
    sliceEnd = performance.now() + SLICE_MS;
  }
}
