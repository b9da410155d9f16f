import { DuckDBInstance } from '@duckdb/node-api';
import { type Connection, createConnection } from './connection.ts';

/** A database of no file: it takes no lock, and goes without a trace. */
export interface MemoryDatabase {
  connect(): Promise<Connection>;
  /** Connections are closed by those who opened them. */
  close(): void;
}

export async function openInMemory(): Promise<MemoryDatabase> {
  const instance = await DuckDBInstance.create(':memory:');
  return {
    connect: async () => createConnection(await instance.connect(), { catalog: 'memory' }),
    close: () => instance.closeSync(),
  };
}
