import { unresponsive } from '../election/obstacles.ts';
import { PondError } from '../errors.ts';
import type { HelloParams, HelloResult, MethodName, Notices, Params, Result } from '../protocol.ts';
import type { UpdateProgress } from '../shapes.ts';
import type { Peer } from '../transport/peer.ts';

export type SuccessorNotice = Notices['$/successor'];

/** Bounds of the pause between two looks at a silent owner, in ms. */
const LOOK = { shortest: 20, longest: 1_000 } as const;

interface Waiting {
  readonly patience: number;
  /** Ms of this call's own time without a word from the owner. */
  silence: number;
  readonly giveUp: (error: PondError) => void;
}

/** A greeted connection to one owner, with an eye on whether that owner still lives. */
export class Link {
  readonly hello: HelloResult;
  /** True where the owner runs in this process's own thread pool: the port, not the socket. */
  readonly isLocal: boolean;
  /** True while the session is inside an explicit transaction: it dies with its owner. */
  inTransaction = false;
  readonly #peer: Peer;
  readonly #waiting = new Set<Waiting>();
  /** Calls that were sent and that somebody still waits for; true once the owner has announced one. */
  readonly #begun = new Map<number, boolean>();
  /** True once the owner has reported that it leaves in peace. */
  hasLeft = false;
  #successor: SuccessorNotice | null = null;
  #onSuccessor: (notice: SuccessorNotice) => void = () => undefined;
  #heard = 0;
  #lookedAt = 0;
  #timer: NodeJS.Timeout | undefined;

  private constructor(peer: Peer, hello: HelloResult, isLocal: boolean, successor: SuccessorNotice | null) {
    this.#peer = peer;
    this.hello = hello;
    this.isLocal = isLocal;
    this.#successor = successor;
    peer.onNotice('$/successor', (notice) => this.#name(notice));
    peer.onNotice('$/began', ({ call }) => {
      const isWaitedFor = this.#begun.has(call);
      if (isWaitedFor) this.#begun.set(call, true);
      peer.confirm(call, isWaitedFor);
    });
    peer.onNotice('$/left', () => {
      this.hasLeft = true;
    });
    void peer.closed.then(() => clearInterval(this.#timer));
  }

  /**
   * Says hello and waits for the answer, which an owner gives when its election is decided.
   * @throws ConnectionLost; PondError PROTOCOL_MISMATCH, INVALID and whatever the owner answers
   */
  static async greet(peer: Peer, hello: HelloParams, isLocal: boolean): Promise<Link> {
    // What the owner says right after the answer may be read together with it.
    let early: SuccessorNotice | undefined;
    peer.onNotice('$/successor', (notice) => {
      early = notice;
    });
    const answer = await peer.request('hello', hello);
    return new Link(peer, answer, isLocal, early ?? null);
  }

  get closed(): Promise<void> {
    return this.#peer.closed;
  }

  get isClosed(): boolean {
    return this.#peer.isClosed;
  }

  /** Who takes over when this owner goes, as the owner last said. */
  get successor(): SuccessorNotice | null {
    return this.#successor;
  }

  onSuccessor(listener: (notice: SuccessorNotice) => void): void {
    this.#onSuccessor = listener;
    if (this.#successor) listener(this.#successor);
  }

  /**
   * True once the owner has announced this call, until {@link settle}. It stays true after the connection is gone.
   */
  hasBegun(call: number): boolean {
    return this.#begun.get(call) === true;
  }

  /** The call is over for its caller. If the owner announces it later, it may not begin. */
  settle(call: number): void {
    this.#begun.delete(call);
  }

  onProgress(listener: (token: number, value: UpdateProgress) => void): void {
    this.#peer.onNotice('$/progress', ({ token, value }) => listener(token, value));
  }

  /**
   * One call to this owner. A slow call is waited for as long as the owner answers pings beside it.
   * @param patience ms without any word from the owner before the call ends in OWNER_UNRESPONSIVE
   */
  request<M extends MethodName>(
    method: M,
    params: Params<M>,
    patience: number,
    signal?: AbortSignal,
  ): Promise<Result<M>> {
    return new Promise((answered, failed) => {
      // The time since the last look is not this call's.
      const silence = this.#timer ? this.#lookedAt - performance.now() : 0;
      const waiting: Waiting = { patience, silence, giveUp: failed };
      this.#waiting.add(waiting);
      this.#look(patience);
      if ('call' in params) this.#begun.set(params.call as number, false);
      this.#peer.request(method, params, signal).then(
        (result) => {
          this.#waiting.delete(waiting);
          this.#note(result);
          answered(result);
        },
        (error: unknown) => {
          this.#waiting.delete(waiting);
          failed(error instanceof PondError ? this.#noteFailure(error) : error);
        },
      );
    });
  }

  /** Every answer to a statement reports whether a transaction is open after it, also one that nobody waits for. */
  #note(result: unknown): void {
    if (typeof result !== 'object' || result === null || !('inTransaction' in result)) return;
    this.inTransaction = result.inTransaction === true;
  }

  #noteFailure(error: PondError): PondError {
    if (error.data?.inTransaction === undefined) return error;
    this.#note(error.data);
    const { inTransaction: _, ...data } = error.data;
    const { code, message, hint, cause } = error;
    return new PondError(code, message, { data, cause, ...(hint && { hint }) });
  }

  close(): void {
    this.#peer.close();
  }

  #name(notice: SuccessorNotice): void {
    this.#successor = notice;
    this.#onSuccessor(notice);
  }

  #look(patience: number): void {
    if (this.#timer) return;
    this.#lookedAt = performance.now();
    this.#heard = this.#peer.heard;
    const pause = Math.min(Math.max(patience / 8, LOOK.shortest), LOOK.longest);
    this.#timer = setInterval(() => this.#tick(pause), pause).unref();
  }

  /** At a look that finds nobody waiting, not at each answer: calls in a row share one timer. */
  #stopLooking(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /**
   * Counts silence in ticks of this process's own clock: one that was itself stopped or busy for a while has not
   * waited, and its answer may lie unread in the socket.
   */
  #tick(pause: number): void {
    const now = performance.now();
    const elapsed = Math.min(now - this.#lookedAt, 2 * pause);
    const spoke = this.#peer.heard > this.#heard;
    this.#lookedAt = now;
    this.#heard = this.#peer.heard;
    for (const waiting of this.#waiting) {
      waiting.silence = spoke ? 0 : waiting.silence + elapsed;
      if (waiting.silence < waiting.patience) continue;
      this.#waiting.delete(waiting);
      waiting.giveUp(unresponsive(this.hello.pid));
    }
    if (this.#waiting.size === 0) this.#stopLooking();
    else void this.#peer.request('ping', {}).catch(() => undefined);
  }
}
