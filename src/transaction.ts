import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { PondError } from './errors.ts';
import { whilePending } from './router/alive.ts';
import { checkLimits } from './router/budget.ts';
import { Router, type RouterOptions } from './router/router.ts';
import type { CallLimits } from './shapes.ts';
import {
  type QueryOptions,
  RoutedStatements,
  type Row,
  type RunOutcome,
  type SqlParams,
  type Statements,
} from './statements.ts';

/** How often a transaction runs that meets others, and the longest pause before it runs again, in ms. */
const AGAIN = { tries: 20, longest: 100 } as const;
/** Sessions kept for the next transaction. */
const IDLE_SESSIONS = 4;

/** What `fn` gets: statements inside the transaction. It is over when `fn` returns. */
export type Transaction = Statements;

export interface TransactionOptions extends CallLimits {
  /** How often `fn` may run, the first time included; 20 unless told. */
  readonly tries?: number;
}

/** The transactions of one handle, each on a session of its own. @internal */
export class Transactions {
  readonly #options: RouterOptions;
  readonly #idle: Router[] = [];
  readonly #all = new Set<Router>();
  #isClosed = false;

  constructor(options: RouterOptions) {
    this.#options = options;
  }

  async run<T>(fn: (tx: Transaction) => Promise<T>, options: TransactionOptions): Promise<T> {
    checkLimits(options);
    return whilePending(() => this.#runUntilDone(fn, options));
  }

  async #runUntilDone<T>(fn: (tx: Transaction) => Promise<T>, options: TransactionOptions): Promise<T> {
    const { tries = AGAIN.tries, signal, timeout } = options;
    const deadline = timeout === undefined ? Number.POSITIVE_INFINITY : performance.now() + timeout;
    const router = this.#take();
    try {
      for (let done = 1; ; done++) {
        const attempt = new Attempt(router, signal, deadline);
        try {
          return await attempt.run(fn);
        } catch (error) {
          const isLast = done >= tries || signal?.aborted || performance.now() >= deadline;
          if (isLast || !attempt.mayRunAgain) throw error;
        }
        await pause(Math.random() * Math.min(2 ** done, AGAIN.longest));
      }
    } finally {
      await this.#give(router);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#all].map((router) => router.close()));
  }

  #take(): Router {
    if (this.#isClosed) throw new PondError('CLOSED', 'the handle was closed');
    const idle = this.#idle.pop();
    if (idle) return idle;
    const { hello, ...options } = this.#options;
    // Its calls have numbers of their own.
    const router = new Router({ ...options, hello: { ...hello, client: randomUUID() } });
    this.#all.add(router);
    return router;
  }

  async #give(router: Router): Promise<void> {
    if (!this.#isClosed && this.#idle.length < IDLE_SESSIONS) {
      this.#idle.push(router);
      return;
    }
    this.#all.delete(router);
    await router.close();
  }
}

/** One run of `fn`, from BEGIN to COMMIT or ROLLBACK. */
class Attempt {
  readonly #inner: RoutedStatements;
  readonly #signal: AbortSignal | undefined;
  /** On the clock of performance.now(). */
  readonly #deadline: number;
  #isOver = false;
  /** The last error inside the transaction, whatever `fn` made of it. */
  #failure: unknown;

  constructor(router: Router, signal: AbortSignal | undefined, deadline: number) {
    this.#inner = new RoutedStatements(router);
    this.#signal = signal;
    this.#deadline = deadline;
  }

  /** True where nothing was done, and it might go better next time. */
  get mayRunAgain(): boolean {
    const { code, data, message } = this.#failure instanceof PondError ? this.#failure : {};
    if (code === 'OWNER_LOST') return data?.outcome === 'not-committed';
    return code === 'SQL' && data?.kind === 'Transaction' && /conflict/i.test(message ?? '');
  }

  async run<T>(fn: (tx: Transaction) => Promise<T>): Promise<T> {
    await this.#statement('BEGIN');
    try {
      const value = await fn(this.#statements());
      this.#isOver = true;
      await this.#checkAlive();
      await this.#statement('COMMIT');
      return value;
    } catch (error) {
      this.#isOver = true;
      // Nothing to roll back where the owner went, or a COMMIT failed.
      await this.#inner.run('ROLLBACK').catch(() => undefined);
      throw error;
    }
  }

  /** A COMMIT of a transaction that has failed succeeds, and rolls back; `fn` may have caught the failure. */
  async #checkAlive(): Promise<void> {
    const failure = this.#failure;
    if (failure === undefined) return;
    await this.#inner.run('SELECT 1').catch(() => Promise.reject(failure));
  }

  #statement(sql: string): Promise<unknown> {
    return this.#noting(this.#inner.run(sql, undefined, this.#limits()));
  }

  #limits(): CallLimits {
    const left = this.#deadline - performance.now();
    return { signal: this.#signal, timeout: Number.isFinite(left) ? Math.max(left, 0) : undefined };
  }

  #statements(): Transaction {
    return {
      query: <R extends Row = Row>(sql: string, params?: SqlParams, options?: QueryOptions): Promise<R[]> =>
        this.#inside(() => this.#inner.query<R>(sql, params, { ...this.#limits(), ...options })),
      run: (sql: string, params?: SqlParams, options?: CallLimits): Promise<RunOutcome> =>
        this.#inside(() => this.#inner.run(sql, params, { ...this.#limits(), ...options })),
    };
  }

  async #inside<T>(call: () => Promise<T>): Promise<T> {
    if (this.#isOver) throw new PondError('CLOSED', 'the transaction is over');
    return this.#noting(call());
  }

  async #noting<T>(call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }
}
