import { here, PondError, withOutcome } from '../errors.ts';
import type { RowBatch, StreamNextResult, StreamOpenParams } from '../protocol.ts';
import type { CallLimits } from '../shapes.ts';
import { ConnectionLost } from '../transport/peer.ts';
import type { Budget } from './budget.ts';
import type { Link } from './link.ts';
import type { Router } from './router.ts';

interface OpenStream {
  readonly link: Link;
  readonly cursor: number;
  readonly names: readonly string[];
  readonly first: StreamNextResult;
}

/**
 * The batches of one result, pulled. One batch is asked for ahead of the consumer, none before the first is
 * wanted. An owner that goes before the first batch is followed by the next owner; after it the rows that were
 * given cannot be found again, and the stream ends in OWNER_LOST.
 */
export async function* streamRows(
  router: Router,
  params: StreamOpenParams,
  batchSize: number,
  limits: CallLimits,
): AsyncGenerator<RowBatch, void, void> {
  const { link, cursor, names, first } = await router.use(limits, (budget) =>
    begin(router, params, batchSize, budget),
  );
  let batch = first;
  try {
    while (!batch.done) {
      const ahead = next(router, link, cursor, batchSize, limits);
      // The consumer may never come back for it.
      ahead.catch(() => undefined);
      if (batch.rows.length > 0) yield { names, rows: batch.rows };
      batch = await ahead.catch((error: unknown) => Promise.reject(here(error)));
    }
    if (batch.rows.length > 0) yield { names, rows: batch.rows };
  } finally {
    if (!batch.done) {
      void router
        .use({}, (budget) => router.sendOn(link, 'stream/close', { cursor }, budget))
        .catch(() => undefined);
    }
  }
}

/** Opens the cursor and reads its first batch, on one owner or on the next. */
async function begin(
  router: Router,
  params: StreamOpenParams,
  batchSize: number,
  budget: Budget,
): Promise<OpenStream> {
  const { call = 0 } = params;
  for (let isSent = false; ; isSent = true) {
    const link = await router.link(budget).catch((error: unknown) => {
      throw withOutcome(error, isSent ? 'unknown' : 'not-committed');
    });
    try {
      const { cursor, names } = await router.sendOn(link, 'stream/open', params, budget);
      const first = await router.sendOn(link, 'stream/next', { cursor, batchSize }, budget);
      link.settle(call);
      return { link, cursor, names, first };
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw isClosed(error) ? withOutcome(error, 'unknown') : error;
      if (link.hasBegun(call)) throw lost(link, 'unknown');
    }
  }
}

async function next(
  router: Router,
  link: Link,
  cursor: number,
  batchSize: number,
  limits: CallLimits,
): Promise<StreamNextResult> {
  try {
    return await router.use(limits, (budget) =>
      router.sendOn(link, 'stream/next', { cursor, batchSize }, budget),
    );
  } catch (error) {
    throw error instanceof ConnectionLost ? lost(link, 'not-committed') : error;
  }
}

const isClosed = (error: unknown): boolean => error instanceof PondError && error.code === 'CLOSED';

function lost(link: Link, outcome: 'unknown' | 'not-committed'): PondError {
  return new PondError('OWNER_LOST', `the owner, process ${link.hello.pid}, went in the middle of a stream`, {
    data: { outcome, pid: link.hello.pid },
    hint: 'the batches that came are right; start the stream again for the rest',
  });
}
