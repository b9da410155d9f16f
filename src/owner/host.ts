import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { PondError } from '../errors.ts';
import type { CampaignEnd, FromWorker, ToWorker, WorkerSetup } from './messages.ts';

/** How long the last moment of a process may wait for its owner to let go of the file, in ms. */
const EXIT_WAIT_MS = 2_000;

/**
 * The host's side of an owner worker. The worker starts as a candidate, may stand by with DuckDB loaded, and lives
 * as long as its ownership: one worker is one instance, never elected twice.
 */
export class Host {
  readonly #worker: Worker;
  /** The worker's messages, by type. */
  readonly #said = new EventEmitter();
  /** Settles when the thread has ended, and with it every hold on the file. */
  readonly ended: Promise<void>;
  #elected = false;
  #over = false;
  #standby: Promise<string> | undefined;
  #campaign: Promise<CampaignEnd> | undefined;

  constructor(setup: WorkerSetup) {
    this.#worker = new Worker(new URL('./owner-worker.js', import.meta.url), {
      workerData: { ...setup, instance: randomUUID() },
      // A loader or an inspector flag of the host is none of the owner's business.
      execArgv: [],
    });
    this.ended = new Promise((ended) => {
      this.#worker.once('exit', () => {
        this.#over = true;
        ended();
      });
    });
    // An uncaught error ends the thread; 'exit' follows, and every session sees its connection close.
    this.#worker.on('error', () => undefined);
    this.#worker.on('message', (message: FromWorker) => this.#said.emit(message.type, message));
    // One for each handle.
    this.#said.setMaxListeners(0);
    // After the listener and not before: adding one holds the process alive again.
    this.#worker.unref();
  }

  /** True while this host's worker owns the file. */
  get isOwner(): boolean {
    return this.#elected && !this.#over;
  }

  get isOver(): boolean {
    return this.#over;
  }

  /** True once {@link standBy} was asked: the owner has named this worker to take over. */
  get isStandingBy(): boolean {
    return this.#standby !== undefined;
  }

  onCompromised(tell: () => void): () => void {
    this.#said.on('compromised', tell);
    return () => this.#said.off('compromised', tell);
  }

  /** Loads DuckDB and listens. Resolves to the socket on which it will serve once elected. */
  standBy(): Promise<string> {
    this.#standby ??= (async () => {
      this.#send({ type: 'stand-by' });
      return (await this.#next('standing-by')).socket;
    })();
    return this.#standby;
  }

  /**
   * Runs for ownership, once for all handles that ask meanwhile.
   * @param timeout ms for the fence, while a foreign process holds the file
   * @param onHeld told of that process, while it has the file
   */
  async campaign(timeout: number, onHeld: (pid: number) => void): Promise<CampaignEnd> {
    this.#campaign ??= this.#runOnce(timeout).finally(() => {
      this.#campaign = undefined;
    });
    const tell = ({ pid }: { readonly pid: number }): void => onHeld(pid);
    this.#said.on('held-by', tell);
    try {
      return await this.#campaign;
    } finally {
      this.#said.off('held-by', tell);
    }
  }

  async #runOnce(timeout: number): Promise<CampaignEnd> {
    if (this.isOwner) return { end: 'elected' };
    this.#send({ type: 'campaign', timeout });
    const end = await this.#next('campaign');
    this.#elected = end.end === 'elected';
    return end;
  }

  /** A new session with the worker. */
  connect(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.#send({ type: 'connect', port: port2 }, [port2]);
    return port1;
  }

  /** Leaves in peace: calls are finished or handed on, the file is closed, the thread ends. */
  async close(): Promise<void> {
    if (!this.#over) {
      this.#worker.ref();
      this.#send({ type: 'leave' });
    }
    await this.ended;
  }

  /** For process 'exit': nothing asynchronous runs any more in this thread, but the worker's loop does. */
  closeNow(): void {
    // A standby may be rehearsing.
    if (this.#over || !(this.#elected || this.#campaign || this.#standby)) return;
    const done = new Int32Array(new SharedArrayBuffer(4));
    this.#send({ type: 'exit', done });
    Atomics.wait(done, 0, 0, EXIT_WAIT_MS);
  }

  #send(message: ToWorker, transfer: readonly MessagePort[] = []): void {
    this.#worker.postMessage(message, [...transfer]);
  }

  #next<T extends FromWorker['type']>(type: T): Promise<Extract<FromWorker, { type: T }>> {
    return new Promise((arrived, failed) => {
      this.#said.once(type, arrived);
      void this.ended.then(() => failed(new PondError('CLOSED', 'the owner thread ended')));
    });
  }
}
