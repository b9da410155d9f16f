import type { SqlSession } from '../engine/sql-session.ts';
import { PondError } from '../errors.ts';
import type { Calls, NoticeName, Notices } from '../protocol.ts';
import type { SearchIndex } from '../search/index.ts';
import type { StatusResult } from '../shapes.ts';

/** What one client's calls work on. */
export interface ServiceContext {
  readonly sql: () => Promise<SqlSession>;
  readonly index: () => Promise<SearchIndex>;
  readonly status: () => Promise<StatusResult>;
  readonly stop: () => void;
  readonly standby: (socket: string, now: boolean) => void;
  readonly isReadOnly: () => boolean;
  readonly notify: <N extends NoticeName>(name: N, value: Notices[N]) => void;
  /** What lets go of each of the client's watches, by its number. All are let go of when the client goes. */
  readonly watches: Map<number, () => Promise<void>>;
}

/** The method table, implemented: the engine's side of every call. */
export function createService(context: ServiceContext): Calls {
  const { sql, index, isReadOnly, watches } = context;
  const writableIndex = (): Promise<SearchIndex> => {
    if (isReadOnly()) throw new PondError('READ_ONLY', 'a read-only handle may not change the index');
    return index();
  };
  return {
    ping: async () => ({}),
    query: async (params, { signal }) => (await sql()).query(params, signal),
    run: async (params, { signal }) => (await sql()).run(params, signal),
    'stream/open': async (params, { signal }) => (await sql()).openCursor(params, signal),
    'stream/next': async ({ cursor, batchSize }, { signal }) =>
      (await sql()).nextBatch(cursor, batchSize, signal),
    'stream/close': async ({ cursor }) => {
      await (await sql()).closeCursor(cursor);
      return {};
    },
    'index/update': async ({ progress, ...params }, { signal }) => {
      const target = await writableIndex();
      if (progress === undefined) return target.update(params, { signal });
      const onProgress = (value: Notices['$/progress']['value']): void =>
        context.notify('$/progress', { token: progress, value });
      return target.update(params, { signal, onProgress });
    },
    'index/search': async (params, { signal }) => (await index()).search(params, { signal }),
    'index/status': async () => (await index()).status(),
    'index/watch': async ({ root, watch = 0 }, { signal }) => {
      const release = await (await writableIndex()).watch(root);
      // Nobody comes back for it: the client has gone, or has given up, during the first scan.
      if (signal.aborted) {
        await release();
        throw new PondError('ABORTED', 'the call was aborted', { cause: signal.reason });
      }
      const before = watches.get(watch);
      watches.set(watch, release);
      await before?.();
      return {};
    },
    'index/unwatch': async ({ watch = 0 }) => {
      const release = watches.get(watch);
      watches.delete(watch);
      await release?.();
      return {};
    },
    status: () => context.status(),
    standby: async ({ socket, now = false }) => {
      context.standby(socket, now);
      return {};
    },
    stop: async () => {
      context.stop();
      return { pid: process.pid };
    },
  };
}
