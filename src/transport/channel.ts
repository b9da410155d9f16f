import type { Socket } from 'node:net';
import type { MessagePort } from 'node:worker_threads';
import {
  type DataCallback,
  type Disposable,
  type Message,
  type MessageReader,
  type MessageWriter,
  PortMessageReader,
} from 'vscode-jsonrpc/node';
import { parsePieces, piecesOf, withRows } from '../text-rows.ts';
import { SocketReader, SocketWriter, type SocketWriterOptions } from './framing.ts';
import { LimitedPortWriter } from './message-size.ts';

/** A way to one peer: a socket or a port between threads. Everything above treats the two alike. */
export interface Channel {
  readonly reader: MessageReader;
  readonly writer: MessageWriter;
  /** Whether the channel keeps the process alive. An idle handle does not. */
  hold(alive: boolean): void;
  /** Sends what is written, then closes. */
  end(): void;
  /** Closes now. */
  destroy(): void;
}

export function socketChannel(socket: Socket, options: SocketWriterOptions): Channel {
  // A socket without a permanent listener turns a late EPIPE into a crash of the process; 'close' follows it anyway.
  socket.on('error', () => undefined);
  return {
    reader: new SocketReader(socket),
    writer: new SocketWriter(socket, options),
    hold: (alive) => void (alive ? socket.ref() : socket.unref()),
    end: () => socket.end(),
    destroy: () => socket.destroy(),
  };
}

/**
 * A port makes its messages in Node's own realm. In another one, as under Jest, they would not be the program's
 * arrays and objects. The rows of a large answer come as text.
 */
class RealmReader extends PortMessageReader {
  override listen(deliver: DataCallback): Disposable {
    return super.listen((message) => {
      const pieces = piecesOf(message);
      if (pieces) return deliver(withRows(message, parsePieces(pieces)));
      deliver(message instanceof Object ? message : (JSON.parse(JSON.stringify(message)) as Message));
    });
  }
}

export function portChannel(port: MessagePort): Channel {
  return {
    reader: new RealmReader(port),
    writer: new LimitedPortWriter(port),
    hold: (alive) => (alive ? port.ref() : port.unref()),
    end: () => port.close(),
    destroy: () => port.close(),
  };
}
