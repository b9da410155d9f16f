import type { Connection } from '../engine/connection.ts';
import { PondError } from '../errors.ts';
import { Turns } from '../turns.ts';

export interface Connections {
  /**
   * Lends a connection to `fn` alone. The signal ends the running statement, and the call in ABORTED.
   * `fn` sees no signal: whatever it runs after an abort is refused.
   */
  use<T>(fn: (connection: Connection) => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** Ends what runs, and waits until all connections are back and closed. */
  close(): Promise<void>;
}

/** @param width lent at once; the others wait, in the order they came */
export function createConnections(connect: () => Promise<Connection>, width: number): Connections {
  const pool = new Pool(connect, width);
  return { use: (fn, signal) => pool.use(fn, signal), close: () => pool.close() };
}

class Pool {
  readonly #connect: () => Promise<Connection>;
  readonly #turns: Turns;
  readonly #free: Connection[] = [];
  readonly #lent = new Set<Connection>();
  readonly #running = new Set<Promise<unknown>>();
  #closed = false;

  constructor(connect: () => Promise<Connection>, width: number) {
    this.#connect = connect;
    this.#turns = new Turns(width);
  }

  use<T>(fn: (connection: Connection) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const running = this.#turns.take(() => this.#lend(fn, signal), signal);
    const settled: Promise<unknown> = running.then(
      () => this.#running.delete(settled),
      () => this.#running.delete(settled),
    );
    this.#running.add(settled);
    return running;
  }

  async #lend<T>(fn: (connection: Connection) => Promise<T>, signal?: AbortSignal): Promise<T> {
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
    if (this.#closed) throw new PondError('CLOSED', 'the index is closed');
    const connection = this.#free.pop() ?? (await this.#connect());
    this.#lent.add(connection);
    return connection;
  }

  #give(connection: Connection): void {
    this.#lent.delete(connection);
    if (this.#closed) connection.close();
    else this.#free.push(connection);
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
