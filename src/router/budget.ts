import { setMaxListeners } from 'node:events';
import { unresponsive } from '../election/obstacles.ts';
import { type Outcome, PondError } from '../errors.ts';
import type { CallLimits } from '../shapes.ts';
import { after, isDuration } from './after.ts';
import { holdProcess, releaseProcess } from './alive.ts';

/** Not `instanceof`: the program's AbortSignal may be of another realm. */
const isSignal = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as Partial<AbortSignal>).aborted === 'boolean' &&
  typeof (value as Partial<AbortSignal>).addEventListener === 'function';

/** @throws TypeError */
export function checkLimits({ signal, timeout }: CallLimits): void {
  if (timeout !== undefined && !isDuration(timeout)) throw new TypeError('timeout must be a number of ms');
  if (signal !== undefined && !isSignal(signal)) throw new TypeError('signal must be an AbortSignal');
}

/** How long a living owner may take to say what became of a call it was asked to cancel, in ms. */
const CANCEL_GRACE = 500;

export interface Request<T> {
  /** Of the owner. */
  readonly pid: number;
  /** Sends the call. An aborted signal asks the owner to cancel it. */
  send(signal?: AbortSignal): Promise<T>;
  /**
   * For a call that may write: what is known of it where its caller has given up and it succeeded all the same.
   * Without it an aborted call is not waited for.
   */
  readonly succeeded?: ((value: T) => Outcome) | undefined;
}

/** What one call may spend: its time to wait for an owner, its own deadline, its caller's patience. */
export class Budget {
  /** Until when an owner may be waited for, on the clock of performance.now(). */
  #waitUntil: number;
  readonly #wait: number;
  readonly #end: number;
  /** Fires when the budget has run out; none for a call without limits, which is nearly every call. */
  readonly #stop: AbortController | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  #why: 'TIMEOUT' | 'ABORTED' = 'TIMEOUT';

  /** @throws TypeError */
  constructor(limits: CallLimits, wait: number) {
    // Before the process is held: what throws here has no end() that would let it go.
    checkLimits(limits);
    const { signal, timeout } = limits;
    const now = performance.now();
    this.#wait = wait;
    this.#end = now + (timeout ?? Number.POSITIVE_INFINITY);
    this.#waitUntil = Math.min(now + wait, this.#end);
    holdProcess();
    if (!signal && timeout === undefined) return;
    this.#stop = new AbortController();
    this.#signal = signal;
    if (timeout !== undefined) this.#timer = after(timeout, () => this.#stop?.abort());
    if (!signal) return;
    // One for each call: a program may well end a hundred by one signal.
    setMaxListeners(0, signal);
    if (signal.aborted) this.#abort();
    else signal.addEventListener('abort', this.#abort, { once: true });
  }

  get waitUntil(): number {
    return this.#waitUntil;
  }

  /** An owner had the call for a while, and went: the wait for the next one begins anew. */
  renew(): void {
    this.#waitUntil = Math.min(performance.now() + this.#wait, this.#end);
  }

  end(): void {
    releaseProcess();
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#abort);
  }

  readonly #abort = (): void => {
    this.#why = 'ABORTED';
    this.#stop?.abort();
  };

  /**
   * Waits for something that is shared with other calls and goes on when this one gives up: the search for an owner.
   * @param obstacle what stands in the way at this moment
   */
  guard<T>(shared: Promise<T>, obstacle: () => PondError): Promise<T> {
    return new Promise((settled, failed) => {
      const signal = this.#stop?.signal;
      const timer = after(this.waitUntil - performance.now(), () => failed(obstacle()));
      const giveUp = (): void => failed(this.#why === 'ABORTED' ? this.#gaveUp() : obstacle());
      if (signal?.aborted) giveUp();
      signal?.addEventListener('abort', giveUp, { once: true });
      shared.then(settled, failed).finally(() => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', giveUp);
      });
    });
  }

  /**
   * One request under the budget. When it runs out the owner is asked to cancel, and has a moment to report what
   * became of the call: an answer that came after all is better than an error.
   */
  async bound<T>({ pid, send, succeeded }: Request<T>): Promise<T> {
    const signal = this.#stop?.signal;
    if (!signal) return send();
    if (signal.aborted) throw this.#gaveUp();
    const answer = settle(send(signal));
    const first = await firstOf(answer, signal);
    if (first) return open(first);
    if (!succeeded && this.#why === 'ABORTED') throw this.#gaveUp();
    const last = await Promise.race([answer, pause(CANCEL_GRACE)]);
    if (!last) throw this.#why === 'ABORTED' ? this.#gaveUp() : unresponsive(pid);
    if ('value' in last && this.#why === 'TIMEOUT') return last.value;
    if ('value' in last) throw this.#gaveUp(succeeded?.(last.value));
    if (!isCancelled(last.error)) throw last.error;
    throw this.#gaveUp(last.error.data?.outcome);
  }

  /** @param outcome what the owner has reported; the router knows the rest */
  #gaveUp(outcome?: Outcome): PondError {
    const message = this.#why === 'ABORTED' ? 'the call was aborted' : 'the deadline of the call has passed';
    return new PondError(this.#why, message, outcome === undefined ? {} : { data: { outcome } });
  }
}

type Settled<T> = { readonly value: T } | { readonly error: unknown };

const settle = <T>(promise: Promise<T>): Promise<Settled<T>> =>
  promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );

/** Null where the signal fires first. A call may be sent many times under one signal: no listener stays behind. */
async function firstOf<T>(answer: Promise<T>, signal: AbortSignal): Promise<T | null> {
  let giveUp: () => void = () => undefined;
  const ranOut = new Promise<null>((out) => {
    giveUp = () => out(null);
  });
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    return await Promise.race([answer, ranOut]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

function open<T>(settled: Settled<T>): T {
  if ('error' in settled) throw settled.error;
  return settled.value;
}

/** The owner did as it was asked; any other error is the call's own, and truer than ours. */
const isCancelled = (error: unknown): error is PondError =>
  error instanceof PondError && error.code === 'ABORTED';

const pause = (ms: number): Promise<null> => new Promise((over) => setTimeout(over, ms, null));
