import type { DuckDBConnection, DuckDBResult } from '@duckdb/node-api';
import { PondError, withOutcome } from '../errors.ts';
import { failpoint } from '../failpoints.ts';
import { refused } from '../outcome.ts';
import type { BindParams } from './bind.ts';
import type { Presence } from './clients.ts';
import type { Database } from './database.ts';
import { guardOf } from './guards.ts';
import { withoutImportOfOwn } from './import-statement.ts';
import { interruptible, throwIfAborted } from './interrupt.ts';
import { isLightWrite, makesSession, refuseExplained } from './kinds.ts';
import { type CallId, type Done, type Entry, type Outcome, recordable } from './ledger.ts';
import { Progress } from './progress.ts';
import { type Around, type Run, runStatements, runText, type StatementInfo } from './statements.ts';
import { writesToOwnFile } from './write-target.ts';
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

/** A text without these words begins no transaction of its client's. */
const BEGINS = /\b(?:begin|start)\b/i;

/** All that a statement without rows leaves. */
export const effectOf = async ({ rowsChanged }: DuckDBResult): Promise<Outcome> => ({
  rowsChanged,
  names: [],
  rows: [],
});

/** The explicit transaction of a session. */
interface Open {
  readonly isReadOnly: boolean;
  /** Begun by a call that was sent again: where one of its calls proves to be done, all of it is. */
  readonly isResent: boolean;
  /** It has written to the file that has the ledger, and so it cannot write to another. */
  isOurs: boolean;
  /** Calls inside it that their client may send again: they are done when it is committed. */
  calls: readonly Entry[];
}

/**
 * Runs calls on one session's connection, each statement by its kind: reads at once, writes once, whatever the
 * ledger cannot see after a warning. specs/exactly-once.md has the table.
 */
export class Runner {
  readonly #database: Database;
  readonly #connection: DuckDBConnection;
  readonly #presence: Presence;
  #open: Open | null = null;
  /** False once the session has settings, temporary tables or names of its own: its statements mean more here. */
  #isPlain = true;

  /** @param presence the session, as the client's other sessions see it */
  constructor(database: Database, connection: DuckDBConnection, presence: Presence) {
    this.#database = database;
    this.#connection = connection;
    this.#presence = presence;
  }

  get inTransaction(): boolean {
    return this.#open !== null;
  }

  async run(given: Call): Promise<Answered> {
    const check = async (): Promise<void> => guardOf(this.#connection)?.check(given.sql, given.params, 0);
    const call = { ...given, sql: await withoutImportOfOwn(given.sql, check) };
    const { id, signal } = call;
    if (!id) return this.#runOnce(call, null);
    const { ledger } = this.#database;
    if (id.sent) await ledger.settleEarlier(id, this.#presence, signal);
    return ledger.once(id, (done) => this.#runOnce(call, done));
  }

  async #runOnce(call: Call, done: Done | null): Promise<Answered> {
    // The transaction that this call belonged to is committed, and its BEGIN, sent again, has opened another.
    if (done && this.#open?.isResent) await this.#rollBack();
    if (done?.isLast) return { outcome: done.outcome, replayed: true };
    if (!done && call.id?.sent === 'in-transaction') {
      throw new PondError('OWNER_LOST', 'the owner went, and with it the open transaction', {
        // Whatever of the text was committed would be in the ledger.
        data: { outcome: refused(false) },
        hint: 'begin the transaction again',
      });
    }
    const { sql, params } = call;
    if (!this.#open && this.#isPlain && isLightWrite(sql)) {
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
    const wasOpen = this.inTransaction;
    let isBegun = done !== null;
    let last = 0;
    const around: Around<Outcome> = async (info, run) => {
      const wasInside = this.inTransaction;
      last = info.part;
      const outcome = await this.#runStatement(call, info, run, progress);
      isBegun ||= info.kind !== 'read' && info.kind !== 'session';
      progress.done(!wasInside && this.inTransaction);
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
      if (isBegun) this.#noteInside(call, last, outcome);
      return { outcome, replayed: false };
    } catch (error) {
      // DuckDB puts COPY FROM DATABASE between a BEGIN and a COMMIT. It rolls back by itself where that fails, and
      // what follows would be committed at once in a session that is believed to be in a transaction.
      if (!wasOpen && !BEGINS.test(sql)) await this.#rollBack();
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
    if (kind === 'transaction') {
      progress.begin(kind);
      return this.#runTransaction(call, info, runAndRead);
    }
    if (isRead) return now();
    // What no transaction takes back is announced inside one as well.
    if (!call.id || kind === 'outside') await call.announce();
    if (this.#open) {
      if (kind === 'write' && call.id) await this.#noteTarget(this.#open, info, call.params);
      return now().catch((error: unknown) => this.#failTransaction(error));
    }
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

  /** What begins or ends a transaction is not interrupted: it takes no time, and is done or not. */
  async #runTransaction(call: Call, info: StatementInfo, run: () => Promise<Outcome>): Promise<Outcome> {
    throwIfAborted(call.signal);
    const verb = await this.#database.verbs.of(info.text, info.part);
    const isBegin = verb === 'begin' || verb === 'begin-read-only';
    if (this.#open && verb === 'commit') return this.#commit(call, info, this.#open, run);
    // DuckDB refuses a BEGIN inside a transaction, and the others outside.
    const outcome = await run();
    const isResent = call.id?.sent !== undefined;
    this.#open = isBegin ? { isReadOnly: verb !== 'begin', isResent, isOurs: false, calls: [] } : null;
    return outcome;
  }

  /**
   * An acknowledged COMMIT is a commit. DuckDB acknowledges that of a transaction that has failed as well, and of one
   * that the ledger's row made fail: neither reaches it.
   */
  async #commit(call: Call, info: StatementInfo, open: Open, run: () => Promise<Outcome>): Promise<Outcome> {
    const { ledger } = this.#database;
    const entries = this.#entriesFor(call, info, open);
    try {
      if (entries.length > 0) await ledger.record(this.#connection, entries);
      else await runStatements(this.#connection, 'SELECT 1');
    } catch (error) {
      await this.#rollBack();
      throw notCommitted(error);
    }
    if (entries.length === 0 && !open.isReadOnly) await call.announce();
    try {
      await this.#database.checkFence();
      failpoint('commit.ready');
      const outcome = await run();
      failpoint('commit.done');
      ledger.committed(entries);
      this.#open = null;
      return outcome;
    } catch (error) {
      // A COMMIT that fails has ended its transaction already.
      await this.#rollBack();
      throw error;
    }
  }

  /** The rows of a transaction: its COMMIT, and each call inside it that its client may send again. None where they cannot be in it. */
  #entriesFor({ id }: Call, { part, isLast }: StatementInfo, open: Open): readonly Entry[] {
    const { hasForeign, readOnly } = this.#database;
    if (!id || readOnly || open.isReadOnly || (hasForeign && !open.isOurs)) return [];
    const inside = open.calls.filter(({ id: { call } }) => call > id.settled && call !== id.call);
    return [...inside, { id, part, isLast, outcome: { rowsChanged: 0, names: [], rows: [] } }];
  }

  /** A call that has left a transaction open behind it. */
  #noteInside({ id }: Call, part: number, outcome: Outcome): void {
    if (!this.#open || !id) return;
    const entry = { id, part, isLast: true, outcome: recordable(outcome) };
    this.#open.calls = [...this.#open.calls.filter(({ id: { call } }) => call > id.settled), entry];
  }

  /** While other files are attached: which one the transaction writes to. */
  async #noteTarget(open: Open, info: StatementInfo, params: BindParams | undefined): Promise<void> {
    const { hasForeign, catalog } = this.#database;
    if (open.isOurs || !hasForeign) return;
    const connect = (): Promise<DuckDBConnection> => this.#database.driverConnection();
    open.isOurs = await writesToOwnFile(info, { session: this.#connection, connect, catalog, params });
  }

  async #rollBack(): Promise<void> {
    if (!this.#open) return;
    this.#open = null;
    await runStatements(this.#connection, 'ROLLBACK').catch(() => undefined);
  }
}

/** Why a transaction was rolled back in place of its COMMIT. */
function notCommitted(error: unknown): unknown {
  if (!(error instanceof PondError) || !/transaction is aborted/i.test(error.message))
    return withOutcome(error, 'not-committed');
  return new PondError('SQL', 'the transaction failed before its COMMIT, and is rolled back', {
    data: { kind: 'Transaction', outcome: 'not-committed' },
    hint: 'the first error inside it says why; begin it again',
    cause: error,
  });
}

const writeOf = ({ sql, id, signal, announce }: Call): Omit<Write, 'run'> => ({
  text: sql,
  id,
  part: 0,
  isLast: true,
  signal,
  announce,
});
