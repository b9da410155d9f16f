import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { type DuckDBPendingResult, DuckDBPendingResultState, type DuckDBResult } from '@duckdb/node-api';
import bindings, { type PendingResult } from '@duckdb/node-bindings';
import { onFreeThread } from './threads.ts';

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
 * Runs a pending result whose tasks are short, one at a time, and gives the loop back between slices.
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

/**
 * Runs a pending result of a client, never on this thread: one task of it may take a minute (a costly expression
 * over 100,000 rows is one task), and nothing could interrupt it, or answer anybody else.
 *
 * Two at a time run on threads of libuv's, which is the quickest; the others are left to DuckDB's own threads,
 * which take turns between statements (`scheduler_process_partial`), and are looked at until they are done.
 */
export async function executeAside(pending: DuckDBPendingResult): Promise<DuckDBResult> {
  const began = performance.now();
  for (;;) {
    const result = onFreeThread(() => pending.getResult());
    if (result) return result;
    if (isOver(pending)) return pending.getResult();
    if (performance.now() - began < EAGER_MS) await nextTurn();
    else await sleep(1);
  }
}

/**
 * What the driver does not offer: to look without running a task. DuckDB (1.5.6) says ERROR, without a word, of what
 * has ended well.
 * @throws DuckDB's error
 */
function isOver(pending: DuckDBPendingResult): boolean {
  const { pending_result: inner } = pending as unknown as { readonly pending_result: PendingResult };
  const state = bindings.pending_execute_check_state(inner);
  if (state !== bindings.PendingState.ERROR) return state === bindings.PendingState.RESULT_READY;
  const message = bindings.pending_error(inner);
  if (message !== '') throw new Error(message);
  return true;
}
