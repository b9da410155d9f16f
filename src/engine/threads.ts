import { Turns } from '../turns.ts';

/** Of libuv's four, which the whole process shares: one is left for what is short, as preparing and files. */
const LONG = 3;
/** Of those, so that a stream always finds one. */
const STATEMENTS = 2;

const turns = new Turns(LONG);
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
