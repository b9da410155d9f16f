import type { Socket } from 'node:net';
import {
  AbstractMessageReader,
  AbstractMessageWriter,
  type DataCallback,
  type Disposable,
  type Message,
} from 'vscode-jsonrpc/node';
import { PondError } from '../errors.ts';
import { MAX_MESSAGE_BYTES } from '../protocol.ts';
import { partsWithin } from './message-size.ts';
import { nestsTooDeep } from './nesting.ts';

/**
 * The framing of the Language Server Protocol with limits. The reader of vscode-jsonrpc takes any Content-Length
 * and its writer waits for ever for a peer that has stopped reading; both matter to a server of strangers.
 */

/** A header block is two short lines; a peer that sends more without an end is not speaking this protocol. */
const MAX_HEADER_BYTES = 4096;
const HEADER_END = Buffer.from('\r\n\r\n');
/** How long a peer may leave a written message unread before its connection is given up, in ms. */
const WRITE_DEADLINE = 30_000;

export class SocketReader extends AbstractMessageReader {
  readonly #socket: Socket;
  #parts: Buffer[] = [];
  #size = 0;
  /** Content bytes of the message under way; null while its header is. */
  #expected: number | null = null;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
  }

  listen(deliver: DataCallback): Disposable {
    const onData = (data: Buffer): void => {
      this.#parts.push(data);
      this.#size += data.length;
      try {
        this.#drain(deliver);
      } catch (error) {
        this.#socket.off('data', onData);
        this.fireError(error as Error);
      }
    };
    this.#socket.on('data', onData);
    this.#socket.on('close', () => this.fireClose());
    return { dispose: () => void this.#socket.off('data', onData) };
  }

  #drain(deliver: DataCallback): void {
    for (;;) {
      if (this.#expected === null && !this.#readHeader()) return;
      const expected = this.#expected ?? 0;
      if (this.#size < expected) return;
      const all = this.#joined();
      this.#expected = null;
      this.#keep(all.subarray(expected));
      deliver(parse(all.subarray(0, expected)));
    }
  }

  #readHeader(): boolean {
    const all = this.#joined();
    const end = all.indexOf(HEADER_END);
    if (end < 0 || end > MAX_HEADER_BYTES) {
      if (all.length > MAX_HEADER_BYTES)
        throw new PondError('INVALID', 'a message has no header of Content-Length');
      return false;
    }
    this.#expected = contentLength(all.toString('latin1', 0, end));
    this.#keep(all.subarray(end + HEADER_END.length));
    return true;
  }

  /** Parts are joined when a message may be whole, not at each arrival: a large one comes in thousands of parts. */
  #joined(): Buffer {
    const all = this.#parts.length === 1 && this.#parts[0] ? this.#parts[0] : Buffer.concat(this.#parts);
    this.#parts = [all];
    return all;
  }

  #keep(rest: Buffer): void {
    this.#parts = rest.length > 0 ? [rest] : [];
    this.#size = rest.length;
  }
}

function contentLength(header: string): number {
  const digits = /^content-length: *(\d{1,15})\s*$/im.exec(header)?.[1];
  if (digits === undefined) throw new PondError('INVALID', 'a message has no Content-Length');
  const length = Number(digits);
  if (length > MAX_MESSAGE_BYTES) {
    throw new PondError(
      'TOO_LARGE',
      `a message of ${length} bytes is over the limit of ${MAX_MESSAGE_BYTES}`,
    );
  }
  return length;
}

function parse(content: Buffer): Message {
  if (nestsTooDeep(content)) throw new PondError('INVALID', 'a message nests too deeply');
  let message: unknown;
  try {
    message = JSON.parse(content.toString('utf8'));
  } catch (error) {
    throw new PondError('INVALID', 'a message is not JSON', { cause: error });
  }
  if (typeof message !== 'object' || message === null || Array.isArray(message)) {
    throw new PondError('INVALID', 'a message is not a JSON-RPC object; batches are not supported');
  }
  return message as Message;
}

export interface SocketWriterOptions {
  /**
   * Take no more requests from a peer that does not read its answers. For the owner's side alone: two sides that
   * both wait for the other to read wait for ever.
   */
  readonly pauseWhenFull: boolean;
}

export class SocketWriter extends AbstractMessageWriter {
  readonly #socket: Socket;
  readonly #options: SocketWriterOptions;
  #deadline: NodeJS.Timeout | undefined;

  constructor(socket: Socket, options: SocketWriterOptions) {
    super();
    this.#socket = socket;
    this.#options = options;
    socket.on('drain', () => this.#drained());
    socket.on('close', () => {
      clearTimeout(this.#deadline);
      this.fireClose();
    });
  }

  /** Resolves when the kernel has the message: what was written is read by the peer even if this process dies. */
  write(message: Message): Promise<void> {
    const parts = partsWithin(message);
    const last = parts.length - 1;
    return new Promise((written, failed) => {
      const over = (error?: Error | null): void => (error ? failed(error) : written());
      this.#socket.cork();
      // In one go: no other message may come between them.
      const rooms = parts.map((part, i) => this.#socket.write(part, i === last ? over : undefined));
      this.#socket.uncork();
      if (!rooms[last]) this.#full();
    });
  }

  end(): void {
    this.#socket.end();
  }

  #full(): void {
    if (this.#options.pauseWhenFull) this.#socket.pause();
    this.#deadline ??= setTimeout(() => {
      this.#socket.destroy(new Error(`the peer has read nothing for ${WRITE_DEADLINE} ms`));
    }, WRITE_DEADLINE).unref();
  }

  #drained(): void {
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
    if (this.#options.pauseWhenFull) this.#socket.resume();
  }
}
