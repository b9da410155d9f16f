import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const WORKER = fileURLToPath(new URL('./worker.mjs', import.meta.url));
/** Where a worker writes its history: see there. */
const HISTORY = 4;
const LINES_KEPT = 50;

/** One worker process, what it has written down and what was done to it. */
export class Member {
  name;
  /** What it was given: `env`, `fileLimit` in KB, `point`. */
  gear;
  events = [];
  pid;
  /** Ended by this run's own hand, and not by a failpoint or by itself. */
  wasEnded = false;
  wasStopped = false;
  /** Settles when the process is gone and its history read to the end. */
  gone;
  isGone = false;
  ending;
  said = [];
  #child;

  constructor(name, gear, task, env) {
    this.name = name;
    this.gear = gear;
    const args = [WORKER, JSON.stringify({ ...task, name })];
    const stdio = ['ignore', 'pipe', 'pipe', 'ipc', 'pipe'];
    const options = { stdio, env: { ...env, ...gear.env } };
    this.#child = gear.fileLimit
      ? spawn(
          'bash',
          ['-c', `ulimit -f ${gear.fileLimit}; exec "$0" "$@"`, process.execPath, ...args],
          options,
        )
      : spawn(process.execPath, args, options);
    this.pid = this.#child.pid;
    createInterface({ input: this.#child.stdio[HISTORY] }).on('line', (line) => this.#write(line));
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.on('data', (data) => {
        this.said.push(`[${name} ${this.pid}] ${data}`);
        if (this.said.length > LINES_KEPT) this.said.shift();
      });
    }
    this.gone = new Promise((over) => {
      this.#child.once('close', (code, signal) => {
        this.isGone = true;
        this.ending = { code, signal };
        over();
      });
    });
    this.#child.on('error', (error) => this.said.push(String(error)));
  }

  order(order) {
    if (this.#child.connected) this.#child.send(order, () => undefined);
  }

  signal(signal) {
    if (this.isGone || this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    if (signal === 'SIGSTOP') this.wasStopped = true;
    else if (signal !== 'SIGCONT') this.wasEnded = true;
    process.kill(this.pid, signal);
  }

  /** True while a signal holds the process, this run's or one of its own failpoints'. */
  get isHeld() {
    try {
      return readFileSync(`/proc/${this.pid}/stat`, 'utf8').split(') ')[1]?.[0] === 'T';
    } catch {
      return false;
    }
  }

  /** A line that a death cut short tells nothing. */
  #write(line) {
    try {
      this.events.push(JSON.parse(line));
    } catch {
      this.said.push(`[${this.name}] cut short: ${line}\n`);
    }
  }
}

/** So many workers at a time; one that is gone is followed by another. */
export class Crew {
  members = [];
  #size;
  #enlist;
  #isOver = false;

  /** @param enlist makes the next member */
  constructor(size, enlist) {
    this.#size = size;
    this.#enlist = enlist;
  }

  get living() {
    return this.members.filter(({ isGone }) => !isGone);
  }

  fill() {
    while (!this.#isOver && this.living.length < this.#size) {
      const member = this.#enlist(this.members.length);
      this.members.push(member);
      void member.gone.then(() => this.fill());
    }
  }

  continueAll() {
    for (const member of this.living) if (member.isHeld) this.continue(member);
  }

  continue(member) {
    member.wasStopped = true;
    member.signal('SIGCONT');
  }

  /** Lets each finish its steps and leave in peace. @returns those that had to be killed for it */
  async finish(patience) {
    this.#isOver = true;
    for (const member of this.living) member.order('finish');
    // One may stop at its point while it finishes.
    const again = setInterval(() => this.continueAll(), 100);
    const late = new Promise((over) => setTimeout(over, patience).unref());
    await Promise.race([Promise.all(this.living.map(({ gone }) => gone)), late]);
    clearInterval(again);
    const stuck = this.living;
    await this.end();
    return stuck;
  }

  async end() {
    this.#isOver = true;
    for (const member of this.living) member.signal('SIGKILL');
    await Promise.all(this.members.map(({ gone }) => gone));
  }
}
