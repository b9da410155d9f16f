import type { DuckDBConnection } from '@duckdb/node-api';
import { PondError } from '../errors.ts';

/** Between two interrupts of a statement that has not ended yet, in ms. */
const AGAIN = 5;

/**
 * Interrupts a connection until the returned function is called. Once is not enough: DuckDB forgets an interrupt
 * that comes before its query has started, as while a statement is being prepared on another thread.
 */
export function keepInterrupting(connection: DuckDBConnection): () => void {
  connection.interrupt();
  const again = setInterval(() => connection.interrupt(), AGAIN);
  return () => clearInterval(again);
}

/** Runs `work` on the connection and interrupts it when the signal fires. */
export async function interruptible<T>(
  connection: DuckDBConnection,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  if (signal.aborted)
    throw new PondError('ABORTED', 'the call was aborted', { data: { outcome: 'not-committed' } });
  let stop: () => void = () => undefined;
  const interrupt = (): void => {
    stop = keepInterrupting(connection);
  };
  signal.addEventListener('abort', interrupt, { once: true });
  try {
    return await work();
  } finally {
    signal.removeEventListener('abort', interrupt);
    stop();
  }
}
