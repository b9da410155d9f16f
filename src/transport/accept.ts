import { type CancellationToken, createMessageConnection } from 'vscode-jsonrpc/node';
import { PondError } from '../errors.ts';
import { CONFIRMED, type NoticeName, type Notices } from '../protocol.ts';
import type { Channel } from './channel.ts';
import { toWire } from './wire-errors.ts';

/**
 * Answers one request, whatever its name and params: both come from a stranger. `call` is aborted when the client
 * cancels it or goes.
 */
export type Answer = (method: string, params: unknown, call: AbortController) => Promise<unknown>;

/** The owner's end of one accepted connection. */
export interface Accepted {
  /** Resolves when the kernel has the notice; rejects when the connection is gone. */
  notify<N extends NoticeName>(name: N, value: Notices[N]): Promise<void>;
  readonly closed: Promise<void>;
  /** Called for each answer to a `$/began`: the call may begin, or its client has given it up. */
  onConfirmed(listener: (call: unknown, isRefused: boolean) => void): void;
  /** Sends what is written, then closes. */
  end(): void;
}

export function accept(channel: Channel, answer: Answer): Accepted {
  const connection = createMessageConnection(channel.reader, channel.writer);
  const calls = new Set<AbortController>();
  let isGone = false;
  let settle: () => void = () => undefined;
  const closed = new Promise<void>((gone) => {
    settle = gone;
  });
  const forget = (): void => {
    if (isGone) return;
    isGone = true;
    for (const call of calls) call.abort();
    settle();
    connection.dispose();
    channel.destroy();
  };
  connection.onClose(forget);
  connection.onError(([error]) => refuse(channel, error));
  connection.onRequest(async (method: string, params: unknown, token: CancellationToken) => {
    const call = new AbortController();
    calls.add(call);
    token.onCancellationRequested(() => call.abort());
    // A cancel that overtook its request in the queue.
    if (token.isCancellationRequested) call.abort();
    try {
      return (await answer(method, params, call)) as object;
    } catch (error) {
      throw toWire(error);
    } finally {
      calls.delete(call);
    }
  });
  connection.listen();

  return {
    notify: (name, value) => connection.sendNotification(name, value),
    closed,
    onConfirmed: (listener) =>
      void connection.onNotification(CONFIRMED, (params: { call?: unknown; refused?: unknown } | undefined) =>
        listener(params?.call, params?.refused === true),
      ),
    end: () => channel.end(),
  };
}

/** After a breach of the framing nothing that follows can be read: say why, under no id, and close. */
function refuse(channel: Channel, error: Error): void {
  const { code, message, data } = toWire(
    error instanceof PondError ? error : new PondError('INVALID', error.message),
  );
  const last = { jsonrpc: '2.0', id: null, error: { code, message, data } };
  channel.writer
    .write(last)
    .catch(() => undefined)
    .finally(() => channel.end());
}
