import type { DuckDBConnection, DuckDBResult } from '@duckdb/node-api';
import { PondError, withOutcome } from '../errors.ts';
import { refused } from '../outcome.ts';
import type {
  QueryParams,
  QueryResult,
  RunParams,
  RunResult,
  StreamNextResult,
  StreamOpenParams,
  StreamOpenResult,
} from '../protocol.ts';
import { Turns } from '../turns.ts';
import { decodeParams } from '../values.ts';
import type { BindParams } from './bind.ts';
import { Presence } from './clients.ts';
import { Cursor } from './cursor.ts';
import type { Database } from './database.ts';
import { Definitions } from './definitions.ts';
import { orGiveUp } from './give-up.ts';
import { interruptible, keepInterrupting } from './interrupt.ts';
import type { Outcome } from './ledger.ts';
import { rowsOf } from './ledger.ts';
import { Progress } from './progress.ts';
import { ReaderCheck, runChecked } from './read-only.ts';
import { reviveDriverValue } from './revive.ts';
import { collectRows, typesOf } from './rows.ts';
import { type Answered, effectOf, Runner } from './runner.ts';
import { type Around, runStatements, type StatementInfo } from './statements.ts';

export interface SqlSessionOptions {
  readonly readOnly: boolean;
  /** Names the client across its connections; one without a name has its writes announced, not recorded. */
  readonly client: string | undefined;
  /** Tells the client that its call is about to change data; resolved once the word is with the kernel. */
  readonly announce: (call: number) => Promise<void>;
}

type Read = (result: DuckDBResult, stop: AbortSignal) => Promise<Outcome>;

/** One client's SQL: a DuckDB connection of its own, statements one after the other, and its open cursors. */
export class SqlSession {
  readonly #database: Database;
  #connection: DuckDBConnection;
  readonly #options: SqlSessionOptions;
  readonly #turns = new Turns();
  readonly #cursors = new Map<number, Cursor>();
  /** Cursors that have not come to their first rows. */
  readonly #opening = new Set<Promise<Cursor>>();
  #lastCursor = 0;
  #runner: Runner;
  /** The session, as the client's other sessions see it. */
  readonly #presence: Presence;
  #reader: ReaderCheck;
  #closed = false;

  constructor(database: Database, connection: DuckDBConnection, options: SqlSessionOptions) {
    this.#database = database;
    this.#connection = connection;
    this.#options = options;
    const { client } = options;
    this.#presence = client === undefined ? new Presence() : database.ledger.clients.open(client);
    this.#runner = new Runner(database, connection, this.#presence);
    this.#reader = new ReaderCheck(definitionsOf(database));
  }

  get inTransaction(): boolean {
    return this.#runner.inTransaction;
  }

  async query(params: QueryParams, signal: AbortSignal): Promise<QueryResult> {
    let types: readonly string[] | undefined;
    const { outcome } = await this.#run(params, signal, async (result, stop) => {
      if (params.values === 'text') types = typesOf(result);
      const names = result.deduplicatedColumnNames();
      return {
        rowsChanged: result.rowsChanged,
        names,
        rows: await collectRows(result, params.values ?? 'js', params, stop),
      };
    });
    // Where they are text, the wire makes the same rows of it.
    const rows = rowsOf(outcome) as QueryResult['rows'];
    return { names: outcome.names, rows, inTransaction: this.inTransaction, ...(types && { types }) };
  }

  async run(params: RunParams, signal: AbortSignal): Promise<RunResult> {
    const { epoch } = this.#database;
    const { outcome, replayed } = await this.#run(params, signal, effectOf);
    return { rowsChanged: outcome.rowsChanged, epoch, replayed, inTransaction: this.inTransaction };
  }

  /** A stream reads on a connection of its own, so that its consumer may use the session between two batches. */
  async openCursor(params: StreamOpenParams, signal: AbortSignal): Promise<StreamOpenResult> {
    const announce = this.#announcing(params.call);
    const reader = this.#options.readOnly ? new ReaderCheck(definitionsOf(this.#database)) : null;
    const progress = new Progress();
    let isBegun = false;
    const opening = Cursor.open(await this.#database.driverConnection(), {
      sql: params.sql,
      params: bound(params),
      form: params.values ?? 'js',
      reader,
      around: async (info, run) => {
        if (params.onlyReads && info.kind !== 'read') throw doesMore(info);
        if (info.kind !== 'read' && info.kind !== 'session') await announce();
        progress.begin(info.kind, true);
        isBegun = true;
        const result = await run();
        progress.done(/^\s*(?:begin|start)/i.test(info.text));
        return result;
      },
      signal,
    }).catch((error: unknown) => {
      throw reader ? error : progress.judge(error);
    });
    this.#opening.add(opening);
    void opening.catch(() => undefined).then(() => this.#opening.delete(opening));
    const cursor = await orGiveUp(opening, signal, () => (isBegun ? 'unknown' : 'not-committed')).catch(
      (error: unknown) => {
        // It may come back yet.
        void opening.then((late) => late.close()).catch(() => undefined);
        throw error;
      },
    );
    if (this.#closed) {
      await cursor.close();
      throw new PondError('ABORTED', 'the session was closed');
    }
    const id = ++this.#lastCursor;
    this.#cursors.set(id, cursor);
    const { names, types } = cursor;
    return { cursor: id, names, ...(types && { types }) };
  }

  async nextBatch(id: number, batchSize: number, signal: AbortSignal): Promise<StreamNextResult> {
    const cursor = this.#cursors.get(id);
    if (!cursor) throw new PondError('INVALID', `there is no open cursor ${id}`);
    const batch = await orGiveUp(cursor.next(batchSize, signal), signal, () => 'unknown');
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
      const { client } = this.#options;
      if (client !== undefined) this.#database.ledger.clients.close(client, this.#presence);
      await this.#database.settled(this.#connection);
    });
    await Promise.all([own, ...cursors, Promise.allSettled(this.#opening)]);
  }

  /** A connection without settings, temporary tables, prepared statements or an open transaction. */
  async #renew(): Promise<void> {
    const next = await this.#database.driverConnection();
    if (this.#closed) {
      next.closeSync();
      throw new PondError('ABORTED', 'the session was closed');
    }
    this.#connection.closeSync();
    this.#connection = next;
    this.#runner = new Runner(this.#database, next, this.#presence);
    this.#reader = new ReaderCheck(definitionsOf(this.#database));
  }

  async #run(params: RunParams, signal: AbortSignal, read: Read): Promise<Answered> {
    try {
      return await this.#runInTurn(params, signal, read);
    } catch (error) {
      const isKnown = this.#options.readOnly || (error instanceof PondError && error.data?.outcome);
      // It has not come to its turn.
      throw isKnown ? error : withOutcome(error, refused(params.sent !== undefined));
    }
  }

  #runInTurn(params: RunParams, signal: AbortSignal, read: Read): Promise<Answered> {
    let isBegun = false;
    const begin = (): void => {
      isBegun = true;
    };
    const run = async (): Promise<Answered> => {
      if (params.fresh) await this.#renew();
      if (this.#options.readOnly) return this.#runReadOnly(params, signal, read);
      const { sql, call, settled = 0, sent, firstEpoch } = params;
      const { client } = this.#options;
      const id =
        client === undefined || call === undefined ? undefined : { client, call, settled, sent, firstEpoch };
      const announce = this.#announcing(call);
      try {
        return await this.#runner.run({ sql, params: bound(params), id, signal, read, announce, begin });
      } finally {
        if (!this.inTransaction) await this.#database.settled(this.#connection);
      }
    };
    // What waits for its turn counts as well.
    const work = this.#presence.during(
      () => this.#turns.take(run, signal),
      () => this.inTransaction,
    );
    return orGiveUp(work, signal, () => (isBegun ? 'unknown' : 'not-committed'));
  }

  async #runReadOnly(params: RunParams, signal: AbortSignal, read: Read): Promise<Answered> {
    const connection = this.#connection;
    const around: Around<Outcome> = async (info, run) => {
      const result = await run();
      return info.isLast ? read(result, signal) : effectOf(result);
    };
    await runStatements(connection, 'BEGIN TRANSACTION READ ONLY');
    try {
      // Without what surrounds it: a ROLLBACK that is interrupted leaves its transaction open.
      const work = async (): Promise<Outcome> => {
        const statements = await this.#reader.check(connection, params.sql);
        return runChecked(connection, statements, { params: bound(params), around, signal });
      };
      return { outcome: await interruptible(connection, signal, work), replayed: false };
    } finally {
      await runStatements(connection, 'ROLLBACK');
    }
  }

  /** Announces a call, once. */
  #announcing(call: number | undefined): () => Promise<void> {
    let announced: Promise<void> | undefined;
    return async () => {
      if (call === undefined) return;
      announced ??= this.#options.announce(call);
      await announced;
    };
  }
}

/** To a client that streams what reads, and has everything else recorded. */
function doesMore({ kind }: StatementInfo): PondError {
  return new PondError('READ_ONLY', 'the statement does more than read', { data: { kind } });
}

const definitions = new WeakMap<Database, Definitions>();

/** All sessions of a database see the same definitions, those that only read at least: they make none. */
function definitionsOf(database: Database): Definitions {
  const known = definitions.get(database) ?? new Definitions();
  definitions.set(database, known);
  return known;
}

/** @throws PondError INVALID for what is no value in wire form */
function bound({ params }: RunParams): BindParams | undefined {
  try {
    return params === undefined ? undefined : (decodeParams(params, reviveDriverValue) as BindParams);
  } catch (error) {
    throw new PondError('INVALID', `params: ${(error as Error).message}`, { cause: error });
  }
}
