import type { DuckDBConnection, DuckDBResult } from '@duckdb/node-api';
import { PondError } from '../errors.ts';
import type { StreamNextResult, WireForm } from '../protocol.ts';
import { Turns } from '../turns.ts';
import type { BindParams } from './bind.ts';
import { fromDuckDB } from './errors.ts';
import { interruptible, keepInterrupting } from './interrupt.ts';
import { namesFile } from './kinds.ts';
import { type ReaderCheck, runChecked } from './read-only.ts';
import { sizeOf, typesOf, type WireRow, wireRows } from './rows.ts';
import { type Around, runStatements, runText } from './statements.ts';
import { onEndlessThread, onThread } from './threads.ts';

/** A batch ends early at this size, in bytes of JSON: wide rows do not grow the message. */
const BATCH_BYTES = 4 * 1024 * 1024;

export interface CursorOptions {
  readonly sql: string;
  readonly params: BindParams | undefined;
  readonly form: WireForm;
  /** For a client that may only read: lets nothing else through. */
  readonly reader: ReaderCheck | null;
  readonly around: Around<DuckDBResult>;
  readonly signal: AbortSignal;
}

/** A pulled result on a connection of its own: DuckDB computes what is asked for, so a slow reader costs nothing. */
export class Cursor {
  readonly names: readonly string[];
  /** Known where the rows are text. */
  readonly types: readonly string[] | undefined;
  readonly #connection: DuckDBConnection;
  readonly #result: DuckDBResult;
  readonly #options: CursorOptions;
  readonly #turns = new Turns();
  #rest: WireRow[] = [];
  /** Of what is left, in bytes of JSON. */
  #size = 0;
  #ended = false;
  #closed: Promise<void> | undefined;

  /** Runs the statement up to its first rows. Owns `connection` from the call on, also when it fails. */
  static async open(connection: DuckDBConnection, options: CursorOptions): Promise<Cursor> {
    const { sql, params, around, signal, reader } = options;
    try {
      if (reader) await begin(connection);
      const streamed = { params, streaming: true, around, signal };
      const run = async (): Promise<DuckDBResult> =>
        reader
          ? runChecked(connection, await reader.check(connection, sql), streamed)
          : runText(connection, sql, { ...streamed, isForeign: true });
      return new Cursor(connection, await interruptible(connection, signal, run), options);
    } catch (error) {
      connection.closeSync();
      throw error;
    }
  }

  private constructor(connection: DuckDBConnection, result: DuckDBResult, options: CursorOptions) {
    this.#connection = connection;
    this.#result = result;
    this.#options = options;
    this.names = result.deduplicatedColumnNames();
    if (options.form === 'text') this.types = typesOf(result);
  }

  /** The next rows, `batchSize` at most. `done` with the last ones; nothing may be asked for after that. */
  async next(batchSize: number, signal: AbortSignal): Promise<StreamNextResult> {
    const read = async (): Promise<StreamNextResult> => {
      while (!this.#ended && this.#rest.length < batchSize && this.#size < BATCH_BYTES)
        await this.#fetch(signal);
      const rows = this.#takeRows(batchSize);
      return { rows, done: this.#ended && this.#rest.length === 0 };
    };
    return this.#turns.take(() => interruptible(this.#connection, signal, read), signal);
  }

  /** Ends a batch under way and lets go of the connection, and so of the file. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const stop = keepInterrupting(this.#connection);
    await this.#turns.take(async () => {
      stop();
      this.#rest = [];
      this.#connection.closeSync();
    });
  }

  async #fetch(signal: AbortSignal): Promise<void> {
    if (this.#closed) throw new PondError('ABORTED', 'the stream was closed');
    try {
      const onOne = namesFile(this.#options.sql) ? onEndlessThread : onThread;
      const chunk = await onOne(() => this.#result.fetchChunk(), signal);
      if (chunk && chunk.rowCount > 0) this.#keep(wireRows(chunk, this.#options.form));
      else await this.#end(signal);
    } catch (error) {
      throw fromDuckDB(error, this.#options.sql);
    }
  }

  #keep(rows: readonly WireRow[]): void {
    for (const row of rows) {
      this.#rest.push(row);
      this.#size += sizeOf(row);
    }
  }

  /**
   * The driver says "no chunk" at the end, and after an error and an interrupt too. The transaction knows: after
   * those it does nothing more. What the error was only a second run can tell.
   */
  async #end(signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#closed) throw new PondError('ABORTED', 'the stream was interrupted');
    try {
      await runStatements(this.#connection, 'SELECT 1');
      this.#ended = true;
    } catch {
      await this.#failAgain(signal);
      throw new PondError('SQL', 'the statement failed in the middle of its result', {
        hint: 'query() tells what DuckDB says of it',
      });
    }
  }

  /** Only a text of one statement, which reads: what else is in a text must not be done twice. */
  async #failAgain(signal: AbortSignal): Promise<void> {
    const { sql, params } = this.#options;
    const connection = this.#connection;
    await runStatements(connection, 'ROLLBACK').catch(() => undefined);
    if ((await connection.extractStatements(sql)).count !== 1) return;
    const around: Around<DuckDBResult> = (_, run) => run();
    const again = async (): Promise<DuckDBResult> => {
      await begin(connection);
      return runText(connection, `EXPLAIN ANALYZE ${sql}`, { params, around });
    };
    await interruptible(connection, signal, again);
  }

  #takeRows(batchSize: number): WireRow[] {
    let size = 0;
    let end = 0;
    while (end < this.#rest.length && end < batchSize && size < BATCH_BYTES)
      size += sizeOf(this.#rest[end++] ?? []);
    this.#size -= size;
    return this.#rest.splice(0, end);
  }
}

const begin = (connection: DuckDBConnection): Promise<unknown> =>
  runStatements(connection, 'BEGIN TRANSACTION READ ONLY');
