import { PondError } from '../errors.ts';
import type { UpdateProgress, UpdateResult } from '../shapes.ts';
import { throwIfAborted } from './connections.ts';
import type { UpdateRequest } from './update.ts';

type OnProgress = (progress: UpdateProgress) => void;
type Work = (request: UpdateRequest, signal: AbortSignal, onProgress: OnProgress) => Promise<UpdateResult>;

export interface UpdateQueue {
  run(
    request: UpdateRequest,
    options?: { signal?: AbortSignal; onProgress?: OnProgress },
  ): Promise<UpdateResult>;
  /** Whether an update runs or waits. */
  isBusy(): boolean;
  close(): Promise<void>;
}

/** One update at a time, in the order they were asked for. Who waits hears the progress of the one that runs. */
export function createUpdateQueue(work: Work): UpdateQueue {
  const listeners = new Set<OnProgress>();
  const closing = new AbortController();
  let last: Promise<unknown> = Promise.resolve();
  let asked = 0;
  const tell: OnProgress = (progress) => {
    for (const listener of listeners) listener(progress);
  };
  const turn = async (request: UpdateRequest, signal: AbortSignal, before: Promise<unknown>) => {
    await orAborted(before, signal);
    if (closing.signal.aborted) throw closed();
    try {
      return await work(request, signal, tell);
    } catch (error) {
      throw closing.signal.aborted ? closed(error) : error;
    }
  };
  return {
    async run(request, { signal, onProgress } = {}) {
      const both = signal ? AbortSignal.any([signal, closing.signal]) : closing.signal;
      if (onProgress) listeners.add(onProgress);
      asked++;
      const before = last;
      const running = turn(request, both, before);
      // One that gives up waiting must not let the next one start before the running one ends.
      last = Promise.allSettled([before, running]);
      return running.finally(() => {
        asked--;
        if (onProgress) listeners.delete(onProgress);
      });
    },
    isBusy: () => asked > 0,
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
