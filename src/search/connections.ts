import type { Connection } from '../engine/connection.ts';
import { PondError } from '../errors.ts';

/** Searches that run at once; the others wait for a connection. More would only share the same cores. */
const MAX_CONNECTIONS = 4;

export interface Connections {
  /**
   * Lends a connection to `fn` alone. The signal ends the running statement, and the call in ABORTED.
   * `fn` sees no signal: whatever it runs after an abort is refused.
   */
  use<T>(fn: (connection: Connection) => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** Ends what runs, and waits until all connections are back and closed. */
  close(): Promise<void>;
}

export function createConnections(connect: () => Promise<Connection>): Connections {
  const pool = new Pool(connect);
  return { use: (fn, signal) => pool.use(fn, signal), close: () => pool.close() };
}

class Pool {
  readonly #connect: () => Promise<Connection>;
  readonly #free: Connection[] = [];
  readonly #lent = new Set<Connection>();
  readonly #waiting: (() => void)[] = [];
  readonly #running = new Set<Promise<unknown>>();
  /** Lent or being opened: never more than MAX_CONNECTIONS. */
  #taken = 0;
  #closed = false;

  constructor(connect: () => Promise<Connection>) {
    this.#connect = connect;
  }

  use<T>(fn: (connection: Connection) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const running = this.#use(fn, signal);
    const settled: Promise<unknown> = running.then(
      () => this.#running.delete(settled),
      () => this.#running.delete(settled),
    );
    this.#running.add(settled);
    return running;
  }

  async #use<T>(fn: (connection: Connection) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const connection = await this.#take();
    const interrupt = () => connection.interrupt();
    try {
      throwIfAborted(signal);
      signal?.addEventListener('abort', interrupt, { once: true });
      return await fn(connection);
    } catch (error) {
      throwIfAborted(signal);
      throw error;
    } finally {
      signal?.removeEventListener('abort', interrupt);
      this.#give(connection);
    }
  }

  async #take(): Promise<Connection> {
    while (this.#taken >= MAX_CONNECTIONS) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.#closed) throw new PondError('CLOSED', 'the index is closed');
    this.#taken++;
    try {
      const connection = this.#free.pop() ?? (await this.#connect());
      this.#lent.add(connection);
      return connection;
    } catch (error) {
      this.#taken--;
      this.#waiting.shift()?.();
      throw error;
    }
  }

  #give(connection: Connection): void {
    this.#lent.delete(connection);
    this.#taken--;
    if (this.#closed) connection.close();
    else this.#free.push(connection);
    this.#waiting.shift()?.();
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const connection of this.#lent) connection.interrupt();
    await Promise.all(this.#running);
    for (const connection of this.#free.splice(0)) connection.close();
  }
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new PondError('ABORTED', 'the call was aborted', { cause: signal.reason });
}
