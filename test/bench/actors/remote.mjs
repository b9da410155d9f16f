import { readFileSync } from 'node:fs';

/** The bench's hold on a process that runs `actor.mjs`. */
export class Actor {
  #child;
  #asked = new Map();
  #last = 0;

  constructor(child) {
    this.#child = child;
    this.pid = child.pid;
    this.exited = new Promise((exit) => child.once('exit', exit));
    child.on('message', ({ id, value, error }) => {
      if (error) this.#asked.get(id)?.failed(new Error(error));
      else this.#asked.get(id)?.answered(value);
      this.#asked.delete(id);
    });
    this.exited.then(() => {
      for (const { failed } of this.#asked.values()) failed(new Error(`process ${this.pid} is gone`));
    });
  }

  ask(op, ...args) {
    const id = ++this.#last;
    this.#child.send({ id, op, args });
    return new Promise((answered, failed) => this.#asked.set(id, { answered, failed }));
  }

  /** Linux tells whether a process has DuckDB loaded; elsewhere there is no such sign. */
  get isWarm() {
    try {
      return readFileSync(`/proc/${this.pid}/maps`, 'utf8').includes('duckdb.node');
    } catch {
      return process.platform !== 'linux';
    }
  }
}
