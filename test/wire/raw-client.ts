import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  readonly id?: number | null;
  readonly method?: string;
  readonly params?: { readonly call?: number };
  // biome-ignore lint/suspicious/noExplicitAny: checked by the assertion that asked.
  readonly result?: any;
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly data?: { readonly code: string };
  };
}

export const frame = (content: string): string =>
  `Content-Length: ${Buffer.byteLength(content)}\r\n\r\n${content}`;

/** A client that knows nothing but the protocol: frames in, frames out. */
export class RawClient {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  readonly received: RawAnswer[] = [];
  #buffer = Buffer.alloc(0);
  #last = 0;
  #wake: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((closed) => socket.once('close', () => closed()));
    socket.on('error', () => undefined);
    socket.on('data', (data) => this.#take(data));
  }

  static connect(path: string): Promise<RawClient> {
    return new Promise((connected, failed) => {
      const socket = connect(path);
      socket.once('error', failed);
      socket.once('connect', () => connected(new RawClient(socket)));
    });
  }

  /** Sends a request; the number to wait for. */
  send(method: string, params: unknown): number {
    const id = ++this.#last;
    this.socket.write(frame(JSON.stringify({ jsonrpc: '2.0', id, method, params })));
    return id;
  }

  async call(method: string, params: unknown = {}): Promise<RawAnswer> {
    const id = this.send(method, params);
    return this.until((answer) => answer.id === id);
  }

  hello(path: string, changes: object = {}): Promise<RawAnswer> {
    const hello = {
      protocol: 1,
      version: '0',
      path,
      pid: process.pid,
      name: 'raw',
      candidate: 'never',
      readOnly: false,
    };
    return this.call('hello', { ...hello, ...changes });
  }

  /** The first message that is so; rejects when the connection closes before it comes. */
  async until(is: (answer: RawAnswer) => boolean): Promise<RawAnswer> {
    let gone = false;
    void this.closed.then(() => {
      gone = true;
      this.#wake();
    });
    for (;;) {
      const found = this.received.find(is);
      if (found) return found;
      if (gone) throw new Error(`closed after ${JSON.stringify(this.received)}`);
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
  }

  #take(data: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, data]);
    for (;;) {
      const end = this.#buffer.indexOf('\r\n\r\n');
      const length = Number(/Content-Length: (\d+)/.exec(this.#buffer.toString('latin1', 0, end))?.[1]);
      if (end < 0 || this.#buffer.length < end + 4 + length) return;
      this.received.push(JSON.parse(this.#buffer.toString('utf8', end + 4, end + 4 + length)));
      this.#buffer = this.#buffer.subarray(end + 4 + length);
      this.#wake();
    }
  }
}

export function socketOf(db: string): string {
  return JSON.parse(readFileSync(`${db}.onepond/owner.json`, 'utf8')).socket;
}
