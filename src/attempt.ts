import { ERRORS, type ErrorCode, PondError, withOutcome } from './errors.ts';
import { mayReopen, staysInside, uncommitted } from './outcome.ts';
import type { Router } from './router/router.ts';
import type { CallLimits } from './shapes.ts';
import {
  type QueryOptions,
  RoutedStatements,
  type Row,
  type RunOutcome,
  type SqlParams,
  type Statements,
} from './statements.ts';

/** One run of the function given to `transaction()`, from BEGIN to COMMIT or ROLLBACK. @internal */
export class Attempt {
  readonly #inner: RoutedStatements;
  readonly #router: Router;
  readonly #signal: AbortSignal | undefined;
  /** On the clock of performance.now(). */
  readonly #deadline: number;
  #isOver = false;
  /** Calls that the function has made and that have no answer yet; it need not wait for them. */
  readonly #pending = new Set<Promise<unknown>>();
  /** Errors of this transaction, as the function got them. */
  readonly #errors = new Set<unknown>();
  /** Why the transaction cannot be committed, should it turn out so; whatever the function made of it. */
  #failure: unknown;
  /** The error of a call that was given up: DuckDB has not answered it, and may have done it. */
  #unanswered: unknown;
  /** A statement of the function may have committed something by itself, or done what is not rolled back. */
  #mayHaveEnded = false;
  #isCommitSent = false;
  #isSettled = false;

  constructor(router: Router, signal: AbortSignal | undefined, deadline: number) {
    this.#router = router;
    this.#inner = new RoutedStatements(router);
    this.#signal = signal;
    this.#deadline = deadline;
  }

  /** True once nothing of it is under way in the owner: another transaction may have its session. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** True where the attempt ended in `error` because of others, and nothing of it was done. */
  mayRunAgain(error: unknown): boolean {
    if (!(error instanceof PondError) || !this.#errors.has(error)) return false;
    const { code, data, message } = error;
    if (data?.outcome !== 'not-committed') return false;
    return (
      code === 'OWNER_LOST' || (code === 'SQL' && data.kind === 'Transaction' && /conflict/i.test(message))
    );
  }

  async run<T>(fn: (tx: Statements) => Promise<T>): Promise<T> {
    try {
      await this.#noting('BEGIN', this.#inner.begin(this.#limits()));
      const value = await fn(this.#statements());
      this.#isOver = true;
      await Promise.allSettled(this.#pending);
      await this.#checkOpen();
      await this.#checkAlive();
      await this.#commit();
      return value;
    } catch (error) {
      this.#isOver = true;
      await this.#rollBack();
      throw this.#judge(error);
    }
  }

  /**
   * Fails as the transaction did; `fn` may have caught it. Its COMMIT would roll back, and succeed; and after a call
   * that nobody answered it would commit what is left, with or without what that call did.
   */
  async #checkAlive(): Promise<void> {
    if (this.#unanswered !== undefined) throw this.#unanswered;
    if (this.#failure === undefined) return;
    await this.#inner.run('SELECT 1', undefined, this.#limits()).catch(() => Promise.reject(this.#failure));
  }

  async #commit(): Promise<void> {
    this.#isCommitSent = true;
    await this.#noting('COMMIT', this.#inner.run('COMMIT', undefined, this.#limits()));
    this.#isSettled = true;
  }

  /** A session whose ROLLBACK is not answered is not used again: closing it rolls back as well. */
  async #rollBack(): Promise<void> {
    const isGone = this.#signal?.aborted || performance.now() >= this.#deadline;
    if (isGone || this.#router.isClosed) return;
    try {
      await this.#inner.run('ROLLBACK', undefined, this.#limits());
      this.#isSettled = true;
    } catch (error) {
      // There is no transaction: a COMMIT that failed has ended it, or BEGIN has not begun it.
      this.#isSettled = error instanceof PondError && error.code === 'SQL';
    }
  }

  /** What is known of the transaction, and not of the statement that failed. */
  #judge(error: unknown): unknown {
    if (this.#isCommitSent || !this.#errors.has(error)) return error;
    const judged = withOutcome(error, uncommitted(this.#mayHaveEnded));
    this.#errors.add(judged);
    return judged;
  }

  #limits(): CallLimits {
    const left = this.#deadline - performance.now();
    return { signal: this.#signal, timeout: Number.isFinite(left) ? Math.max(left, 0) : undefined };
  }

  #statements(): Statements {
    return {
      query: <R extends Row = Row>(sql: string, params?: SqlParams, options?: QueryOptions): Promise<R[]> =>
        this.#inside(sql, () => this.#inner.query<R>(sql, params, { ...this.#limits(), ...options })),
      run: (sql: string, params?: SqlParams, options?: CallLimits): Promise<RunOutcome> =>
        this.#inside(sql, () => this.#inner.run(sql, params, { ...this.#limits(), ...options })),
    };
  }

  async #inside<T>(sql: string, call: () => Promise<T>): Promise<T> {
    if (this.#isOver) throw new PondError('CLOSED', 'the transaction is over');
    await this.#checkOpen();
    const answer = this.#noting(sql, call());
    this.#pending.add(answer);
    return answer.finally(() => this.#pending.delete(answer));
  }

  /** @throws PondError INVALID where the function has ended the transaction by a statement of its own */
  async #checkOpen(): Promise<void> {
    if (this.#router.transaction !== 'none' || this.#router.isClosed) return;
    this.#mayHaveEnded = true;
    const ended = new PondError('INVALID', 'a statement of the transaction has ended it', {
      data: { outcome: uncommitted(true) },
      hint: 'leave BEGIN, COMMIT and ROLLBACK to transaction()',
    });
    this.#errors.add(ended);
    throw ended;
  }

  async #noting<T>(sql: string, call: Promise<T>): Promise<T> {
    try {
      const value = await call;
      this.#mayHaveEnded ||= mayReopen(sql);
      return value;
    } catch (error) {
      this.#note(sql, error);
      throw error;
    }
  }

  #note(sql: string, error: unknown): void {
    this.#errors.add(error);
    const { code, data, message = '' } = error instanceof PondError ? error : {};
    const isKnown = data?.outcome === 'not-committed';
    if (code === undefined || isGivenUp(code)) this.#unanswered ??= error;
    this.#mayHaveEnded ||= !isKnown && (code === 'OWNER_LOST' || !staysInside(sql));
    // What DuckDB answers to everything after the failure that counts.
    if (!message.includes('Current transaction is aborted')) this.#failure = error;
  }
}

/** No answer of DuckDB's: the caller's patience, its deadline or the owner ended the call. */
const isGivenUp = (code: ErrorCode): boolean => code === 'ABORTED' || ERRORS[code].exit === 75;
