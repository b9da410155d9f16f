import type { EventEmitter } from 'node:events';
import { here, type Outcome, PondError, withOutcome } from '../errors.ts';
import { MAX_IN_FLIGHT, METHODS, type MethodName, type Params, type Result } from '../protocol.ts';
import type { CallLimits, Role, RouterEvents, UpdateProgress } from '../shapes.ts';
import { ConnectionLost } from '../transport/peer.ts';
import { Turns } from '../turns.ts';
import { Budget, checkLimits } from './budget.ts';
import { CurrentOwner, type RouterOptions } from './current-owner.ts';
import type { Link } from './link.ts';

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
  /** The link whose explicit transaction went with its owner, until a call has told of it. */
  #lostIn: Link | null = null;
  #lastCall = 0;
  /** Numbers of the statements that have no answer yet, in the order they were given. */
  readonly #unsettled = new Set<number>();
  /** Calls with the owner at once; the others wait here, where they cost nobody anything. */
  readonly #flights = new Turns(MAX_IN_FLIGHT / 4);
  readonly #progress = new Map<number, (value: UpdateProgress) => void>();

  constructor(options: RouterOptions) {
    this.#timeout = options.timeout;
    this.#owner = new CurrentOwner(options, {
      onFound: (link) => link.onProgress((token, value) => this.#progress.get(token)?.(value)),
      // A call under way hears of its transaction by itself; this is for the one that has none.
      onLost: (link) => {
        if (link.inTransaction && !link.isLossTold) this.#lostIn = link;
      },
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
    const { call } = params as { readonly call?: number };
    if (call !== undefined) this.#unsettled.add(call);
    try {
      return await this.use(limits, (budget) => this.#send(method, params, budget));
    } finally {
      if (call !== undefined) this.#unsettled.delete(call);
    }
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
      return await this.call(method, told, { ...limits, signal: AbortSignal.any(signals) });
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

  /** One call on one link, without a second try. @throws ConnectionLost where the owner went; PondError */
  async sendOn<M extends MethodName>(
    link: Link,
    method: M,
    params: Params<M>,
    budget: Budget,
  ): Promise<Result<M>> {
    const { pid } = link.hello;
    try {
      const result = await budget.bound(method, pid, (signal) =>
        this.#flights.take(() => link.request(method, params, this.#timeout, signal), signal),
      );
      link.note(result);
      return result;
    } catch (error) {
      const isOurs = error instanceof ConnectionLost && this.#owner.isClosed;
      throw isOurs ? closedUnder(method) : error;
    }
  }

  link(budget: Budget): Promise<Link> {
    return this.#owner.link(budget);
  }

  /** However often it is asked: resolves when the file is let go of. */
  close(): Promise<void> {
    return this.#owner.close();
  }

  async #send<M extends MethodName>(method: M, params: Params<M>, budget: Budget): Promise<Result<M>> {
    let sent: Sent | undefined;
    for (let losses = 0; ; losses++) {
      const link = await this.#linkAfter(losses, budget).catch((error: unknown) => {
        throw METHODS[method].replay === 'unless-begun' ? unserved(error, sent) : error;
      });
      this.#checkTransaction();
      const began = performance.now();
      try {
        return await this.sendOn(link, method, this.#numbered(params, sent), budget);
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
        if (performance.now() - began > LASTING_MS) budget.renew();
        // Sent to two owners that went: what the first of them held open is gone, whatever the second knew.
        const again = this.#judge(method, params, link);
        if (sent !== 'in-transaction') sent = again;
      }
    }
  }

  /** Something takes the call and hangs up, again and again: no owner does. @throws the obstacle at the deadline */
  async #linkAfter(losses: number, budget: Budget): Promise<Link> {
    if (losses >= QUICK_LOSSES) await this.#owner.lookAgain(budget);
    return this.#owner.link(budget);
  }

  /** A statement says which calls before it are settled, and whether it was sent before. */
  #numbered<P extends object>(params: P, sent: Sent | undefined): P {
    if (!('call' in params)) return params;
    const [oldest = this.#lastCall + 1] = this.#unsettled;
    return { ...params, settled: oldest - 1, ...(sent && { sent }) };
  }

  /**
   * The owner went before the answer came. Returns how the call may be sent again.
   * @throws PondError OWNER_LOST where it may not
   */
  #judge(method: MethodName, params: object, link: Link): Sent {
    if (link.inTransaction) return this.#judgeTransaction(method, params, link);
    const { replay } = METHODS[method];
    const { call } = params as { readonly call?: number };
    if (replay === 'always') return 'before';
    if (replay === 'unless-begun' && call !== undefined && !link.hasBegun(call)) return 'before';
    throw ownerLost(link, method, 'unknown');
  }

  /** The transaction is gone, unless this very call has committed it: the next owner's ledger knows. */
  #judgeTransaction(method: MethodName, params: object, link: Link): Sent {
    link.isLossTold = true;
    if (this.#lostIn === link) this.#lostIn = null;
    const { sql = '', call = 0 } = params as { readonly sql?: string; readonly call?: number };
    const mayCommit = /\b(?:commit|end)\b/i.test(sql);
    if (!mayCommit) throw ownerLost(link, method, this.#unsettled.size > 1 ? 'unknown' : 'not-committed');
    if (link.hasBegun(call)) throw ownerLost(link, method, 'unknown');
    return 'in-transaction';
  }

  /** A transaction that died between two calls: the next one must hear of it, not run outside. */
  #checkTransaction(): void {
    if (!this.#lostIn) return;
    this.#lostIn = null;
    throw new PondError('OWNER_LOST', 'the owner went, and with it the open transaction', {
      data: { outcome: 'not-committed' },
      hint: 'begin the transaction again',
    });
  }
}

/** The handle was closed while the call was with the owner. */
function closedUnder(method: MethodName): PondError {
  const mayWrite = METHODS[method].replay === 'unless-begun';
  return new PondError('CLOSED', `the handle was closed during ${method}`, {
    ...(mayWrite && { data: { outcome: 'unknown' } }),
    hint: 'wait for the calls under way before closing',
  });
}

type Sent = 'before' | 'in-transaction';

/** No owner was found for it. What was sent to one that went may have been done. */
const unserved = (error: unknown, sent: Sent | undefined): unknown =>
  withOutcome(error, sent ? 'unknown' : 'not-committed');

function ownerLost(link: Link, method: MethodName, outcome: Outcome): PondError {
  return new PondError('OWNER_LOST', `the owner, process ${link.hello.pid}, went during ${method}`, {
    data: { outcome, pid: link.hello.pid },
    hint:
      outcome === 'unknown'
        ? 'look whether the change is there before doing it again'
        : 'it can be done again',
  });
}
