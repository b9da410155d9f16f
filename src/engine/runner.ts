import type { DuckDBConnection, DuckDBResult } from '@duckdb/node-api';
import { PondError } from '../errors.ts';
import { failpoint } from '../failpoints.ts';
import { refused } from '../outcome.ts';
import type { BindParams } from './bind.ts';
import type { Database } from './database.ts';
import { interruptible } from './interrupt.ts';
import { isLightWrite, makesSession, refuseExplained } from './kinds.ts';
import type { CallId, Done, Entry, Outcome } from './ledger.ts';
import { Progress } from './progress.ts';
import { type Around, type Run, runStatements, runText, type StatementInfo } from './statements.ts';
import type { Write } from './writer.ts';

/** One call's text, as it came. */
export interface Call {
  readonly sql: string;
  readonly params: BindParams | undefined;
  /** Whose call it is; without one nothing is recorded, and whatever writes is announced. */
  readonly id: CallId | undefined;
  readonly signal: AbortSignal;
  /**
   * What the caller wants of the last statement. @throws PondError TOO_LARGE
   * @param stop fires when the rows are wanted no longer, or not here
   */
  readonly read: (result: DuckDBResult, stop: AbortSignal) => Promise<Outcome>;
  /** Tells the client that the call is about to change data where no ledger sees it. */
  announce(): Promise<void>;
  /** To be called when the first of its statements is about to run: once its signal has fired none will. */
  begin(): void;
}

export interface Answered {
  readonly outcome: Outcome;
  readonly replayed: boolean;
}

/** All that a statement without rows leaves. */
export const effectOf = async ({ rowsChanged }: DuckDBResult): Promise<Outcome> => ({
  rowsChanged,
  names: [],
  rows: [],
});

/**
 * Runs calls on one session's connection, each statement by its kind: reads at once, writes once, whatever the
 * ledger cannot see after a warning. specs/exactly-once.md has the table.
 */
export class Runner {
  readonly #database: Database;
  readonly #connection: DuckDBConnection;
  #inTransaction = false;
  /** False once the session has settings, temporary tables or names of its own: its statements mean more here. */
  #isPlain = true;

  constructor(database: Database, connection: DuckDBConnection) {
    this.#database = database;
    this.#connection = connection;
  }

  get inTransaction(): boolean {
    return this.#inTransaction;
  }

  async run(call: Call): Promise<Answered> {
    try {
      if (!call.id) return await this.#runOnce(call, null);
      return await this.#database.ledger.once(call.id, (done) => this.#runOnce(call, done));
    } catch (error) {
      // A COMMIT that fails has ended its transaction.
      const text = error instanceof Error ? error.message : '';
      if (/^TransactionContext Error: Failed to commit/.test(text)) this.#inTransaction = false;
      throw error;
    }
  }

  async #runOnce(call: Call, done: Done | null): Promise<Answered> {
    if (done?.isLast) return { outcome: done.outcome, replayed: true };
    if (!done && call.id?.sent === 'in-transaction') {
      throw new PondError('OWNER_LOST', 'the owner went, and with it the open transaction', {
        // Whatever of the text was committed would be in the ledger.
        data: { outcome: refused(false) },
        hint: 'begin the transaction again',
      });
    }
    const { sql, params } = call;
    if (!this.#inTransaction && this.#isPlain && isLightWrite(sql)) {
      const write = {
        ...writeOf(call),
        run: (on: DuckDBConnection, stop: AbortSignal) => {
          const read: Around<Outcome> = async (_, run) => call.read(await run(), stop);
          return runText(on, sql, { params, light: true, around: read });
        },
      };
      const progress = new Progress();
      try {
        if (!call.id) await call.announce();
        progress.begin('write');
        call.begin();
        return { outcome: await this.#database.writer.together(write, this.#connection), replayed: false };
      } catch (error) {
        throw progress.judge(error);
      }
    }
    const progress = new Progress(done !== null);
    const around: Around<Outcome> = async (info, run) => {
      const wasInside = this.#inTransaction;
      const outcome = await this.#runStatement(call, info, run, progress);
      progress.done(!wasInside && this.#inTransaction);
      return outcome;
    };
    try {
      const outcome = await runText(this.#connection, sql, {
        params,
        around,
        done: done?.part,
        isForeign: true,
        signal: call.signal,
      });
      return { outcome, replayed: false };
    } catch (error) {
      throw progress.judge(error);
    }
  }

  async #runStatement(call: Call, info: StatementInfo, run: Run, progress: Progress): Promise<Outcome> {
    const { kind, text, part, isLast } = info;
    const connection = this.#connection;
    const isRead = kind === 'read' || kind === 'session';
    if (!call.signal.aborted) call.begin();
    const runAndRead = async (): Promise<Outcome> => {
      const result = await run();
      return isLast ? call.read(result, call.signal) : effectOf(result);
    };
    const now = (): Promise<Outcome> => {
      progress.begin(kind);
      return interruptible(connection, call.signal, runAndRead);
    };
    refuseExplained(info.type, text);
    if (makesSession(kind, text)) this.#isPlain = false;
    if (kind === 'transaction') return this.#runTransaction(call, info, now);
    if (isRead) return now();
    // What no transaction takes back is announced inside one as well.
    if (!call.id || kind === 'outside') await call.announce();
    if (this.#inTransaction) return now().catch((error: unknown) => this.#failTransaction(error));
    if (kind === 'write') {
      progress.begin(kind);
      return this.#database.writer.alone({ ...writeOf(call), part, isLast, run: runAndRead }, connection);
    }
    return now();
  }

  /**
   * A statement whose rows are over the limit has run, and DuckDB has no savepoints: the transaction must not be
   * committed with it. A BEGIN inside a transaction is an error, and after an error DuckDB commits nothing (1.5.6).
   */
  async #failTransaction(error: unknown): Promise<never> {
    if (error instanceof PondError && error.code === 'TOO_LARGE')
      await runStatements(this.#connection, 'BEGIN').catch(() => undefined);
    throw error;
  }

  /** BEGIN, COMMIT or ROLLBACK. What ends a transaction is recorded in it, and with a ROLLBACK forgotten. */
  async #runTransaction(
    call: Call,
    { part, isLast }: StatementInfo,
    now: () => Promise<Outcome>,
  ): Promise<Outcome> {
    const { ledger, hasForeign } = this.#database;
    const entries: Entry[] = [];
    if (this.#inTransaction && call.id && !hasForeign) {
      entries.push({ id: call.id, part, isLast, outcome: { rowsChanged: 0, names: [], rows: [] } });
      // Refused where the transaction is read-only or has failed: then nothing will be committed either.
      await ledger.record(this.#connection, entries).catch(() => entries.pop());
    } else if (this.#inTransaction) await call.announce();
    await this.#database.checkFence();
    if (this.#inTransaction) failpoint('commit.ready');
    const outcome = await now();
    if (this.#inTransaction) failpoint('commit.done');
    ledger.committed(entries);
    // BEGIN succeeds outside a transaction only, COMMIT and ROLLBACK inside one only: a success is a change.
    this.#inTransaction = !this.#inTransaction;
    return outcome;
  }
}

const writeOf = ({ sql, id, signal, announce }: Call): Omit<Write, 'run'> => ({
  text: sql,
  id,
  part: 0,
  isLast: true,
  signal,
  announce,
});
