import { statSync } from 'node:fs';
import { PondError } from '../errors.ts';
import { lookUpKernelLock } from './kernel-lock.ts';

/** Between two looks at the kernel's locks, in ms. */
const LOOK_MS = 250;
/** A look older than this says nothing any more: the process or the machine has slept. */
const FRESH_MS = 1_000;

/** Why an owner may not write any more. */
export type FenceLoss =
  /** The path leads to another file, or to none. */
  | 'moved'
  /** The kernel's lock is gone: something in this process has opened and closed the file. */
  | 'unlocked'
  /** Another process has counted a later epoch, which it could only where the lock was gone. */
  | 'superseded';

const WORDS: Readonly<Record<FenceLoss, string>> = {
  moved: 'was moved, replaced or removed under its owner',
  unlocked: 'is no longer locked by its owner: a program in its process opened and closed it',
  superseded: 'has a later owner',
};

interface File {
  readonly path: string;
  /** `st_dev` and `st_ino` at the time of opening, in decimal. */
  readonly device: string;
  readonly inode: string;
}

/**
 * The file that is still there, and still ours. While it stands, nobody else can be the owner.
 *
 * File and record are looked at before each commit, which costs some µs. The kernel's locks are looked at four times
 * a second and beside the work: to list them the kernel takes 10 to 20 ms after a pause.
 */
export class Fence {
  readonly #file: File;
  readonly #isSuperseded: () => boolean;
  readonly #onLost: (loss: FenceLoss) => void;
  readonly #timer: NodeJS.Timeout;
  /** Where the kernel lists its locks, we are in the first list; elsewhere the list says nothing. */
  #isListed: boolean | undefined;
  #lookedAt = performance.now();
  #looking: Promise<void> | undefined;
  #loss: FenceLoss | null = null;

  /**
   * To be made when DuckDB has just opened the file.
   * @param isSuperseded whether a later owner than this one has published itself
   */
  constructor(file: File, isSuperseded: () => boolean, onLost: (loss: FenceLoss) => void) {
    this.#file = file;
    this.#isSuperseded = isSuperseded;
    this.#onLost = onLost;
    this.#timer = setInterval(() => void this.#look(), LOOK_MS).unref();
    void this.#look();
  }

  /** @throws PondError OWNER_LOST, not committed, where this process may not write any more */
  async check(): Promise<void> {
    this.#lookAtFile();
    if (this.#isSuperseded()) this.#lose('superseded');
    if (performance.now() - this.#lookedAt > FRESH_MS) await this.#look();
    if (this.#loss === null) return;
    throw new PondError('OWNER_LOST', `${this.#file.path} ${WORDS[this.#loss]}`, {
      data: { outcome: 'not-committed', pid: process.pid },
    });
  }

  /** Stops looking. */
  lift(): void {
    clearInterval(this.#timer);
  }

  #look(): Promise<void> {
    this.#lookAtFile();
    this.#looking ??= this.#lookAtLock().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #lookAtLock(): Promise<void> {
    const holder = await lookUpKernelLock(this.#file.path);
    this.#lookedAt = performance.now();
    this.#isListed ??= holder === process.pid;
    if (this.#isListed && holder !== process.pid) this.#lose('unlocked');
  }

  #lookAtFile(): void {
    const { path, device, inode } = this.#file;
    const now = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (!now || String(now.dev) !== device || String(now.ino) !== inode) this.#lose('moved');
  }

  #lose(loss: FenceLoss): void {
    if (this.#loss !== null) return;
    this.#loss = loss;
    this.lift();
    this.#onLost(loss);
  }
}
