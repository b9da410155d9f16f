import type { EventEmitter } from 'node:events';
import { anySignal } from '../any-signal.ts';
import { here, PondError } from '../errors.ts';
import { beginsTransaction, isCommit, isRollback } from '../outcome.ts';
import {
  MAX_IN_FLIGHT,
  type MethodName,
  type Params,
  type QueryResult,
  type Result,
  type RunResult,
} from '../protocol.ts';
import type { CallLimits, Role, RouterEvents, UpdateProgress } from '../shapes.ts';
import { ConnectionLost } from '../transport/peer.ts';
import { Turns } from '../turns.ts';
import { Budget, checkLimits } from './budget.ts';
import { CallOrder } from './call-order.ts';
import { CallRecord } from './call-record.ts';
import { CurrentOwner, type RouterOptions } from './current-owner.ts';
import type { Link } from './link.ts';
import { LostTransaction } from './lost-transaction.ts';

export type { RouterOptions };

/** Owners that may go one after the other under one call before it takes its time. */
const QUICK_LOSSES = 8;
/** An owner that had a call for so long was one, in ms. */
const LASTING_MS = 200;

/**
 * Hands each call to whoever owns the file at the moment, and sees it through: an owner that goes is followed by
 * another, and the call by the same call. Nothing above knows which process answered.
 */
export class Router {
  readonly #owner: CurrentOwner;
  readonly #timeout: number;
  readonly #isReadOnly: boolean;
  readonly #transaction = new LostTransaction();
  readonly #order = new CallOrder();
  #lastCall = 0;
  /** Numbers of the statements that have no answer yet, in the order they were given. */
  readonly #unsettled = new Set<number>();
  /** Calls with the owner at once; the others wait here, where they cost nobody anything. */
  readonly #flights = new Turns(MAX_IN_FLIGHT / 4);
  readonly #progress = new Map<number, (value: UpdateProgress) => void>();

  constructor(options: RouterOptions) {
    this.#timeout = options.timeout;
    this.#isReadOnly = options.hello.readOnly;
    this.#owner = new CurrentOwner(options, {
      onFound: (link) => link.onProgress((token, value) => this.#progress.get(token)?.(value)),
      onLost: (link) => link.inTransaction && this.#transaction.lose(),
    });
  }

  get events(): EventEmitter<RouterEvents> {
    return this.#owner.events;
  }

  get role(): Role {
    return this.#owner.role;
  }

  get epoch(): number {
    return this.#owner.epoch;
  }

  get isClosed(): boolean {
    return this.#owner.isClosed;
  }

  /** Whether the session is inside an explicit transaction, as its owner last reported. */
  get transaction(): 'open' | 'none' | 'lost' {
    if (this.#transaction.isLost) return 'lost';
    return this.#owner.isInTransaction ? 'open' : 'none';
  }

  /** A number that no other call of this handle has: names it in `$/began`. */
  nextCall(): number {
    return ++this.#lastCall;
  }

  /**
   * One call, sent again to the next owner for as long as the method table allows.
   * @throws PondError, within the limits: never anything else, and never nothing
   */
  async call<M extends MethodName>(
    method: M,
    params: Params<M>,
    limits: CallLimits = {},
  ): Promise<Result<M>> {
    const record = this.record(method, params);
    if (record.call !== undefined) this.#unsettled.add(record.call);
    try {
      return await this.use(limits, (budget) =>
        this.deliver(record, budget, (link) => this.#statement(link, record, method, params, budget)),
      );
    } finally {
      if (record.call !== undefined) this.#unsettled.delete(record.call);
      record.end();
    }
  }

  /** What is to be known of a call; its caller ends it. */
  record(method: MethodName, params: object): CallRecord {
    return new CallRecord(method, params, this.#isReadOnly);
  }

  /**
   * A call whose owner tells how far it is; after a failover it starts again from what was done. A listener that
   * throws ends its own call with what it threw.
   */
  async callWithProgress(
    method: 'index/update',
    params: Params<'index/update'>,
    onProgress: (value: UpdateProgress) => void,
    limits: CallLimits,
  ): Promise<Result<'index/update'>> {
    checkLimits(limits);
    const token = this.nextCall();
    const thrown = new AbortController();
    this.#progress.set(token, (value) => {
      try {
        onProgress(value);
      } catch (error) {
        thrown.abort(error);
      }
    });
    try {
      const signals = [thrown.signal, ...(limits.signal ? [limits.signal] : [])];
      const told = { ...params, progress: token };
      return await this.call(method, told, { ...limits, signal: anySignal(signals) });
    } finally {
      this.#progress.delete(token);
      // Whatever became of the call.
      thrown.signal.throwIfAborted();
    }
  }

  /** Runs something that makes several calls under one budget, with the process kept alive meanwhile. */
  async use<T>(limits: CallLimits, work: (budget: Budget) => Promise<T>): Promise<T> {
    const budget = new Budget(limits, this.#timeout);
    try {
      return await work(budget);
    } catch (error) {
      throw here(error);
    } finally {
      budget.end();
    }
  }

  /**
   * Has `send` done on the current owner, and on the next one where that one goes, for as long as the method table
   * allows.
   * @throws PondError, with what is known of the effect of the call
   */
  async deliver<T>(record: CallRecord, budget: Budget, send: (link: Link) => Promise<T>): Promise<T> {
    this.#enter(record);
    try {
      for (let losses = 0; ; losses++) {
        const link = await this.#linkAfter(losses, budget);
        await this.#turn(record, losses > 0, budget);
        const began = performance.now();
        try {
          return await send(link);
        } catch (error) {
          if (!(error instanceof ConnectionLost)) throw error;
          // Before anything is waited for: the others that lost this owner are to find it there.
          this.#enter(record);
          const hasLasted = performance.now() - began > LASTING_MS;
          if (hasLasted) budget.renew();
          this.#lostUnder(record, link, hasLasted);
        }
      }
    } catch (error) {
      throw record.judge(error);
    } finally {
      this.#leave(record);
    }
  }

  /**
   * One request on one link, without a second try.
   * @param late called with the answer where it comes although the caller has given up
   * @throws ConnectionLost where the owner went; PondError
   */
  async sendOn<M extends MethodName>(
    link: Link,
    record: CallRecord,
    method: M,
    params: Params<M>,
    budget: Budget,
    late?: (value: Result<M>) => void,
  ): Promise<Result<M>> {
    let request: Promise<Result<M>> | undefined;
    const send = (signal?: AbortSignal): Promise<Result<M>> => {
      request = this.#flights.take(() => {
        if (link.isClosed) throw new ConnectionLost();
        record.sentOn(link);
        return link.request(method, params, this.#timeout, signal);
      }, signal);
      return request;
    };
    // A batch that is given up is not waited for: its statement is done.
    const succeeded =
      record.mayWrite && method === record.method && ((value: unknown) => record.succeeded(value));
    try {
      return await budget.bound({ pid: link.hello.pid, send, ...(succeeded && { succeeded }) });
    } catch (error) {
      if (late) request?.then(late, () => undefined);
      throw error instanceof ConnectionLost && this.#owner.isClosed ? closedUnder(record.method) : error;
    }
  }

  link(budget: Budget): Promise<Link> {
    return this.#owner.link(budget);
  }

  /** However often it is asked: resolves when the file is let go of. */
  close(): Promise<void> {
    return this.#owner.close();
  }

  /** A call of the handle's own session, in its turn. */
  async #statement<M extends MethodName>(
    link: Link,
    record: CallRecord,
    method: M,
    params: Params<M>,
    budget: Budget,
  ): Promise<Result<M>> {
    if (!record.isInSession) return this.sendOn(link, record, method, params, budget);
    const { text, again } = record;
    // Only to be looked up by the next owner.
    const isLookedUp = again === 'in-transaction' && !isRollback(text);
    if (!isLookedUp && this.#transaction.admit(text) === 'ended')
      return rolledBack(method, link) as Result<M>;
    const wasInside = link.inTransaction;
    const answer = this.sendOn(link, record, method, this.#numbered(params, record), budget);
    this.#leave(record);
    try {
      const result = await answer;
      if (isLookedUp) this.#transaction.end();
      return result;
    } catch (error) {
      if (error instanceof ConnectionLost) throw error;
      if (isLookedUp) this.#transaction.tell();
      if (isLookedUp && isCommit(text)) this.#transaction.end();
      if (record.isSent && !wasInside && beginsTransaction(text) && isGivenUp(error)) this.#takeBack(link);
      throw error;
    }
  }

  /**
   * A BEGIN that was given up may have been done, or will be. Right behind it: the statements that follow must not
   * run in a transaction that their caller does not believe in.
   */
  #takeBack(link: Link): void {
    const rollback = { sql: 'ROLLBACK', call: this.nextCall() };
    link
      .request('run', rollback, this.#timeout)
      .catch(() => undefined)
      .finally(() => link.settle(rollback.call));
  }

  #enter({ isInSession, call = 0 }: CallRecord): void {
    if (isInSession) this.#order.enter(call);
  }

  #leave({ isInSession, call = 0 }: CallRecord): void {
    if (isInSession) this.#order.leave(call);
  }

  async #turn({ isInSession, call = 0 }: CallRecord, wasLost: boolean, budget: Budget): Promise<void> {
    const turn = isInSession && this.#order.turn(call, wasLost);
    if (turn) await budget.guard(turn, () => new PondError('TIMEOUT', 'earlier calls were not sent in time'));
  }

  /** The owner went before it answered. @throws PondError OWNER_LOST where the call may not be sent again */
  #lostUnder(record: CallRecord, link: Link, hasLasted: boolean): void {
    const isInside = record.isInSession && link.inTransaction;
    if (isInside) this.#transaction.lose();
    try {
      record.lostOn(link, this.#unsettled.size > 1, hasLasted);
    } catch (error) {
      if (isInside) this.#transaction.tell();
      throw error;
    }
  }

  /** Something takes the call and hangs up, again and again: no owner does. @throws the obstacle at the deadline */
  async #linkAfter(losses: number, budget: Budget): Promise<Link> {
    if (losses >= QUICK_LOSSES) await this.#owner.lookAgain(budget);
    return this.#owner.link(budget);
  }

  /** A statement says which calls before it are settled, and whether and to whom it was sent before. */
  #numbered<P extends object>(params: P, { again, firstEpoch }: CallRecord): P {
    if (!('call' in params)) return params;
    const [oldest = this.#lastCall + 1] = this.#unsettled;
    return { ...params, settled: oldest - 1, ...(again && { sent: again, firstEpoch }) };
  }
}

/** What an owner answers to a ROLLBACK, for one of a transaction that is gone already. */
function rolledBack(method: MethodName, link: Link): QueryResult | RunResult {
  const { epoch } = link.hello;
  if (method === 'query') return { names: ['Success'], rows: [], inTransaction: false };
  return { rowsChanged: 0, epoch, replayed: false, inTransaction: false };
}

/** Its caller waits no longer, and its owner may still have it. */
const isGivenUp = (error: unknown): boolean =>
  error instanceof PondError && ['ABORTED', 'TIMEOUT', 'OWNER_UNRESPONSIVE'].includes(error.code);

/** The handle was closed while the call was with the owner. */
function closedUnder(method: MethodName): PondError {
  return new PondError('CLOSED', `the handle was closed during ${method}`, {
    hint: 'wait for the calls under way before closing',
  });
}
