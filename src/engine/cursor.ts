import type { DuckDBConnection, DuckDBResult } from '@duckdb/node-api';
import { PondError } from '../errors.ts';
import type { StreamNextResult, ValueForm } from '../protocol.ts';
import { Turns } from '../turns.ts';
import type { BindParams } from './bind.ts';
import { fromDuckDB } from './errors.ts';
import { interruptible, keepInterrupting } from './interrupt.ts';
import { sizeOf, type WireRow, wireRows } from './rows.ts';
import { type Around, runStatements, runText } from './statements.ts';

/** A batch ends early at this size, in bytes of JSON: wide rows do not grow the message. */
const BATCH_BYTES = 4 * 1024 * 1024;

export interface CursorOptions {
  readonly sql: string;
  readonly params: BindParams | undefined;
  readonly form: ValueForm;
  readonly readOnly: boolean;
  readonly around: Around<DuckDBResult>;
  readonly signal: AbortSignal;
  /**
   * Shared by all cursors of the owner. A fetch holds one of libuv's four threads for as long as DuckDB needs for
   * the next chunk, so slow streams together may not take them all.
   */
  readonly fetches: Turns;
}

/** A pulled result on a connection of its own: DuckDB computes what is asked for, so a slow reader costs nothing. */
export class Cursor {
  readonly names: readonly string[];
  readonly #connection: DuckDBConnection;
  readonly #result: DuckDBResult;
  readonly #options: CursorOptions;
  readonly #turns = new Turns();
  #rest: WireRow[] = [];
  #ended = false;
  #closed: Promise<void> | undefined;

  /** Runs the statement up to its first rows. Owns `connection` from the call on, also when it fails. */
  static async open(connection: DuckDBConnection, options: CursorOptions): Promise<Cursor> {
    const { sql, params, around, signal, readOnly } = options;
    try {
      if (readOnly) await runStatements(connection, 'BEGIN TRANSACTION READ ONLY');
      const run = (): Promise<DuckDBResult> => runText(connection, sql, { params, streaming: true, around });
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
  }

  /** The next rows, `batchSize` at most. `done` with the last ones; nothing may be asked for after that. */
  async next(batchSize: number, signal: AbortSignal): Promise<StreamNextResult> {
    const read = async (): Promise<StreamNextResult> => {
      while (!this.#ended && this.#rest.length < batchSize) await this.#fetch(signal);
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
      const chunk = await this.#options.fetches.take(() => this.#result.fetchChunk(), signal);
      if (!chunk || chunk.rowCount === 0) this.#ended = true;
      else for (const row of wireRows(chunk, this.#options.form)) this.#rest.push(row);
    } catch (error) {
      throw fromDuckDB(error, this.#options.sql);
    }
  }

  #takeRows(batchSize: number): WireRow[] {
    let size = 0;
    let end = 0;
    while (end < this.#rest.length && end < batchSize && size < BATCH_BYTES)
      size += sizeOf(this.#rest[end++] ?? []);
    return this.#rest.splice(0, end);
  }
}
