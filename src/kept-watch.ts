import { setTimeout as pause } from 'node:timers/promises';
import { type ErrorCode, PondError } from './errors.ts';
import type { Pond } from './pond.ts';

/** Between two tries of a watch that could not be had, in ms: doubled from try to try. */
const RETRY_MS = { first: 250, longest: 10_000 } as const;

/** What the next try would meet as well: the tree is gone, or it is another's database. */
const FINAL: ReadonlySet<ErrorCode> = new Set([
  'CLOSED',
  'CORRUPT',
  'INVALID',
  'NOT_FOUND',
  'PERMISSION',
  'PROTOCOL_MISMATCH',
  'READ_ONLY',
]);

export interface KeptWatchOptions {
  readonly pond: Pond;
  /** Asks the owner of the moment to watch, and resolves when its watch has caught up. */
  readonly ask: () => Promise<void>;
  /** The index is not watched at the moment. `isFinal`: it will not be any more. */
  readonly onLost: (error: PondError, isFinal: boolean) => void;
  /** It is watched again. */
  readonly onFound: () => void;
}

/**
 * Sees to it that each owner watches. A watch is the owner's and goes with it: the next owner is asked at once, and
 * reconciles what was missed in between; where it cannot, it is asked again, with growing pauses.
 */
export class KeptWatch {
  readonly #options: KeptWatchOptions;
  readonly #ended = new AbortController();
  /** The owner is, or was, this process's own thread: one that was asked to leave is not called back. */
  #isLocal: boolean;
  /** Nobody is asked until there is an owner again. */
  #isParked = false;
  #isAsking = false;
  #isLostTold = false;
  /** Changes of owner so far: a watch that an owner has granted is worth nothing once the owner is gone. */
  #changes = 0;

  constructor(options: KeptWatchOptions) {
    this.#options = options;
    this.#isLocal = options.pond.role === 'owner';
    // Before the first owner is asked: it may be gone by the time that its answer is here.
    options.pond.on('owner-lost', this.#onOwnerLost).on('owner-found', this.#onOwnerFound);
  }

  /**
   * @param first asks the owner, for the first time: there is no watch to keep where it fails
   * @throws what `first` throws
   */
  async begin(first: () => Promise<void>): Promise<void> {
    this.#isAsking = true;
    const seen = this.#changes;
    try {
      await first();
    } catch (error) {
      this.end();
      throw error;
    }
    this.#isAsking = false;
    if (seen !== this.#changes) void this.#askUntilItStands();
  }

  end(): void {
    this.#ended.abort();
    this.#options.pond.off('owner-lost', this.#onOwnerLost).off('owner-found', this.#onOwnerFound);
  }

  readonly #onOwnerLost = (): void => {
    this.#isParked = this.#isLocal;
    if (this.#isParked) this.#tellLost(parked(), false);
    this.#changed();
  };

  readonly #onOwnerFound = (): void => {
    this.#isLocal = this.#options.pond.role === 'owner';
    this.#isParked = false;
    this.#changed();
  };

  #changed(): void {
    this.#changes++;
    if (!this.#isAsking) void this.#askUntilItStands();
  }

  async #askUntilItStands(): Promise<void> {
    this.#isAsking = true;
    let wait: number = RETRY_MS.first;
    while (!this.#isParked && !this.#ended.signal.aborted) {
      const seen = this.#changes;
      try {
        await this.#options.ask();
        if (seen !== this.#changes) continue;
        this.#tellFound();
        break;
      } catch (error) {
        if (this.#ended.signal.aborted) break;
        const isFinal = !(error instanceof PondError) || FINAL.has(error.code);
        if (isFinal) this.end();
        this.#tellLost(error as PondError, isFinal);
        await this.#pause(wait);
        wait = Math.min(2 * wait, RETRY_MS.longest);
      }
    }
    this.#isAsking = false;
  }

  /** Also where an owner goes and another comes meanwhile: it may be this very request that owners die of. */
  async #pause(ms: number): Promise<void> {
    await pause(ms, undefined, { ref: false, signal: this.#ended.signal }).catch(() => undefined);
  }

  /** Once, however often the next owners are asked in vain; the last word is told in any case. */
  #tellLost(error: PondError, isFinal: boolean): void {
    if (this.#isLostTold && !isFinal) return;
    this.#isLostTold = true;
    this.#options.onLost(error, isFinal);
  }

  #tellFound(): void {
    if (this.#isLostTold) this.#options.onFound();
    this.#isLostTold = false;
  }
}

const parked = (): PondError =>
  new PondError('OWNER_LOST', 'the owner in this process has left, and the index is not watched', {
    hint: 'it is watched again when this handle has found the next owner: any call looks for it',
  });
