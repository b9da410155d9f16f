import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { Connection } from '../engine/connection.ts';
import { PondError } from '../errors.ts';
import type { SearchParams } from '../protocol.ts';
import type { IndexStatus, SearchResult, UpdateProgress, UpdateResult } from '../shapes.ts';
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
  const search = createSearch({ pending: watches.pending, isUpdating: queue.isBusy });
  return {
    async update(request, callOptions) {
      refuseReadOnly();
      return queue.run(request, callOptions);
    },
    search: (params, { signal } = {}) => connections.use((connection) => search(connection, params), signal),
    status: () => connections.use((connection) => statusOf(connection, watches.pending())),
    async watch(root) {
      refuseReadOnly();
      return watches.hold(root);
    },
    async close() {
      await Promise.all([watches.close(), queue.close(), pool.close()]);
      await Promise.all([connections.close(), updating.close()]);
    },
  };
}

function statusOf(connection: Connection, pending: number): Promise<IndexStatus | null> {
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
      pending,
      updated_at: meta.updatedAt,
    };
  });
}

/** Beside the bundle; from source there is none, as Node cannot load TypeScript into a thread. */
function bundledWorker(): URL | null {
  const url = new URL('./tokenize-worker.js', import.meta.url);
  return existsSync(url) ? url : null;
}
