import { stat } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import type { AsyncSubscription, Event } from '@parcel/watcher';
import { PondError } from '../errors.ts';
import { failpoint } from '../failpoints.ts';
import type { UpdateResult, Watching } from '../shapes.ts';
import { isDatabaseName, type OpenGuard } from './open-guard.ts';
import { isOutsideIndex } from './outside.ts';
import type { UpdateRequest } from './update.ts';
import { walk } from './walk.ts';

export interface WatchOptions {
  /** Real path. */
  readonly root: string;
  readonly guard: OpenGuard;
  readonly update: (request: UpdateRequest) => Promise<UpdateResult>;
  readonly log: (message: string, data?: object) => void;
}

/** From the first event of a burst to its update, in ms: an editor's save is several events. */
const DEBOUNCE_MS = 50;
/** With more changed paths than this, walking the whole tree is the quicker way. */
const MAX_PATHS = 200;
/** Between scans of the whole tree while the system gives no events, and before a failed update is tried again. */
const RESCAN_MS = 10_000;
/** A scope that is the whole tree. */
const ALL = '';

/** Keeps the index of one tree fresh. */
export interface Watch {
  /** Paths known to have changed and not yet indexed. */
  readonly pending: number;
  /** Whether changes reach the index: false before the first scan has ended, and while updates fail. */
  watching(): Promise<Watching>;
  /** Resolves when events arrive and a scan after that has ended: from then on nothing is missed. */
  start(): Promise<void>;
  /** Does not wait for an update under way. */
  close(): Promise<void>;
}

export function createWatch(options: WatchOptions): Watch {
  return new TreeWatch(options);
}

class TreeWatch implements Watch {
  readonly #options: WatchOptions;
  /** Changed since the last update began; relative to root. */
  #dirty = new Set<string>();
  /** Changed paths that the running update looks at. */
  #updating = 0;
  #subscription: AsyncSubscription | null = null;
  /** Device and inode of the folder that is subscribed to: another one may come to its path, without an event. */
  #folder = '';
  /** The first scan has ended, and so has the last update, well. */
  #caughtUp = false;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  get pending(): number {
    return this.#dirty.size + this.#updating;
  }

  async watching(): Promise<Watching> {
    if (!this.#caughtUp || this.#closed) return false;
    if (this.#subscription === null) return 'polling';
    if ((await folderOf(this.#options.root)) === this.#folder) return true;
    this.#dirty.add(ALL);
    this.#schedule(0);
    return false;
  }

  async start(): Promise<void> {
    if (failpoint('index.watch')) throw new PondError('TIMEOUT', 'the watch was dropped by a failpoint');
    await this.#subscribe();
    await this.#options.update({ root: this.#options.root });
    this.#caughtUp = true;
    if (!this.#subscription) this.#schedule(RESCAN_MS);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#unsubscribe();
  }

  /** Where the system refuses (its limit of watches, usually) the tree is scanned from time to time instead. */
  async #subscribe(): Promise<void> {
    const { root, guard, log } = this.#options;
    try {
      // Loaded here, as most processes never watch anything.
      const { subscribe } = await import('@parcel/watcher');
      const folder = await folderOf(root);
      const ignore = ['**/.git/**', '**/node_modules/**', ...(await ignoredFolders(root, guard))];
      const subscription = await subscribe(root, (error, events) => this.#hear(error, events), { ignore });
      if (this.#closed) await subscription.unsubscribe();
      else {
        this.#subscription = subscription;
        this.#folder = folder;
      }
    } catch (error) {
      log('no file events: scanning from time to time', { root, error: String(error), everyMs: RESCAN_MS });
    }
  }

  async #unsubscribe(): Promise<void> {
    const subscription = this.#subscription;
    this.#subscription = null;
    // Inotify drops the watch of a folder that goes, and the package then fails to remove it a second time.
    await subscription?.unsubscribe().catch(() => undefined);
  }

  #hear(error: Error | null, events: readonly Event[]): void {
    if (this.#closed) return;
    if (error) {
      // Events were lost, or there will be no more.
      this.#options.log('file events failed', { root: this.#options.root, error: error.message });
      this.#dirty.add(ALL);
      void this.#unsubscribe().finally(() => this.#schedule(DEBOUNCE_MS));
      return;
    }
    for (const event of events) {
      const path = relative(this.#options.root, event.path).split(sep).join('/');
      if (!isOutsideIndex(path) && !isDatabaseName(path)) this.#dirty.add(path);
    }
    if (this.#dirty.size > 0 && this.#updating === 0) this.#schedule(DEBOUNCE_MS);
  }

  /** The first to ask decides when: a stream of events must not put the update off for ever. */
  #schedule(ms: number): void {
    if (this.#closed || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#flush();
    }, ms);
    this.#timer.unref();
  }

  async #flush(): Promise<void> {
    const paths = this.#dirty;
    this.#dirty = new Set();
    this.#updating = paths.size;
    let next = DEBOUNCE_MS;
    try {
      // What was ignored till now is not subscribed to, and the other way round.
      const isAnew = [...paths].some((path) => basename(path) === '.gitignore');
      if (isAnew || (await folderOf(this.#options.root)) !== this.#folder) await this.#unsubscribe();
      const lost = this.#subscription === null;
      if (lost) await this.#subscribe();
      await this.#options.update(
        lost || paths.size > MAX_PATHS || paths.has(ALL) ? this.#whole() : this.#some(paths),
      );
      this.#caughtUp = true;
    } catch (error) {
      if (this.#closed) return;
      this.#caughtUp = false;
      this.#options.log('update failed: trying again', { root: this.#options.root, error: String(error) });
      for (const path of paths) this.#dirty.add(path);
      next = RESCAN_MS;
    } finally {
      this.#updating = 0;
    }
    if (this.#subscription === null) this.#schedule(RESCAN_MS);
    else if (this.#dirty.size > 0) this.#schedule(next);
  }

  #whole(): UpdateRequest {
    return { root: this.#options.root };
  }

  #some(paths: ReadonlySet<string>): UpdateRequest {
    return { root: this.#options.root, paths: [...paths] };
  }
}

/** Names a folder whatever its path: '' where there is none. */
async function folderOf(root: string): Promise<string> {
  const stats = await stat(root, { bigint: true }).catch(() => null);
  return stats ? `${stats.dev}:${stats.ino}` : '';
}

/** The outermost folders that git ignores: they are not watched, as every watched folder costs the system. */
async function ignoredFolders(root: string, guard: OpenGuard): Promise<string[]> {
  const { ignored } = await walk({ root, scopes: [ALL], guard });
  return ignored.map((path) => join(root, path));
}
