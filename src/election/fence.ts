import { statSync } from 'node:fs';
import { PondError } from '../errors.ts';
import { locksOfThisProcess, type OwnLocks } from './kernel-lock.ts';

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

export interface FencedFile {
  readonly path: string;
  /** `st_dev` and `st_ino` at the time of opening, in decimal. */
  readonly device: string;
  readonly inode: string;
}

interface Watched {
  readonly file: FencedFile;
  /** Where the kernel lists its locks, we are in the first list; elsewhere the list says nothing. */
  isListed?: boolean;
}

/**
 * The files that are still there, and still ours: the database and what is attached to it. While the fence stands,
 * nobody else can be the owner.
 *
 * Files and record are looked at before each commit, which costs some µs. The kernel's locks are looked at four times
 * a second and beside the work: to list them the kernel takes 10 to 20 ms after a pause.
 */
export class Fence {
  readonly #database: string;
  readonly #watched = new Set<Watched>();
  readonly #isSuperseded: () => boolean;
  readonly #onLost: (loss: FenceLoss) => void;
  readonly #timer: NodeJS.Timeout;
  #lookedAt = performance.now();
  #looking: Promise<void> | undefined;
  /** Of the last look. */
  #locks: OwnLocks | null = null;
  #loss: { readonly how: FenceLoss; readonly path: string } | null = null;

  /**
   * To be made when DuckDB has just opened the file.
   * @param isSuperseded whether a later owner than this one has published itself
   */
  constructor(file: FencedFile, isSuperseded: () => boolean, onLost: (loss: FenceLoss) => void) {
    this.#isSuperseded = isSuperseded;
    this.#onLost = onLost;
    this.#timer = setInterval(() => void this.#look(), LOOK_MS).unref();
    this.#database = file.path;
    this.watch(file);
  }

  /**
   * A further file, which DuckDB has just opened. From `seen` on its lock is known, and missed when it goes: a look
   * under way may have begun before the file was opened.
   */
  watch(file: FencedFile): { readonly seen: Promise<void>; readonly end: () => void } {
    const watched: Watched = { file };
    this.#watched.add(watched);
    const seen = (this.#looking ?? Promise.resolve()).then(() => this.#look());
    return { seen, end: () => void this.#watched.delete(watched) };
  }

  /** Whether this process had a kernel lock on the file at the last look, whichever thread took it. */
  async isLockedHere(dev: bigint, ino: bigint): Promise<boolean> {
    if (this.#locks === null) await this.#look();
    return this.#locks?.has({ dev, ino }) ?? false;
  }

  /** A statement may have opened one of the files: the last look says nothing any more. */
  doubt(): void {
    this.#lookedAt = Number.NEGATIVE_INFINITY;
  }

  /** @throws PondError OWNER_LOST, not committed, where this process may not write any more */
  async check(): Promise<void> {
    this.#lookAtFiles();
    if (this.#isSuperseded()) this.#lose('superseded', this.#database);
    if (performance.now() - this.#lookedAt > FRESH_MS) {
      // A look under way may have read the list before the doubt arose.
      await this.#looking;
      await this.#look();
    }
    if (this.#loss === null) return;
    throw new PondError('OWNER_LOST', `${this.#loss.path} ${WORDS[this.#loss.how]}`, {
      data: { outcome: 'not-committed', pid: process.pid },
    });
  }

  /** Stops looking. */
  lift(): void {
    clearInterval(this.#timer);
  }

  #look(): Promise<void> {
    this.#lookAtFiles();
    this.#looking ??= this.#lookAtLocks().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #lookAtLocks(): Promise<void> {
    // Not those that are opened meanwhile: the list may be older than they are.
    const watched = [...this.#watched];
    const began = performance.now();
    this.#locks = await locksOfThisProcess();
    this.#lookedAt = began;
    for (const one of watched) {
      const { path, device, inode } = one.file;
      const isListed = this.#locks?.has({ dev: BigInt(device), ino: BigInt(inode) }) ?? false;
      one.isListed ??= isListed;
      if (one.isListed && !isListed && this.#watched.has(one)) this.#lose('unlocked', path);
    }
  }

  #lookAtFiles(): void {
    for (const { file } of this.#watched) {
      const { path, device, inode } = file;
      const now = statSync(path, { bigint: true, throwIfNoEntry: false });
      if (!now || String(now.dev) !== device || String(now.ino) !== inode) this.#lose('moved', path);
    }
  }

  #lose(how: FenceLoss, path: string): void {
    if (this.#loss !== null) return;
    this.#loss = { how, path };
    this.lift();
    this.#onLost(how);
  }
}
