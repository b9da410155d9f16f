import { resolve } from 'node:path';
import { anySignal } from '../any-signal.ts';
import { PondError } from '../errors.ts';
import type { Indexing, UpdateProgress, UpdateResult } from '../shapes.ts';
import { throwIfAborted } from './connections.ts';
import { scopesOf } from './root.ts';
import type { UpdateRequest } from './update.ts';

type OnProgress = (progress: UpdateProgress) => void;
type Work = (request: UpdateRequest, signal: AbortSignal, onProgress: OnProgress) => Promise<UpdateResult>;

/** An update of a whole tree that runs or waits, and how far it is. */
export interface WholeUpdate extends Indexing {
  readonly root: string;
}

export interface UpdateQueue {
  /** @throws PondError INVALID for paths that are none, and as the update */
  run(
    request: UpdateRequest,
    options?: { signal?: AbortSignal; onProgress?: OnProgress },
  ): Promise<UpdateResult>;
  /** The one that runs first. */
  wholeUpdates(): WholeUpdate[];
  /** Files that the running update has found to be changed, and has not indexed yet. */
  remaining(): number;
  close(): Promise<void>;
}

/** A call that runs or waits. */
interface Asked {
  readonly root: string;
  readonly isWhole: boolean;
  /** Every file is read again: what is left has not changed for that. */
  readonly full: boolean;
  progress: UpdateProgress | null;
}

/** One update at a time, in the order they were asked for. Who waits hears the progress of the one that runs. */
export function createUpdateQueue(work: Work): UpdateQueue {
  const listeners = new Set<OnProgress>();
  const closing = new AbortController();
  const queue = new Set<Asked>();
  let last: Promise<unknown> = Promise.resolve();
  const turn = async (
    request: UpdateRequest,
    asked: Asked,
    signal: AbortSignal,
    before: Promise<unknown>,
  ) => {
    await orAborted(before, signal);
    if (closing.signal.aborted) throw closed();
    try {
      return await work(request, signal, (progress) => {
        asked.progress = progress;
        for (const listener of listeners) listener(progress);
      });
    } catch (error) {
      throw closing.signal.aborted ? closed(error) : error;
    }
  };
  return {
    async run(request, { signal, onProgress } = {}) {
      const both = signal ? anySignal([signal, closing.signal]) : closing.signal;
      const isWhole = scopesOf(request.paths).includes('');
      const root = resolve(request.root);
      const asked: Asked = { root, isWhole, full: request.full ?? false, progress: null };
      if (onProgress) listeners.add(onProgress);
      queue.add(asked);
      const before = last;
      const running = turn(request, asked, both, before);
      // One that gives up waiting must not let the next one start before the running one ends.
      last = Promise.allSettled([before, running]);
      return running.finally(() => {
        queue.delete(asked);
        if (onProgress) listeners.delete(onProgress);
      });
    },
    wholeUpdates: () =>
      [...queue]
        .filter(({ isWhole }) => isWhole)
        .map(({ root, progress }) => ({
          root,
          files: progress?.files ?? 0,
          total: progress?.totalFiles ?? 0,
        })),
    remaining() {
      const known = [...queue].map(({ progress, full }) =>
        progress === null || progress.phase === 'walk' || full ? 0 : progress.totalFiles - progress.files,
      );
      return Math.max(0, ...known);
    },
    async close() {
      closing.abort();
      await last;
    },
  };
}

const closed = (cause?: unknown) => new PondError('CLOSED', 'the index was closed', { cause });

async function orAborted(before: Promise<unknown>, signal: AbortSignal): Promise<void> {
  let stop = () => {};
  const aborted = new Promise<void>((resolve) => {
    stop = resolve;
    signal.addEventListener('abort', stop, { once: true });
  });
  throwIfAborted(signal);
  await Promise.race([before, aborted]);
  signal.removeEventListener('abort', stop);
  throwIfAborted(signal);
}
