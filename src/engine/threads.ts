import { setTimeout as sleep } from 'node:timers/promises';
import { Turns } from '../turns.ts';

/**
 * Who may hold a thread of libuv's, and how many at once. The whole process shares them, Node's own file system calls
 * included, and a statement that waits for a pipe, a device or a dead network drive holds one for as long as that
 * takes: no interrupt of DuckDB's reaches it.
 */

/** Threads of libuv's: 4, or what the environment said when the process started. */
const THREADS = Math.max(Number(process.env.UV_THREADPOOL_SIZE) || 4, 4);
/** One is left for what is short, as a BEGIN, a light write and files. */
const LONG = THREADS - 1;
/** Of those, so that a stream always finds one. */
const STATEMENTS = 2;
/** Of those, for what may never come back, so that the rest do. */
const ENDLESS = LONG - 1;
/** Preparing takes a ms or less, unless it reads a file, in ms: then it is one that may never come back. */
const SLOW_PREPARE_MS = 100;
/** Texts remembered for that. */
const REMEMBERED = 256;

const turns = new Turns(LONG);
const endless = new Turns(ENDLESS);
/** Where nobody knows whether it comes back, one at a time is tried. */
const trying = new Turns(1);
const slowTexts = new Set<string>();
let statements = 0;

/** Runs what holds a thread of libuv's for as long as DuckDB likes; null, and nothing is run, where none is free. */
export function onFreeThread<T>(run: () => Promise<T>): Promise<T> | null {
  if (statements >= STATEMENTS || !turns.hasFree) return null;
  statements++;
  return turns.take(run).finally(() => {
    statements--;
  });
}

/** The same for what has to wait for one. */
export function onThread<T>(run: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  return turns.take(run, signal);
}

/** The same for what may never come back. */
export function onEndlessThread<T>(run: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  return endless.take(() => turns.take(run, signal), signal);
}

/** True for a text that took so long to prepare that it must have read something. */
export const wasSlow = (text: string): boolean => slowTexts.has(text);

/**
 * Prepares a text that may read a file without saying so, as by a view or a macro. One that does not come back is
 * counted with those of {@link onEndlessThread}, and the next is let in.
 */
export async function onTriedThread<T>(
  text: string,
  run: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  let prepared: Promise<T> | undefined;
  await trying.take(async () => {
    if (wasSlow(text)) return;
    const begun = run();
    prepared = begun;
    const over = begun.then(
      () => true,
      () => true,
    );
    const late = new AbortController();
    const isQuick = await Promise.race([
      over,
      sleep(SLOW_PREPARE_MS, false, { signal: late.signal }).catch(() => true),
    ]);
    late.abort();
    if (isQuick) return;
    noteSlow(text);
    await new Promise<void>((counted) => {
      void over.then(() => counted());
      void endless.take(() => {
        counted();
        return turns.take(() => over);
      });
    });
  }, signal);
  return prepared ?? onEndlessThread(run, signal);
}

function noteSlow(text: string): void {
  slowTexts.add(text);
  const [oldest] = slowTexts;
  if (slowTexts.size > REMEMBERED && oldest !== undefined) slowTexts.delete(oldest);
}
