import { statSync } from 'node:fs';
import { PondError } from '../errors.ts';
import { kernelLockHolder } from './kernel-lock.ts';

/** Between two looks, in ms; each commit looks too. */
const LOOK_MS = 1_000;

/** Why an owner may not write any more. */
export type FenceLoss =
  /** The path leads to another file, or to none. */
  | 'moved'
  /** The kernel's lock is gone: something in this process has opened and closed the file. */
  | 'unlocked';

const WORDS: Readonly<Record<FenceLoss, string>> = {
  moved: 'was moved, replaced or removed under its owner',
  unlocked: 'is no longer locked by its owner: a program in its process opened and closed it',
};

interface File {
  readonly path: string;
  /** `st_dev` and `st_ino` at the time of opening, in decimal. */
  readonly device: string;
  readonly inode: string;
}

/** The file that is still there, and still ours. While it stands, nobody else can be the owner. */
export class Fence {
  readonly #file: File;
  readonly #onLost: (loss: FenceLoss) => void;
  /** Where the kernel lists its locks we are in that list now, or it says nothing. */
  readonly #isListed: boolean;
  readonly #timer: NodeJS.Timeout;
  #loss: FenceLoss | null = null;

  /** To be made when DuckDB has just opened the file. */
  constructor(file: File, onLost: (loss: FenceLoss) => void) {
    this.#file = file;
    this.#onLost = onLost;
    this.#isListed = kernelLockHolder(file.path) === process.pid;
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  /** @throws PondError OWNER_LOST, not committed, where this process may not write any more */
  check(): void {
    const loss = this.#look();
    if (loss === null) return;
    throw new PondError('OWNER_LOST', `${this.#file.path} ${WORDS[loss]}`, {
      data: { outcome: 'not-committed', pid: process.pid },
    });
  }

  /** Stops looking. */
  lift(): void {
    clearInterval(this.#timer);
  }

  #look(): FenceLoss | null {
    if (this.#loss !== null) return this.#loss;
    this.#loss = this.#whatIsWrong();
    if (this.#loss !== null) {
      this.lift();
      this.#onLost(this.#loss);
    }
    return this.#loss;
  }

  #whatIsWrong(): FenceLoss | null {
    const { path, device, inode } = this.#file;
    const now = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (!now || String(now.dev) !== device || String(now.ino) !== inode) return 'moved';
    return this.#isListed && kernelLockHolder(path) !== process.pid ? 'unlocked' : null;
  }
}
