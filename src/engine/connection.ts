import { type DuckDBConnection, DuckDBDataChunk, type DuckDBType, type DuckDBValue } from '@duckdb/node-api';
import { failpoint } from '../failpoints.ts';
import { appendRows } from './appending.ts';
import { fromDuckDB } from './errors.ts';
import { interrupt } from './interrupt.ts';
import { OWN_SCHEMA, ownSchemaOf, quotedName, seclude } from './own-schema.ts';
import { runStatements } from './statements.ts';

/** One value of a row, as `@duckdb/node-api` gives it in its JS form. */
export type JsValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Date
  | JsValue[]
  | { [key: string]: JsValue };
export type JsRow = Record<string, JsValue>;

/** A column for {@link Connection.append}; BIGINT columns may be given as safe integers. */
export type AppendColumn = readonly (string | number | bigint | boolean | null)[] | Int32Array | Float64Array;

/**
 * A connection of our own: what the index needs of DuckDB, and all it gets: no import of the driver outside this
 * folder. Its statements name our tables without a schema, and nothing that users define changes their meaning.
 * One connection runs one statement at a time; the caller does not overlap calls.
 */
export interface Connection {
  /** The catalog of the file, quoted, for a statement about the whole of it. */
  readonly catalog: string;
  /** Our schema with its catalog, quoted, for a statement that creates a table. */
  readonly schema: string;
  /** Runs one statement and returns all its rows. Params are `$1`-style. */
  all(sql: string, params?: readonly JsValue[]): Promise<JsRow[]>;
  /** Runs one or more statements; the number of rows that the last one changed. */
  run(sql: string, params?: readonly JsValue[]): Promise<number>;
  /** Appends columns of one length to a table of ours, in its column order, in the current transaction. */
  append(table: string, columns: readonly AppendColumn[]): Promise<void>;
  /** `fn` sees the database as it stands at one moment, and changes nothing. */
  snapshot<T>(fn: () => Promise<T>): Promise<T>;
  /** `fn` inside BEGIN … COMMIT; rolled back when it throws. */
  transaction<T>(fn: () => Promise<T>): Promise<T>;
  /** Ends the running statement with an ABORTED error within a few ms. */
  interrupt(): void;
  close(): void;
}

/** Rows in one of DuckDB's data chunks. */
const CHUNK_ROWS = 2048;

export interface ConnectionOptions {
  /** The catalog that holds our schema. */
  readonly catalog: string;
  readonly readOnly?: boolean;
  /** Rejects where this process may not write any more; asked before each commit. */
  readonly checkFence?: () => Promise<void>;
}

/** Makes a connection of our own of a new one of the driver's. */
export async function createConnection(
  duck: DuckDBConnection,
  { catalog, readOnly = false, checkFence = async () => undefined }: ConnectionOptions,
): Promise<Connection> {
  await seclude(duck, catalog, !readOnly);
  const run = async (sql: string, params?: readonly JsValue[]): Promise<number> =>
    (await runStatements(duck, sql, params)).rowsChanged;
  return {
    catalog: quotedName(catalog),
    schema: ownSchemaOf(catalog),
    async all(sql, params) {
      const result = await runStatements(duck, sql, params);
      return (await result.getRowObjectsJS()) as JsRow[];
    },
    run,
    append: (table, columns) => append(duck, { catalog, table }, columns),
    async snapshot(fn) {
      await run('BEGIN TRANSACTION READ ONLY');
      try {
        return await fn();
      } finally {
        await run('ROLLBACK').catch(() => undefined);
      }
    },
    async transaction(fn) {
      await run('BEGIN');
      try {
        const value = await fn();
        await checkFence();
        failpoint('index.ready');
        await run('COMMIT');
        failpoint('index.done');
        return value;
      } catch (error) {
        // A failed COMMIT has rolled back already, and then ROLLBACK has nothing to do.
        await run('ROLLBACK').catch(() => undefined);
        throw error;
      }
    },
    interrupt: () => interrupt(duck),
    close: () => duck.closeSync(),
  };
}

async function append(
  duck: DuckDBConnection,
  { catalog, table }: { readonly catalog: string; readonly table: string },
  columns: readonly AppendColumn[],
): Promise<void> {
  try {
    const appender = await duck.createAppender(table, OWN_SCHEMA, catalog);
    appendRows(appender, () => {
      const types = columns.map((_, i) => appender.columnType(i));
      const rows = columns[0]?.length ?? 0;
      for (let from = 0; from < rows; from += CHUNK_ROWS) {
        appender.appendDataChunk(chunkOf(columns, types, from, Math.min(from + CHUNK_ROWS, rows)));
      }
    });
  } catch (error) {
    throw fromDuckDB(error);
  }
}

function chunkOf(
  columns: readonly AppendColumn[],
  types: readonly DuckDBType[],
  from: number,
  to: number,
): DuckDBDataChunk {
  const chunk = DuckDBDataChunk.create(types, to - from);
  columns.forEach((column, i) => {
    const big = `${types[i]}` === 'BIGINT';
    const values: DuckDBValue[] = new Array(to - from);
    for (let row = from; row < to; row++) {
      const value = column[row] ?? null;
      values[row - from] = big && typeof value === 'number' ? BigInt(value) : value;
    }
    chunk.setColumnValues(i, values);
  });
  return chunk;
}
