import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { keptOpen } from '../election/obstacles.ts';
import { PondError } from '../errors.ts';
import { createLog } from '../log.ts';
import {
  type CampaignEnd,
  DRAIN_MS,
  type FromWorker,
  HARD_MS,
  PHASE,
  type ToWorker,
  type WorkerData,
  type WorkerSetup,
} from './messages.ts';

/** How long the end of a process waits for its owner to let go of the file, in ms. */
const EXIT_WAIT_MS = HARD_MS + 1_000;
/** A thread that was asked to leave and has not come to its end by now is stuck in a call of DuckDB's, in ms. */
const LEAVE_WAIT_MS = DRAIN_MS + HARD_MS + 1_000;
const MAY_LAST: ReadonlySet<number> = new Set([PHASE.settling, PHASE.closing, PHASE.left]);

/**
 * The host's side of an owner worker. The worker starts as a candidate, may stand by with DuckDB loaded, and lives
 * as long as its ownership: one worker is one instance, never elected twice.
 */
export class Host {
  readonly #worker: Worker;
  readonly #db: string;
  readonly #phase = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  /** The worker's messages, by type. */
  readonly #said = new EventEmitter();
  /** Settles when the thread has ended, and with it every hold on the file. */
  readonly #ended: Promise<void>;
  #elected = false;
  /** Nothing more will come of the thread, though a statement may still hold it back from its end. */
  #over = false;
  #isEnded = false;
  #standby: Promise<string> | undefined;
  #campaign: Promise<CampaignEnd> | undefined;

  constructor(setup: WorkerSetup) {
    this.#db = setup.paths.db;
    const file = workerFile();
    const { port1: life, port2 } = new MessageChannel();
    this.#worker = new Worker(file, {
      workerData: {
        ...setup,
        instance: randomUUID(),
        phase: this.#phase,
        life: port2,
      } satisfies WorkerData,
      transferList: [port2],
      // A loader or an inspector flag of the host is none of the owner's business.
      execArgv: [],
    });
    const over = (): void => {
      this.#over = true;
    };
    // The thread's own end may be held back by a statement; its ports close at once.
    life.once('close', over);
    life.unref();
    this.#said.once('stuck', over);
    this.#ended = new Promise((ended) => {
      this.#worker.once('exit', () => {
        this.#over = true;
        this.#isEnded = true;
        ended();
      });
    });
    // An uncaught error, or a full heap, ends the thread; 'exit' follows, and every session sees its connection close.
    this.#worker.on('error', (error) =>
      createLog(setup.paths.log)('error', 'the owner thread died', { reason: String(error) }),
    );
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

  /**
   * Leaves in peace: calls are finished or handed on, the file is closed, the thread ends.
   * @throws PondError OWNER_UNREACHABLE where a statement that cannot be interrupted keeps the file open
   */
  async close(): Promise<void> {
    if (!this.#over) {
      this.#worker.ref();
      this.#send({ type: 'leave' });
    }
    const stuck = this.#untilStuck();
    const isEnded = await Promise.race([this.#ended.then(() => true), stuck.promise]);
    stuck.cancel();
    if (isEnded) return;
    this.#over = true;
    this.#worker.unref();
    throw keptOpen(this.#db, process.pid);
  }

  /** Resolves to false when the thread says that it is stuck, or cannot even say that. */
  #untilStuck(): { readonly promise: Promise<false>; cancel(): void } {
    let timer: NodeJS.Timeout | undefined;
    const promise = new Promise<false>((stuck) => {
      const giveUp = (): void => stuck(false);
      this.#said.once('stuck', giveUp);
      if (this.#phase[0] === PHASE.stuck) giveUp();
      timer = setInterval(() => {
        // An open replays a log and a close writes one back: both take what they take, and come to their end.
        if (!MAY_LAST.has(Atomics.load(this.#phase, 0))) giveUp();
      }, LEAVE_WAIT_MS);
    });
    return { promise, cancel: () => clearInterval(timer) };
  }

  /**
   * For process 'exit': nothing asynchronous runs any more in this thread, but the worker's loop does.
   * @returns false where a statement that cannot be interrupted would keep the process from ending
   */
  closeNow(): boolean {
    // A standby may be rehearsing.
    if (this.#isEnded || !(this.#elected || this.#campaign || this.#standby)) return true;
    const end = performance.now() + EXIT_WAIT_MS;
    if (!this.#over) this.#send({ type: 'exit' });
    for (;;) {
      const phase = Atomics.load(this.#phase, 0);
      const left = end - performance.now();
      if (phase === PHASE.stuck || left <= 0) return MAY_LAST.has(phase);
      if (phase === PHASE.left) return true;
      Atomics.wait(this.#phase, 0, phase, left);
    }
  }

  #send(message: ToWorker, transfer: readonly MessagePort[] = []): void {
    this.#worker.postMessage(message, [...transfer]);
  }

  #next<T extends FromWorker['type']>(type: T): Promise<Extract<FromWorker, { type: T }>> {
    return new Promise((arrived, failed) => {
      this.#said.once(type, arrived);
      void this.#ended.then(() => failed(new PondError('CLOSED', 'the owner thread ended')));
    });
  }
}

/** The code of the owner's thread. @throws PondError NOT_FOUND where a bundler has left it behind */
function workerFile(): URL {
  const url = new URL('./owner-worker.js', import.meta.url);
  if (existsSync(url)) return url;
  throw new PondError('NOT_FOUND', `the file of the owner's thread is missing: ${fileURLToPath(url)}`, {
    hint: 'a bundler has taken onepond apart: mark `onepond` as external, and install it beside the bundle',
  });
}
