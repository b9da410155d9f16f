import { here } from '../errors.ts';
import type { RowBatch, StreamNextResult, StreamOpenParams, StreamOpenResult } from '../protocol.ts';
import type { CallLimits } from '../shapes.ts';
import { ConnectionLost } from '../transport/peer.ts';
import type { Budget } from './budget.ts';
import type { CallRecord } from './call-record.ts';
import type { Link } from './link.ts';
import type { Router } from './router.ts';

interface OpenStream extends StreamOpenResult {
  readonly link: Link;
  readonly first: StreamNextResult;
}

/**
 * The batches of one result, pulled. One batch is asked for ahead of the consumer, none before the first is
 * wanted. An owner that goes before the first batch is followed by the next owner; after it the rows that were
 * given cannot be found again, and the stream ends in OWNER_LOST.
 * @param onOpen called with the columns before the first batch is given, also where there is none
 */
export async function* streamRows(
  router: Router,
  params: StreamOpenParams,
  batchSize: number,
  limits: CallLimits,
  onOpen: (opened: StreamOpenResult) => void = () => undefined,
): AsyncGenerator<RowBatch, void, void> {
  const record = router.record('stream/open', params);
  try {
    const opened = await router.use(limits, (budget) =>
      router.deliver(record, budget, (owner) => begin(router, owner, record, params, batchSize, budget)),
    );
    const { link, cursor, names, first } = opened;
    onOpen(opened);
    let batch = first;
    try {
      while (!batch.done) {
        const ahead = next(router, link, record, { cursor, batchSize }, limits);
        // The consumer may never come back for it.
        ahead.catch(() => undefined);
        if (batch.rows.length > 0) yield { names, rows: batch.rows };
        batch = await ahead.catch((error: unknown) => Promise.reject(here(error)));
      }
      if (batch.rows.length > 0) yield { names, rows: batch.rows };
    } finally {
      if (!batch.done) close(router, link, cursor);
    }
  } finally {
    record.end();
  }
}

/** Opens the cursor and reads its first batch. */
async function begin(
  router: Router,
  link: Link,
  record: CallRecord,
  params: StreamOpenParams,
  batchSize: number,
  budget: Budget,
): Promise<OpenStream> {
  record.isOpen = false;
  const opened = await router.sendOn(link, record, 'stream/open', params, budget, (late) =>
    close(router, link, late.cursor),
  );
  const { cursor } = opened;
  record.isOpen = true;
  try {
    const first = await router.sendOn(link, record, 'stream/next', { cursor, batchSize }, budget);
    return { ...opened, link, first };
  } catch (error) {
    close(router, link, cursor);
    throw error;
  }
}

/** Lets go of a cursor that nobody will read to its end. Where its owner went, it went with it. */
function close(router: Router, link: Link, cursor: number): void {
  const record = router.record('stream/close', { cursor });
  void router
    .use({}, (budget) => router.sendOn(link, record, 'stream/close', { cursor }, budget))
    .catch(() => undefined);
}

async function next(
  router: Router,
  link: Link,
  record: CallRecord,
  params: { readonly cursor: number; readonly batchSize: number },
  limits: CallLimits,
): Promise<StreamNextResult> {
  try {
    return await router.use(limits, (budget) => router.sendOn(link, record, 'stream/next', params, budget));
  } catch (error) {
    throw error instanceof ConnectionLost ? record.streamLost(link) : record.judge(error);
  }
}
