import type { DuckDBConnection } from '@duckdb/node-api';
import { PondError } from '../errors.ts';

/** Between two interrupts of a statement that has not ended yet, in ms. */
const AGAIN = 5;

/** Connections on which a transaction is being begun or ended. */
const ending = new WeakSet<DuckDBConnection>();

/** Ends what runs on the connection, unless that is the end of a transaction: see {@link uninterrupted}. */
export function interrupt(connection: DuckDBConnection): void {
  if (!ending.has(connection)) connection.interrupt();
}

/**
 * Runs a BEGIN, COMMIT or ROLLBACK to its end. An interrupt that reaches a COMMIT late makes DuckDB (1.5.6) say
 * INTERRUPT of a transaction that is committed, and its caller would do it again. One that came before is forgotten.
 */
export async function uninterrupted<T>(connection: DuckDBConnection, run: () => Promise<T>): Promise<T> {
  ending.add(connection);
  try {
    return await run();
  } finally {
    ending.delete(connection);
  }
}

/**
 * Interrupts a connection until the returned function is called. Once is not enough: DuckDB forgets an interrupt
 * that comes before its query has started, as while a statement is being prepared on another thread.
 */
export function keepInterrupting(connection: DuckDBConnection): () => void {
  interrupt(connection);
  const again = setInterval(() => interrupt(connection), AGAIN);
  return () => clearInterval(again);
}

/** @throws PondError ABORTED, where nothing of the call has begun */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new PondError('ABORTED', 'the call was aborted');
}

/** Runs `work` on the connection and interrupts it when the signal fires. */
export async function interruptible<T>(
  connection: DuckDBConnection,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  throwIfAborted(signal);
  let stop: () => void = () => undefined;
  const begin = (): void => {
    stop = keepInterrupting(connection);
  };
  signal.addEventListener('abort', begin, { once: true });
  try {
    return await work();
  } finally {
    signal.removeEventListener('abort', begin);
    stop();
  }
}
