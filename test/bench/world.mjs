import { fork, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Actor } from './actors/remote.mjs';
import { growTree } from './tree.mjs';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const ACTOR = new URL('./actors/actor.mjs', import.meta.url);
const LINES_KEPT = 200;

/**
 * A temporary folder, a copy of the build (a build beside the run does not disturb it), and the processes that a
 * bench starts: each ended by its pid when the bench is over.
 */
export class World {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'onepond-bench-')));
  bin = join(this.dir, 'package', 'bin', 'onepond.js');
  #children = new Set();
  #said = [];
  #trees = new Map();

  constructor() {
    const { ONEPOND_DB: _db, ONEPOND_LOG: _log, ...env } = process.env;
    const [run, cache] = [this.path('run'), this.path('cache')];
    this.env = { ...env, ONEPOND_RUNTIME_DIR: run, ONEPOND_CACHE_DIR: cache, NO_COLOR: '1' };
    mkdirSync(run, { mode: 0o700 });
    for (const part of ['bin', 'dist', 'package.json']) {
      cpSync(join(PROJECT, part), this.path('package', part), { recursive: true });
    }
    symlinkSync(join(PROJECT, 'node_modules'), this.path('package', 'node_modules'));
  }

  path(...parts) {
    return join(this.dir, ...parts);
  }

  /** The folder of a source tree of so many MB, made once a run. */
  tree(megabytes) {
    const known = this.#trees.get(megabytes);
    if (known) return known;
    const grown = growTree(this.path(`tree-${megabytes}`), megabytes * 1e6);
    this.#trees.set(megabytes, grown);
    return grown;
  }

  /** A Node process that does what it is asked: see `actors/actor.mjs`. */
  async actor() {
    const stdio = ['ignore', 'pipe', 'pipe', 'ipc'];
    const child = fork(ACTOR, [this.path('package')], { env: this.env, cwd: this.dir, stdio });
    this.#watch(child);
    const actor = new Actor(child);
    await new Promise((ready, failed) => child.once('message', ready).once('exit', failed));
    return actor;
  }

  start(args, { cwd = this.dir } = {}) {
    const child = spawn(process.execPath, args, { env: this.env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#watch(child);
    return child;
  }

  /** What the children have printed: for the one who looks why a bench came to nothing. */
  get log() {
    return this.#said.join('');
  }

  async endChildren() {
    const living = [...this.#children].filter(isLiving);
    const ended = living.map((child) => new Promise((exit) => child.once('exit', exit)));
    for (const child of living) process.kill(child.pid, 'SIGKILL');
    await Promise.all(ended);
    this.#children.clear();
  }

  async end() {
    await this.endChildren();
    rmSync(this.dir, { recursive: true, force: true });
  }

  #watch(child) {
    this.#children.add(child);
    const keep = (data) => {
      this.#said.push(`[${child.pid}] ${data}`);
      if (this.#said.length > LINES_KEPT) this.#said.shift();
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
  }
}

const isLiving = ({ exitCode, signalCode }) => exitCode === null && signalCode === null;
