import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { PondError } from '../errors.ts';
import { failpoint } from '../failpoints.ts';
import { fromDuckDB } from './errors.ts';
import { interruptible } from './interrupt.ts';
import type { CallId, Entry, Ledger, Outcome } from './ledger.ts';
import { runStatements } from './statements.ts';

/** Writes in one transaction at most. */
const GROUP = 64;
/** A write that takes longer leaves the group, in ms: its neighbours do not wait for it. */
const SLOW_MS = 100;
/** The longest wait for a group to be as large as the last, in ms: about the price of a commit. */
const GATHER_MS = 1;
/** Texts remembered for what they did to a group. */
const LONERS = 256;
/** How often a write whose transaction met another's is tried, and the longest pause before, in ms. */
const CONFLICT = { tries: 20, longest: 50 } as const;

/** One statement that changes data, outside an explicit transaction. */
export interface Write {
  readonly text: string;
  /** Whose it is; without one nothing is recorded. */
  readonly id: CallId | undefined;
  readonly part: number;
  readonly isLast: boolean;
  readonly signal: AbortSignal;
  /** Tells the client that the write is about to happen where no ledger sees it. */
  announce(): Promise<void>;
  /** Runs the statement on a connection in a transaction; again, where that was rolled back. */
  run(connection: DuckDBConnection, stop: AbortSignal): Promise<Outcome>;
}

interface Waiting extends Write {
  /** The session's own connection, for a write that leaves the group. */
  readonly own: DuckDBConnection;
  readonly done: (outcome: Outcome) => void;
  readonly failed: (error: unknown) => void;
}

/** Ends a write's turn in a group: it goes on by itself. */
const SLOW = new Error('slow');

/** Commits the writes of all sessions: those that arrive together share a transaction and its one way to the disk. */
export class Writer {
  readonly #connection: DuckDBConnection;
  readonly #ledger: Ledger;
  readonly #checkFence: () => Promise<void>;
  readonly #waiting: Waiting[] = [];
  /** Texts that are no good company: slow ones, and those that write to another file. */
  readonly #loners = new Set<string>();
  #working: Promise<void> | undefined;

  /** @param checkFence rejects where this process may not write any more; asked before each commit */
  constructor(connection: DuckDBConnection, ledger: Ledger, checkFence: () => Promise<void>) {
    this.#connection = connection;
    this.#ledger = ledger;
    this.#checkFence = checkFence;
  }

  /**
   * Commits a write together with whatever else is waiting. It fails alone.
   * @param own the connection for a write that turns out to be slow; the caller keeps it free until the answer
   */
  together(write: Write, own: DuckDBConnection): Promise<Outcome> {
    if (this.#loners.has(write.text)) return this.alone(write, own);
    return new Promise((done, failed) => {
      this.#waiting.push({ ...write, own, done, failed });
      this.#working ??= this.#work().finally(() => {
        this.#working = undefined;
      });
    });
  }

  /**
   * Commits a write in a transaction of its own, again where it meets another's. One that writes to another file
   * waits here for its client to confirm, so `connection` is one that nobody else waits for.
   */
  async alone(write: Write, connection: DuckDBConnection): Promise<Outcome> {
    try {
      return await this.#commitAlone(write, connection, true);
    } catch (error) {
      if (!isForeign(error)) throw error;
      this.#shun(write.text);
      await write.announce();
      return this.#commitAlone(write, connection, false);
    }
  }

  async #commitAlone(write: Write, connection: DuckDBConnection, isRecorded: boolean): Promise<Outcome> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#commit(connection, async () => {
          const outcome = await interruptible(connection, write.signal, () =>
            write.run(connection, write.signal),
          ).catch((error: unknown) => Promise.reject(fromDuckDB(error, write.text)));
          return { entries: isRecorded ? entriesOf(write, outcome) : [], value: outcome };
        });
      } catch (error) {
        if (!isConflict(error) || tries >= CONFLICT.tries || write.signal.aborted) throw error;
        await sleep(Math.random() * Math.min(2 ** tries, CONFLICT.longest));
      }
    }
  }

  /** A turn of its own on the connection of the groups. A write to another file leaves: its client may never confirm. */
  async #inTurn(write: Waiting): Promise<void> {
    try {
      write.done(await this.#commitAlone(write, this.#connection, true));
    } catch (error) {
      if (isForeign(error)) this.#leave(write);
      else write.failed(error);
    }
  }

  /** On the session's own connection, beside the groups: nobody waits for it but its client. */
  #leave(write: Waiting): void {
    this.#shun(write.text);
    void this.alone(write, write.own).then(write.done, write.failed);
  }

  /** For an owner that leaves in peace: waits for what is under way, and removes from the ledger what is settled. */
  async finish(): Promise<void> {
    await this.idle();
    await this.#prune();
  }

  /** Settles when nothing of the groups is under way. */
  async idle(): Promise<void> {
    await this.#working;
  }

  close(): void {
    this.#connection.closeSync();
  }

  async #work(): Promise<void> {
    // A turn of the loop, for the frames that came together.
    await nextTurn();
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, GROUP);
      await this.#group(group);
      if (this.#ledger.wantsPruning) await this.#prune();
      if (group.length > 1) await this.#gather(group.length);
    }
  }

  /** Those who were just answered will write again: a moment's wait makes one commit of what would be two. */
  async #gather(size: number): Promise<void> {
    const end = performance.now() + GATHER_MS;
    while (this.#waiting.length < size && performance.now() < end) await nextTurn();
  }

  async #group(group: readonly Waiting[]): Promise<void> {
    let at = 0;
    try {
      const outcomes = await this.#commit(this.#connection, async () => {
        const outcomes: Outcome[] = [];
        for (at = 0; at < group.length; at++) outcomes.push(await this.#runQuickly(group[at] as Waiting));
        const entries = group.flatMap((write, i) => entriesOf(write, outcomes[i] as Outcome));
        return { entries, value: outcomes };
      });
      for (const [i, write] of group.entries()) write.done(outcomes[i] as Outcome);
    } catch (error) {
      await this.#split(group, at, error);
    }
  }

  /** DuckDB has no savepoints: what ran before the one that failed runs again, and that one by itself. */
  async #split(group: readonly Waiting[], at: number, error: unknown): Promise<void> {
    const culprit = group[at];
    if (!culprit) {
      // The commit failed, and nobody knows by whose fault.
      for (const write of group) await this.#inTurn(write);
      return;
    }
    if (at > 0) await this.#group(group.slice(0, at));
    if (error === SLOW || isForeign(error)) this.#leave(culprit);
    else if (culprit.signal.aborted || (group.length === 1 && !isConflict(error))) culprit.failed(error);
    else await this.#inTurn(culprit);
    if (at + 1 < group.length) await this.#group(group.slice(at + 1));
  }

  async #runQuickly(write: Waiting): Promise<Outcome> {
    const stop = new AbortController();
    const abort = (): void => stop.abort();
    const timer = setTimeout(abort, SLOW_MS);
    write.signal.addEventListener('abort', abort, { once: true });
    if (write.signal.aborted) abort();
    try {
      return await interruptible(this.#connection, stop.signal, () =>
        write.run(this.#connection, stop.signal),
      );
    } catch (error) {
      if (!stop.signal.aborted || write.signal.aborted) throw fromDuckDB(error, write.text);
      throw SLOW;
    } finally {
      clearTimeout(timer);
      write.signal.removeEventListener('abort', abort);
    }
  }

  async #commit<T>(connection: DuckDBConnection, work: () => Promise<Committing<T>>): Promise<T> {
    await runStatements(connection, 'BEGIN');
    try {
      const { entries, value } = await work();
      await this.#ledger.record(connection, entries);
      await this.#checkFence();
      failpoint('commit.ready');
      await runStatements(connection, 'COMMIT');
      failpoint('commit.done');
      this.#ledger.committed(entries);
      return value;
    } catch (error) {
      // A failed COMMIT has rolled back already, and then ROLLBACK has nothing to do.
      await runStatements(connection, 'ROLLBACK').catch(() => undefined);
      throw error;
    }
  }

  /** What cannot be removed now can be later. */
  async #prune(): Promise<void> {
    await this.#ledger.prune().catch(() => undefined);
  }

  #shun(text: string): void {
    this.#loners.add(text);
    const [oldest] = this.#loners;
    if (this.#loners.size > LONERS && oldest !== undefined) this.#loners.delete(oldest);
  }
}

interface Committing<T> {
  readonly entries: readonly Entry[];
  readonly value: T;
}

const entriesOf = ({ id, part, isLast }: Write, outcome: Outcome): Entry[] =>
  id ? [{ id, part, isLast, outcome }] : [];

/** Two transactions changed one thing; the one that hears it has changed nothing. */
const isConflict = (error: unknown): boolean =>
  error instanceof PondError && error.data?.kind === 'Transaction' && /conflict/i.test(error.message);

/** DuckDB writes to one file in a transaction, and the ledger is in ours. */
const isForeign = (error: unknown): boolean =>
  error instanceof PondError && error.message.includes('can only write to a single attached database');
