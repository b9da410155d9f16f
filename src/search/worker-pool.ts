import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { PondError } from '../errors.ts';
import { type Analysis, type AnalyzeRequest, analyze } from './analyze.ts';

const MAX_THREADS = 4;
/** A thread costs about 10 MB; within a burst of edits it is worth keeping. */
const IDLE_MS = 5000;

export interface WorkerPool {
  /** How many requests are worked on at once. */
  readonly size: number;
  analyze(request: AnalyzeRequest): Promise<Analysis>;
  close(): Promise<void>;
}

interface Job {
  readonly request: AnalyzeRequest;
  readonly resolve: (analysis: Analysis) => void;
  readonly reject: (error: Error) => void;
}

/** `url` is the bundled worker; null, where there is only source, works in this thread. */
export function createWorkerPool(
  url: URL | null,
  size = Math.min(availableParallelism(), MAX_THREADS),
): WorkerPool {
  if (url === null) return { size: 1, analyze: async (request) => analyze(request), close: async () => {} };
  const pool = new ThreadPool(url, size);
  return { size, analyze: (request) => pool.submit(request), close: () => pool.close() };
}

class ThreadPool {
  readonly #url: URL;
  readonly #size: number;
  readonly #queue: Job[] = [];
  /** Every living thread, with the job it works on. */
  readonly #threads = new Map<Worker, Job | null>();
  #idle: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(url: URL, size: number) {
    this.#url = url;
    this.#size = size;
  }

  submit(request: AnalyzeRequest): Promise<Analysis> {
    if (this.#closed) return Promise.reject(new PondError('CLOSED', 'the index is closed'));
    return new Promise((resolve, reject) => {
      this.#queue.push({ request, resolve, reject });
      this.#assign();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#idle);
    for (const job of this.#queue.splice(0)) job.reject(new PondError('CLOSED', 'the index was closed'));
    await Promise.all([...this.#threads.keys()].map((thread) => thread.terminate()));
  }

  #assign(): void {
    clearTimeout(this.#idle);
    while (this.#queue.length > 0) {
      const thread = this.#freeThread();
      const job = thread && this.#queue.shift();
      if (!thread || !job) return;
      this.#threads.set(thread, job);
      thread.ref();
      thread.postMessage(job.request);
    }
    this.#idle = setTimeout(() => this.#retire(), IDLE_MS).unref();
  }

  #freeThread(): Worker | undefined {
    for (const [thread, job] of this.#threads) if (job === null) return thread;
    return this.#threads.size < this.#size ? this.#start() : undefined;
  }

  #start(): Worker {
    const thread = new Worker(this.#url);
    this.#threads.set(thread, null);
    thread.on('message', (analysis: Analysis) => {
      const job = this.#threads.get(thread);
      this.#threads.set(thread, null);
      thread.unref();
      job?.resolve(analysis);
      this.#assign();
    });
    thread.on('error', (error: Error) => this.#lose(thread, error));
    thread.on('exit', () => this.#lose(thread, new PondError('CLOSED', 'the tokenizer thread ended')));
    return thread;
  }

  /** A thread that dies takes its job with it, and only that one. */
  #lose(thread: Worker, error: Error): void {
    const job = this.#threads.get(thread);
    this.#threads.delete(thread);
    job?.reject(error);
    if (!this.#closed && this.#queue.length > 0) this.#assign();
  }

  #retire(): void {
    for (const [thread, job] of this.#threads) if (job === null) void thread.terminate();
  }
}
