import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { type DuckDBPendingResult, DuckDBPendingResultState, type DuckDBResult } from '@duckdb/node-api';
import bindings, { type PendingResult } from '@duckdb/node-bindings';
import { onEndlessThread, onFreeThread, onThread } from './threads.ts';

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

/** A task that took longer is no task for this thread, in ms, and neither is the next of its statement. */
const HEAVY_MS = 20;

/**
 * - `light`: all its tasks are short
 * - `planning`: its planning may be long
 * - `endless`: a task may never come back
 */
export type Weight = 'light' | 'any' | 'planning' | 'endless';

/** When a short statement last began or ended. */
let lastShort = Number.NEGATIVE_INFINITY;

/** A bound statement, and the two ways to run it. */
export interface Executable {
  /** Plans it here, and leaves its tasks to the caller. */
  start(): DuckDBPendingResult;
  /** Plans and runs it on a thread of libuv's. */
  run(): Promise<DuckDBResult>;
}

/**
 * Runs a statement. One of a client goes to a thread of libuv's, while one is free: a task of it may take a minute (a
 * costly expression over 100,000 rows is one task), and so may its planning, which computes what depends on no row.
 * Nothing could interrupt that here, or answer anybody else.
 *
 * The light ones, and whatever finds no thread free, run here, one task at a time, with the loop given back between
 * slices: slow queries would hold all threads of libuv's, and stop every query and file system call of the process.
 * This thread serves everybody, so a long statement has it only when nobody else wants it. While short ones are
 * about it runs a task (some 1 ms) now and then, and the rest is left to DuckDB's other threads.
 */
export async function execute(
  statement: Executable,
  weight: Weight,
  signal?: AbortSignal,
): Promise<DuckDBResult> {
  // Its task may wait for a pipe, and this thread must not.
  if (weight === 'endless') return onEndlessThread(() => statement.run(), signal);
  const isLight = weight === 'light';
  const elsewhere = isLight ? null : onFreeThread(() => statement.run());
  if (!elsewhere && weight === 'planning') return onThread(() => statement.run(), signal);
  return elsewhere ?? (await executeHere(statement.start(), isLight));
}

async function executeHere(pending: DuckDBPendingResult, isLight: boolean): Promise<DuckDBResult> {
  const began = performance.now();
  lastShort = began;
  let sliceEnd = began + SLICE_MS;
  let isHeavy = false;
  for (;;) {
    const elsewhere = isLight ? null : onFreeThread(() => pending.getResult());
    if (elsewhere) return elsewhere;
    const before = performance.now();
    const state = isHeavy ? look(pending) : pending.runTask();
    const now = performance.now();
    isHeavy ||= !isLight && now - before > HEAVY_MS;
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
 * What the driver does not offer: to look without running a task. DuckDB (1.5.6) says ERROR, without a word, of what
 * has ended well.
 * @throws DuckDB's error
 */
function look(pending: DuckDBPendingResult): DuckDBPendingResultState {
  const { pending_result: inner } = pending as unknown as { readonly pending_result: PendingResult };
  const state = bindings.pending_execute_check_state(inner);
  const message = state === bindings.PendingState.ERROR ? bindings.pending_error(inner) : '';
  if (message !== '') throw new Error(message);
  const isOver = state === bindings.PendingState.ERROR || state === bindings.PendingState.RESULT_READY;
  return isOver ? DuckDBPendingResultState.RESULT_READY : DuckDBPendingResultState.NO_TASKS_AVAILABLE;
}
