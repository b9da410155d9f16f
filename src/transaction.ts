import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Attempt } from './attempt.ts';
import { PondError } from './errors.ts';
import { checkLimits } from './router/budget.ts';
import { Router, type RouterOptions } from './router/router.ts';
import type { CallLimits } from './shapes.ts';
import type { Statements } from './statements.ts';

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
    const { tries = AGAIN.tries, signal, timeout } = options;
    const deadline = timeout === undefined ? Number.POSITIVE_INFINITY : performance.now() + timeout;
    for (let done = 1; ; done++) {
      const router = this.#take();
      const attempt = new Attempt(router, signal, deadline);
      try {
        return await attempt.run(fn);
      } catch (error) {
        const isLast = done >= tries || signal?.aborted || performance.now() >= deadline;
        if (isLast || !attempt.mayRunAgain(error)) throw error;
      } finally {
        this.#give(router, attempt.isSettled);
      }
      await pause(Math.random() * Math.min(2 ** done, AGAIN.longest));
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

  /** @param isSettled nothing of the session is under way in the owner */
  #give(router: Router, isSettled: boolean): void {
    if (isSettled && !this.#isClosed && this.#idle.length < IDLE_SESSIONS) {
      this.#idle.push(router);
      return;
    }
    // Not waited for: it was perhaps given up because its owner does not answer.
    void router.close().finally(() => this.#all.delete(router));
  }
}
