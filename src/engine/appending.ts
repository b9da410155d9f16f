import type { DuckDBAppender } from '@duckdb/node-api';

/**
 * Appends rows, in the transaction that is open on the appender's connection. What cannot be written is thrown away:
 * otherwise the driver writes it when it collects the appender as garbage (@duckdb/node-api 1.5.6), in whatever
 * transaction its connection has by then, or in one of its own.
 */
export function appendRows(appender: DuckDBAppender, fill: () => void): void {
  try {
    fill();
    appender.closeSync();
  } catch (error) {
    appender.clear();
    throw error;
  }
}
