import { CancellationTokenSource, createMessageConnection, Message } from 'vscode-jsonrpc/node';
import { PondError } from '../errors.ts';
import {
  CONFIRMED,
  type MethodName,
  type NoticeName,
  type Notices,
  type Params,
  type Result,
} from '../protocol.ts';
import type { Channel } from './channel.ts';
import { fromWire } from './wire-errors.ts';

/** The connection went before the answer came. Whether the call took effect is for the caller to judge. */
export class ConnectionLost extends Error {
  constructor() {
    super('the connection to the owner was lost');
  }
}

type NoticeListener<N extends NoticeName> = (value: Notices[N]) => void;

/** The reader's end of a connection to an owner. */
export interface Peer {
  /**
   * Sends one call. An aborted signal asks the owner to cancel it; the answer still comes.
   * @throws PondError as the owner answered; ConnectionLost
   */
  request<M extends MethodName>(method: M, params: Params<M>, signal?: AbortSignal): Promise<Result<M>>;
  onNotice<N extends NoticeName>(name: N, listener: NoticeListener<N>): void;
  /** Answers the `$/began` of a call: it may begin, or nobody waits for it any more. */
  confirm(call: number, isWaitedFor: boolean): void;
  /** Settles when the connection is gone, whoever ended it. */
  readonly closed: Promise<void>;
  readonly isClosed: boolean;
  /** Messages received so far: grows while the owner lives. */
  readonly heard: number;
  /** Whether the connection keeps the process alive. */
  hold(alive: boolean): void;
  close(): void;
}

export function openPeer(channel: Channel): Peer {
  const connection = createMessageConnection(channel.reader, channel.writer);
  let heard = 0;
  let isClosed = false;
  const { promise: closed, resolve: settle } = deferred();
  const close = (): void => {
    if (isClosed) return;
    isClosed = true;
    settle();
    connection.dispose();
    channel.destroy();
  };
  const listeners = new Map<string, (value: never) => void>();
  const hear = (message: Message): boolean => {
    heard++;
    if (!Message.isNotification(message)) return false;
    try {
      listeners.get(message.method)?.(message.params as never);
    } catch {
      // Garbage, as below.
      close();
    }
    return true;
  };
  channel.reader.listen = hearing(channel.reader.listen.bind(channel.reader), hear);
  connection.onClose(close);
  // Garbage from the other end: nothing that follows can be trusted.
  connection.onError(close);
  connection.listen();
  channel.hold(false);

  return {
    async request(method, params, signal) {
      if (isClosed) throw new ConnectionLost();
      if (signal?.aborted) throw new PondError('ABORTED', 'the call was aborted before it was sent');
      const source = signal && new CancellationTokenSource();
      const cancel = (): void => source?.cancel();
      signal?.addEventListener('abort', cancel, { once: true });
      try {
        return await (source
          ? connection.sendRequest(method, params, source.token)
          : connection.sendRequest(method, params));
      } catch (error) {
        const answered = fromWire(error);
        if (answered) throw answered;
        // A failed write is known before the socket says 'close': whoever tries again must not find this one open.
        close();
        throw new ConnectionLost();
      } finally {
        signal?.removeEventListener('abort', cancel);
      }
    },
    onNotice: (name, listener) => void listeners.set(name, listener),
    confirm: (call, isWaitedFor) =>
      void connection
        .sendNotification(CONFIRMED, isWaitedFor ? { call } : { call, refused: true })
        .catch(() => undefined),
    closed,
    get isClosed() {
      return isClosed;
    },
    get heard() {
      return heard;
    },
    hold: (alive) => channel.hold(alive),
    close,
  };
}

type Listen = Channel['reader']['listen'];
/**
 * Notices are heard as they are read. The library's queue handles one message a turn of the loop, and forgets the
 * rest when the connection closes: a `$/began` that was lost there would have its call done twice.
 */
const hearing =
  (listen: Listen, hear: (message: Message) => boolean): Listen =>
  (deliver) =>
    listen((message: Message) => {
      if (!hear(message)) deliver(message);
    });

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
