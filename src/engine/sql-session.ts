import { type DuckDBConnection, type DuckDBResult, StatementType } from '@duckdb/node-api';
import { PondError } from '../errors.ts';
import type {
  QueryParams,
  QueryResult,
  RunParams,
  RunResult,
  StreamNextResult,
  StreamOpenParams,
  StreamOpenResult,
} from '../protocol.ts';
import { decode } from '../values.ts';
import type { BindParams } from './bind.ts';
import { Cursor } from './cursor.ts';
import type { Database } from './database.ts';
import { interruptible, keepInterrupting } from './interrupt.ts';
import { reviveDriverValue } from './revive.ts';
import { collectRows } from './rows.ts';
import { type BeforeStatement, runStatements, type StatementInfo } from './statements.ts';
import { Turns } from './turns.ts';

export interface SqlSessionOptions {
  readonly readOnly: boolean;
  /** Tells the client that its call is about to change data; resolved once the word is with the kernel. */
  readonly announce: (call: number) => Promise<void>;
}

/** What DuckDB's read-only transactions let through, and a read-only handle may not do all the same. */
const NOT_FOR_READERS: ReadonlySet<StatementType> = new Set([
  StatementType.TRANSACTION,
  StatementType.ATTACH,
  StatementType.DETACH,
  StatementType.COPY,
  StatementType.COPY_DATABASE,
  StatementType.EXPORT,
  StatementType.LOAD,
  StatementType.EXTENSION,
  StatementType.UPDATE_EXTENSIONS,
  StatementType.VACUUM,
]);

/** One client's SQL: a DuckDB connection of its own, statements one after the other, and its open cursors. */
export class SqlSession {
  readonly #database: Database;
  readonly #connection: DuckDBConnection;
  readonly #options: SqlSessionOptions;
  readonly #turns = new Turns();
  readonly #cursors = new Map<number, Cursor>();
  #lastCursor = 0;
  #inTransaction = false;
  #closed = false;

  constructor(database: Database, connection: DuckDBConnection, options: SqlSessionOptions) {
    this.#database = database;
    this.#connection = connection;
    this.#options = options;
  }

  async query(params: QueryParams, signal: AbortSignal): Promise<QueryResult> {
    return this.#run(params, signal, async (result) => {
      const rows = await collectRows(result, params.values ?? 'js', params);
      return { names: result.deduplicatedColumnNames(), rows, inTransaction: this.#inTransaction };
    });
  }

  async run(params: RunParams, signal: AbortSignal): Promise<RunResult> {
    const { epoch } = this.#database;
    return this.#run(params, signal, async ({ rowsChanged }) => {
      return { rowsChanged, epoch, replayed: false, inTransaction: this.#inTransaction };
    });
  }

  /** A stream reads on a connection of its own, so that its consumer may use the session between two batches. */
  async openCursor(params: StreamOpenParams, signal: AbortSignal): Promise<StreamOpenResult> {
    if (this.#options.readOnly) refuseFiles(params.sql);
    const cursor = await Cursor.open(await this.#database.driverConnection(), {
      sql: params.sql,
      params: bound(params),
      form: params.values ?? 'js',
      readOnly: this.#options.readOnly,
      before: this.#before(params.call),
      signal,
      fetches: this.#database.fetches,
    });
    if (this.#closed) {
      await cursor.close();
      throw new PondError('ABORTED', 'the session was closed');
    }
    const id = ++this.#lastCursor;
    this.#cursors.set(id, cursor);
    return { cursor: id, names: cursor.names };
  }

  async nextBatch(id: number, batchSize: number, signal: AbortSignal): Promise<StreamNextResult> {
    const cursor = this.#cursors.get(id);
    if (!cursor) throw new PondError('INVALID', `there is no open cursor ${id}`);
    const batch = await cursor.next(batchSize, signal);
    if (batch.done) await this.closeCursor(id);
    return batch;
  }

  async closeCursor(id: number): Promise<void> {
    const cursor = this.#cursors.get(id);
    this.#cursors.delete(id);
    await cursor?.close();
  }

  /** Interrupts what runs and lets go of the connection; an open transaction is rolled back by DuckDB. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const cursors = [...this.#cursors.keys()].map((id) => this.closeCursor(id));
    const stop = keepInterrupting(this.#connection);
    // Whatever the interrupt ended still holds the turn for a moment: closing under it would crash.
    const own = this.#turns.take(async () => {
      stop();
      this.#connection.closeSync();
    });
    await Promise.all([own, ...cursors]);
  }

  async #run<T>(
    params: RunParams,
    signal: AbortSignal,
    read: (result: DuckDBResult) => Promise<T>,
  ): Promise<T> {
    return this.#turns.take(async () => {
      const connection = this.#connection;
      const before = this.#before(params.call);
      const run = async (): Promise<T> =>
        read(await runStatements(connection, params.sql, bound(params), { before }));
      if (this.#options.readOnly) refuseFiles(params.sql);
      // Without what surrounds it: a ROLLBACK that is interrupted leaves its transaction open.
      const work = (): Promise<T> => interruptible(connection, signal, run);
      try {
        return this.#options.readOnly ? await this.#readOnly(work) : await work();
      } catch (error) {
        this.#noteFailure(error);
        throw error;
      }
    }, signal);
  }

  async #readOnly<T>(work: () => Promise<T>): Promise<T> {
    await runStatements(this.#connection, 'BEGIN TRANSACTION READ ONLY');
    try {
      return await work();
    } finally {
      await runStatements(this.#connection, 'ROLLBACK');
    }
  }

  #before(call: number | undefined): BeforeStatement {
    let announced = false;
    return async (info) => {
      if (this.#options.readOnly) refuseForReaders(info);
      if (info.mayWrite && call !== undefined && !announced && !this.#options.readOnly) {
        announced = true;
        await this.#options.announce(call);
      }
      return info.type === StatementType.TRANSACTION ? () => this.#toggleTransaction() : undefined;
    };
  }

  /** BEGIN succeeds outside a transaction only, COMMIT and ROLLBACK inside one only: a success is a change. */
  #toggleTransaction(): void {
    this.#inTransaction = !this.#inTransaction;
  }

  /** A COMMIT that fails has ended its transaction. */
  #noteFailure(error: unknown): void {
    const text = error instanceof Error ? error.message : '';
    if (/^TransactionContext Error: Failed to commit/.test(text)) this.#inTransaction = false;
  }
}

/** @throws PondError INVALID for what is no value in wire form */
function bound({ params }: RunParams): BindParams | undefined {
  try {
    return params === undefined ? undefined : (decode(params, reviveDriverValue) as BindParams);
  } catch (error) {
    throw new PondError('INVALID', `params: ${(error as Error).message}`, { cause: error });
  }
}

/** Before anything is prepared: DuckDB makes the folder of an EXPORT and opens the file of a COPY in planning it. */
function refuseFiles(text: string): void {
  const first = /^(?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/|;)*(copy|export|import)\b/i.exec(text)?.[1];
  if (first !== undefined)
    throw new PondError('READ_ONLY', `a read-only handle may not ${first.toUpperCase()}`);
}

/** Statements that carry another one in them, which DuckDB does not tell the type of. */
const CARRIERS: ReadonlySet<StatementType> = new Set([StatementType.EXPLAIN, StatementType.PREPARE]);
const WRITES_FILES = /\b(?:copy|export|import|attach|detach)\b/i;

function refuseForReaders({ type, text }: StatementInfo): void {
  if (!NOT_FOR_READERS.has(type) && !(CARRIERS.has(type) && WRITES_FILES.test(text))) return;
  throw new PondError('READ_ONLY', `a read-only handle may not run this ${StatementType[type]} statement`);
}
