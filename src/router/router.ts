import { EventEmitter, setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { ERRORS, here, type Outcome, PondError, withOutcome } from '../errors.ts';
import { type HostShare, shareHost } from '../owner/hosts.ts';
import type { PondPaths } from '../paths.ts';
import {
  type HelloParams,
  MAX_IN_FLIGHT,
  METHODS,
  type MethodName,
  type Params,
  type Result,
} from '../protocol.ts';
import type { CallLimits, Role, RouterEvents, UpdateProgress } from '../shapes.ts';
import { ConnectionLost } from '../transport/peer.ts';
import { Turns } from '../turns.ts';
import { isNewer } from '../version.ts';
import { type Closable, closeAtExit, forget } from './at-exit.ts';
import { Budget, checkLimits } from './budget.ts';
import type { Link, SuccessorNotice } from './link.ts';
import { type FileIdentity, LOOK_AGAIN, NO_OWNER, seekOwner } from './seek.ts';

/** Owners that may go one after the other under one call before it takes its time. */
const QUICK_LOSSES = 8;
/** An owner that had a call for so long was one, in ms. */
const LASTING_MS = 200;

export interface RouterOptions {
  readonly paths: PondPaths;
  readonly version: string;
  readonly hello: HelloParams;
  readonly config: Readonly<Record<string, string>>;
  /** Opened for this process alone, read-only, without an election. */
  readonly alone: boolean;
  /** Ms that a call may wait for an owner, or for a word from the one it has. */
  readonly timeout: number;
}

/**
 * Hands each call to whoever owns the file at the moment, and sees it through: an owner that goes is followed by
 * another, and the call by the same call. Nothing above knows which process answered.
 */
export class Router implements Closable {
  readonly events = new EventEmitter<RouterEvents>();
  readonly #options: RouterOptions;
  readonly #host: HostShare;
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;
  #link: Link | null = null;
  #seeking: Promise<Link> | null = null;
  /** What stands between us and an owner, while we look for one. */
  readonly #obstacle = { current: NO_OWNER };
  /** Who was to follow the owner that we lost. */
  #successor: SuccessorNotice | null = null;
  /** The file that this handle was opened on; its path may come to lead to another. */
  #file: FileIdentity | null = null;
  #role: Role = 'electing';
  #epoch = 0;
  /** The link whose explicit transaction went with its owner, until a call has told of it. */
  #lostIn: Link | null = null;
  #lastCall = 0;
  /** Numbers of the statements that have no answer yet, in the order they were given. */
  readonly #unsettled = new Set<number>();
  /** Calls with the owner at once; the others wait here, where they cost nobody anything. */
  readonly #flights = new Turns(MAX_IN_FLIGHT / 4);
  readonly #progress = new Map<number, (value: UpdateProgress) => void>();
  #forgetCompromised: () => void = () => undefined;

  constructor(options: RouterOptions) {
    this.#options = options;
    const { paths, version, config, alone } = options;
    this.#host = shareHost({ paths, version, config, alone });
    // One for each call that waits for an owner.
    setMaxListeners(0, this.#closing.signal);
    closeAtExit(this);
  }

  get role(): Role {
    return this.#role;
  }

  get epoch(): number {
    return this.#epoch;
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
    const budget = new Budget(limits, this.#options.timeout);
    try {
      return await work(budget);
    } catch (error) {
      throw here(error);
    } finally {
      budget.end();
    }
  }

  /** The current owner, found or elected within the budget. */
  async link(budget: Budget): Promise<Link> {
    this.#checkOpen();
    for (;;) {
      if (this.#link && !this.#link.isClosed) return this.#link;
      try {
        return await budget.guard(this.#seek(budget.waitUntil), () => this.#obstacle.current());
      } catch (error) {
        // The search was another caller's, with less time than this one has.
        const isWait = error instanceof PondError && ERRORS[error.code].exit === 75;
        if (!isWait || performance.now() >= budget.waitUntil) throw error;
      }
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
    const { timeout } = this.#options;
    try {
      const result = await budget.bound(method, pid, (signal) =>
        this.#flights.take(() => link.request(method, params, timeout, signal), signal),
      );
      link.note(result);
      return result;
    } catch (error) {
      const isOurs = error instanceof ConnectionLost && this.#closing.signal.aborted;
      throw isOurs ? closedUnder(method) : error;
    }
  }

  /** However often it is asked: resolves when the file is let go of. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    this.#setRole('closed');
    this.#forgetCompromised();
    await this.#seeking?.catch(() => undefined);
    this.#link?.close();
    await this.#host.release();
    forget(this);
  }

  closeNow(): void {
    this.#host.closeNow();
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
    if (losses >= QUICK_LOSSES) {
      if (performance.now() >= budget.waitUntil) throw this.#obstacle.current();
      await pause(LOOK_AGAIN, undefined, { signal: this.#closing.signal }).catch(() => undefined);
    }
    return this.link(budget);
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

  #checkOpen(): void {
    if (this.#closing.signal.aborted) throw new PondError('CLOSED', 'the handle was closed');
  }

  /** One search for the owner at a time; a caller with more time than the last one starts another after it. */
  #seek(until: number): Promise<Link> {
    this.#seeking ??= this.#seekOnce(until).finally(() => {
      this.#seeking = null;
    });
    return this.#seeking;
  }

  async #seekOnce(until: number): Promise<Link> {
    const successor = this.#successor;
    this.#successor = null;
    const { paths, hello, alone } = this.#options;
    const mayOwn = hello.candidate !== 'never' || alone;
    this.#obstacle.current = NO_OWNER;
    const obstacle = this.#obstacle;
    const file = this.#file;
    const closed = this.#closing.signal;
    const seeker = { paths, hello, host: this.#host, mayOwn, alone, file, closed, obstacle };
    const link = await seekOwner(seeker, until, successor);
    if (this.#closing.signal.aborted) {
      link.close();
      this.#checkOpen();
    }
    const { device, inode } = link.hello;
    this.#file ??= { device, inode };
    this.#adopt(link);
    return link;
  }

  #adopt(link: Link): void {
    const { pid, epoch } = link.hello;
    this.#link = link;
    this.#epoch = epoch;
    this.#setRole(link.isLocal ? 'owner' : 'reader');
    void link.closed.then(() => this.#lose(link));
    link.onProgress((token, value) => this.#progress.get(token)?.(value));
    link.onSuccessor(({ you, socket }) => you && socket === null && void this.#standBy(link));
    this.#forgetCompromised();
    const host = this.#host.owner();
    this.#forgetCompromised = host?.onCompromised(() => this.#tell('compromised')) ?? (() => undefined);
    this.#tell('owner-found', { pid, epoch });
    const { hello, version } = this.#options;
    if (hello.candidate === 'prefer' && isNewer(version, link.hello.version)) void this.#standBy(link, true);
  }

  #lose(link: Link): void {
    if (this.#link !== link) return;
    this.#link = null;
    this.#successor = link.successor;
    if (this.#closing.signal.aborted) return;
    const { pid, epoch } = link.hello;
    this.#setRole('electing');
    // A call under way hears of its transaction by itself; this is for the one that has none.
    if (link.inTransaction && !link.isLossTold) this.#lostIn = link;
    this.#tell('owner-lost', { pid, epoch });
    // At once and not at the next call: somebody must own the file, or the next call waits for an election. But an
    // owner that was asked to leave does not take back what it has just given away, unless it is called.
    if (link.isLocal || this.#closing.signal.aborted) return;
    this.#seek(performance.now() + this.#options.timeout).catch(() => undefined);
  }

  /**
   * Named to take over: the worker is warmed, and everyone told where it listens.
   * @param now of a newer version than the owner's: asks it to leave once all is ready
   */
  async #standBy(link: Link, now = false): Promise<void> {
    try {
      const candidate = await this.#host.candidate();
      const socket = await candidate.standBy();
      await link.request('standby', { socket, ...(now && { now }) }, this.#options.timeout);
    } catch {
      // The owner went meanwhile, or this process cannot listen: the others contend without a successor.
    }
  }

  #setRole(role: Role): void {
    if (this.#role === role) return;
    this.#role = role;
    this.#tell('role', role);
  }

  /** What a listener throws is its program's affair and no call's: it surfaces as an uncaught exception. */
  #tell<E extends keyof RouterEvents>(event: E, ...args: RouterEvents[E]): void {
    try {
      this.events.emit(event, ...(args as never));
    } catch (error) {
      process.nextTick(() => {
        throw error;
      });
    }
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
