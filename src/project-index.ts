import { EventEmitter } from 'node:events';
import { dirname } from 'node:path';
import { PondError } from './errors.ts';
import { KeptWatch } from './kept-watch.ts';
import { type OpenOptions, realFolder } from './options.ts';
import { pathWithin } from './path-within.ts';
import { indexFile, makeIndexFolder } from './paths.ts';
import { type InnerPond, openInner, type Pond, ROUTER } from './pond.ts';
import type { SearchParams, UpdateParams } from './protocol.ts';
import type { Router } from './router/router.ts';
import type {
  CallLimits,
  IndexStatus,
  SearchMode,
  SearchResult,
  UpdateProgress,
  UpdateResult,
} from './shapes.ts';

export interface OpenIndexOptions extends OpenOptions {
  /** The database that holds the index: a file, or an open handle, which is then left open. */
  readonly db?: string | Pond;
}

export interface UpdateOptions extends CallLimits {
  /** Files or folders of the project, absolute or relative to it; all unless told. */
  readonly paths?: readonly string[];
  /** Read every file again, whatever its size and time of change say. */
  readonly full?: boolean;
  readonly onProgress?: (progress: UpdateProgress) => void;
}

type Many = string | readonly string[];

export interface SearchOptions extends CallLimits {
  /** Hits at most; 10 unless told. */
  readonly limit?: number;
  /**
   * Globs over the path, relative to the project; a hit matches one of them. `*.ts` looks at the name, `src/**` at the
   * whole path; what `!docs/**` matches is left out.
   */
  readonly path?: Many;
  /** Names as in `lang` of a hit, aliases or extensions (`ts`, `c++`, `golang`), in any case; `!md` leaves out. */
  readonly lang?: Many;
  /** What the text is: words to rank by (unless told), one exact string, or a regular expression (RE2). */
  readonly mode?: SearchMode;
  /** Short for the mode `literal`. */
  readonly literal?: boolean;
  /** Short for the mode `regex`. */
  readonly regex?: boolean;
  /** Lines around each matching line in the snippet; 2 unless told. */
  readonly context?: number;
  readonly explain?: boolean;
  /** Bring the index up to date first. */
  readonly fresh?: boolean;
}

export interface IndexEvents {
  /**
   * The owner has changed, and the next one could not watch. It is asked again from time to time, unless the error is
   * one that would come again (NOT_FOUND, INVALID, READ_ONLY, …): then the watch is over, and may be asked for anew.
   * OWNER_LOST: this process's own owner was asked to leave; the next one is asked once any call has found it.
   */
  'watch-lost': [error: PondError];
  /** The index is watched again. */
  'watch-found': [];
}

export interface ProjectIndex extends AsyncDisposable {
  /** Real path of the project. */
  readonly root: string;
  /** The handle on the database of the index. */
  readonly db: Pond;
  /** Brings the index up to date. @throws PondError INVALID, NOT_FOUND, READ_ONLY, ABORTED, … */
  update(options?: UpdateOptions): Promise<UpdateResult>;
  /** Ranked hits, the same from every process. @throws PondError NOT_FOUND where there is no index yet, INVALID, … */
  search(text: string, options?: SearchOptions): Promise<SearchResult>;
  /** Null where there is no index yet. */
  status(options?: CallLimits): Promise<IndexStatus | null>;
  /**
   * Keeps the index fresh while this process lives, whoever owns it. Resolves when it has caught up. `watching` of
   * a status or a search says whether it holds at the moment.
   */
  watch(options?: CallLimits): Promise<void>;
  on<E extends keyof IndexEvents>(event: E, listener: (...args: IndexEvents[E]) => void): this;
  off<E extends keyof IndexEvents>(event: E, listener: (...args: IndexEvents[E]) => void): this;
  /** Ends the watch, and the handle unless it was given. */
  close(): Promise<void>;
}

/**
 * Opens the index of a project, in the user's cache folder unless `db` names another place.
 * @throws PondError NOT_FOUND, and as {@link open}
 */
export async function openIndex(project: string, options: OpenIndexOptions = {}): Promise<ProjectIndex> {
  const { db: target, ...rest } = options;
  const root = realFolder(project);
  if (typeof target === 'object') return new OpenedIndex(root, target as InnerPond, false);
  return new OpenedIndex(root, await openInner(target ?? indexPlace(root), rest), true);
}

/** An option that is undefined is one that was not given. */
const withoutUndefined = <T extends object>(options: T): T =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;

/** The file of a project's own index, in a folder that is made where it is missing. @internal */
export function indexPlace(root: string): string {
  const file = indexFile(root);
  makeIndexFolder(dirname(file));
  return file;
}

class OpenedIndex implements ProjectIndex {
  readonly root: string;
  readonly db: Pond;
  readonly #inner: InnerPond;
  readonly #ownsHandle: boolean;
  readonly #watch: number;
  readonly #events = new EventEmitter<IndexEvents>();
  #kept: KeptWatch | undefined;
  #isClosed = false;

  constructor(root: string, pond: InnerPond, ownsHandle: boolean) {
    this.root = root;
    this.db = pond;
    this.#inner = pond;
    this.#ownsHandle = ownsHandle;
    this.#watch = pond[ROUTER].nextCall();
  }

  get #router(): Router {
    if (this.#isClosed) throw new PondError('CLOSED', 'the index is closed');
    return this.#inner[ROUTER];
  }

  async update({ paths, full, onProgress, ...limits }: UpdateOptions = {}): Promise<UpdateResult> {
    if (onProgress !== undefined && typeof onProgress !== 'function')
      throw new TypeError('update: onProgress must be a function');
    const params: UpdateParams = {
      root: this.root,
      ...(paths && { paths: paths.map((path) => pathWithin(this.root, path)) }),
      ...(full && { full }),
    };
    const router = this.#router;
    if (!onProgress) return router.call('index/update', params, limits);
    return router.callWithProgress('index/update', params, onProgress, limits);
  }

  async search(text: string, options: SearchOptions = {}): Promise<SearchResult> {
    if (typeof text !== 'string') throw new TypeError('search: the text must be a string');
    const { fresh, signal, timeout, path, lang, ...flags } = options;
    if (fresh) await this.update({ signal, timeout });
    const params: SearchParams = {
      query: text,
      ...withoutUndefined(flags),
      ...(path !== undefined && { path: [path].flat() as string[] }),
      ...(lang !== undefined && { lang: [lang].flat() as string[] }),
    };
    return this.#router.call('index/search', params, { signal, timeout });
  }

  async status(limits: CallLimits = {}): Promise<IndexStatus | null> {
    return this.#router.call('index/status', {}, limits);
  }

  async watch(limits: CallLimits = {}): Promise<void> {
    if (this.#kept) return;
    const kept = new KeptWatch({
      pond: this.#inner,
      // The limits are the first call's alone.
      ask: () => this.#askToWatch({}),
      onLost: (error, isFinal) => {
        // Another `watch` may try anew.
        if (isFinal && this.#kept === kept) this.#kept = undefined;
        this.#tell('watch-lost', error);
      },
      onFound: () => this.#tell('watch-found'),
    });
    await kept.begin(() => this.#askToWatch(limits));
    // Asked for twice at once it is one, and none where the index was closed since.
    if (this.#kept || this.#isClosed) kept.end();
    else this.#kept = kept;
  }

  on<E extends keyof IndexEvents>(event: E, listener: (...args: IndexEvents[E]) => void): this {
    this.#events.on(event, listener as never);
    return this;
  }

  off<E extends keyof IndexEvents>(event: E, listener: (...args: IndexEvents[E]) => void): this {
    this.#events.off(event, listener as never);
    return this;
  }

  /** What a listener throws is its program's affair: it surfaces as an uncaught exception. */
  #tell<E extends keyof IndexEvents>(event: E, ...args: IndexEvents[E]): void {
    process.nextTick(() => this.#events.emit(event, ...(args as never)));
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const kept = this.#kept;
    this.#kept = undefined;
    kept?.end();
    if (this.#ownsHandle) await this.#inner.close();
    else if (kept) await this.#unwatch();
  }

  async #askToWatch(limits: CallLimits): Promise<void> {
    await this.#router.call('index/watch', { root: this.root, watch: this.#watch }, limits);
    if (!this.#isClosed) return;
    await this.#unwatch();
    throw new PondError('CLOSED', 'the index was closed');
  }

  /** The handle lives on, and its session with the owner holds what was asked for. Where either is gone, so is the watch. */
  async #unwatch(): Promise<void> {
    await this.#inner[ROUTER].call('index/unwatch', { watch: this.#watch }).catch(() => undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
