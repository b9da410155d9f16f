import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { isAbsolute, resolve } from 'node:path';
import type { Connection } from '../engine/connection.ts';
import { PondError } from '../errors.ts';
import type { SearchParams } from '../protocol.ts';
import type { IndexStatus, SearchResult, UpdateProgress, UpdateResult } from '../shapes.ts';
import { checkPage } from './check-page.ts';
import { createConnections } from './connections.ts';
import { createOpenGuard } from './open-guard.ts';
import { numberAt, readMeta } from './schema.ts';
import { createSearch } from './search.ts';
import { type UpdateRequest, update } from './update.ts';
import { createUpdateQueue } from './update-queue.ts';
import { createWatches } from './watches.ts';
import { createWorkerPool } from './worker-pool.ts';

export { rehearse } from './rehearsal.ts';

export interface SearchIndexOptions {
  /** A fresh connection to the database; the index closes it. */
  readonly connect: () => Promise<Connection>;
  /** Real path of the database, as results name it. */
  readonly db: string;
  /** Asked with a file's stat before it is opened: true for a file that must never be opened in this process. */
  readonly isProtected: (path: string, dev: bigint, ino: bigint) => boolean;
  readonly readOnly: boolean;
  readonly log: (message: string, data?: object) => void;
  /** The bundled tokenizer; null tokenizes in this thread. Default: beside this module, null where there is only source. */
  readonly worker?: URL | null;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface UpdateOptions extends CallOptions {
  /** Also told while an update of somebody else is waited for. */
  readonly onProgress?: (progress: UpdateProgress) => void;
}

export interface SearchIndex {
  /** @throws PondError READ_ONLY, NOT_FOUND, INVALID, CORRUPT, ABORTED, CLOSED */
  update(request: UpdateRequest, options?: UpdateOptions): Promise<UpdateResult>;
  /** @throws PondError NOT_FOUND where there is no index, or half of one that nobody works on, INVALID, CORRUPT, ABORTED, CLOSED */
  search(params: SearchParams, options?: CallOptions): Promise<SearchResult>;
  /** Null where the database holds no index; makes none. */
  status(): Promise<IndexStatus | null>;
  /** Keeps the index fresh until the returned function is called. Counted: callers of one root share a watcher. */
  watch(root: string): Promise<() => Promise<void>>;
  /** Ends the threads, the watcher, a running update and the connections. */
  close(): Promise<void>;
}

/**
 * Searches that run at once; the others wait, in the order they came. More would only share the same cores, and all
 * of them would end when the last one does.
 */
const SEARCHES = Math.min(4, Math.max(2, availableParallelism()));

export function createSearchIndex(options: SearchIndexOptions): SearchIndex {
  const connections = createConnections(options.connect, SEARCHES);
  const updating = createConnections(options.connect, 1);
  const pool = createWorkerPool(options.worker === undefined ? bundledWorker() : options.worker);
  const guard = createOpenGuard(options.isProtected);
  const queue = createUpdateQueue((request, signal, onProgress) =>
    updating.use(
      (connection) => update(request, { connection, pool, guard, db: options.db, signal, onProgress }),
      signal,
    ),
  );
  const refuseReadOnly = () => {
    if (options.readOnly) throw new PondError('READ_ONLY', 'the index is read-only');
  };
  const watches = createWatches({ guard, update: (request) => queue.run(request), log: options.log });
  const pending = () => Math.max(watches.pending(), queue.remaining());
  const search = createSearch({ pending, wholeUpdates: queue.wholeUpdates });
  return {
    async update(request, callOptions) {
      refuseReadOnly();
      return queue.run(request, callOptions);
    },
    async search(params, { signal } = {}) {
      const found = await connections.use((connection) => search(connection, params), signal);
      // With the connection given back: a file system that is slow to answer must not hold up other searches.
      return checkPage(found, guard, watches.watching);
    },
    async status() {
      const status = await connections.use((connection) => statusOf(connection));
      if (!status) return null;
      const first = status.complete
        ? undefined
        : queue.wholeUpdates().find(({ root }) => root === status.root);
      const { updated_at, complete, ...counts } = status;
      return {
        ...counts,
        pending: Math.max(pending(), first ? Math.max(1, first.total - first.files) : 0),
        updated_at,
        complete,
        ...(first && { indexing: { files: first.files, total: first.total } }),
        watching: await watches.watching(status.root),
      };
    },
    async watch(root) {
      refuseReadOnly();
      // As the index names it; a relative one is refused by the first update.
      return watches.hold(isAbsolute(root) ? resolve(root) : root);
    },
    async close() {
      await Promise.all([watches.close(), queue.close(), pool.close()]);
      await Promise.all([connections.close(), updating.close()]);
    },
  };
}

type StoredStatus = Omit<IndexStatus, 'pending' | 'indexing' | 'watching'>;

function statusOf(connection: Connection): Promise<StoredStatus | null> {
  return connection.snapshot(async () => {
    const meta = await readMeta(connection);
    if (!meta) return null;
    const [row] = await connection.all(`
      SELECT count(*) AS files, (SELECT count(*) FROM chunks) AS chunks
      FROM files WHERE skipped IS NULL`);
    return {
      root: meta.root,
      files: numberAt(row, 'files'),
      chunks: numberAt(row, 'chunks'),
      generation: meta.generation,
      updated_at: meta.updatedAt,
      complete: meta.complete,
    };
  });
}

/** Beside the bundle; from source there is none, as Node cannot load TypeScript into a thread. */
function bundledWorker(): URL | null {
  const url = new URL('./tokenize-worker.js', import.meta.url);
  return existsSync(url) ? url : null;
}
