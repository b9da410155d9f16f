import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { open } from '../../dist/index.js';
import { Crew, Member } from './crew.mjs';
import { smallDisk } from './disk.mjs';
import { act, FAMILIES } from './faults.mjs';
import { FenceWatch } from './fence.mjs';
import { judge } from './judge.mjs';
import { judgeIndex } from './judge-index.mjs';
import { Random } from './random.mjs';
import { totalsOf } from './totals.mjs';
import { Tree } from './tree.mjs';
import { WORKLOADS } from './workloads.mjs';

const BIN = fileURLToPath(new URL('../../bin/onepond.js', import.meta.url));
const CLOCK = new URL('./clock.mjs', import.meta.url).href;
const CREW = 5;
/** Of each call, in ms: an owner that is stopped is met in most rounds. */
const TIMEOUT = 4_000;
/** A crew that is told to finish has this long, in ms. */
const PATIENCE = 30_000;

const rounds = new Set();

/** For a run that is told to stop: ends its processes and removes its files. */
export async function endRounds() {
  await Promise.all([...rounds].map((round) => round.end()));
}

/**
 * One family of faults for so many ms, in a new folder with a new database, and the judgement.
 * @returns null where this machine cannot do it
 */
export async function playRound({ family, seed, ms }) {
  const { gear, acts, pause: pauses, errors = [], needsSmallDisk, hasTree } = FAMILIES[family];
  const random = new Random(seed);
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'onepond-soak-')));
  const disk = needsSmallDisk ? smallDisk(join(dir, 'disk')) : undefined;
  const round = new Round(dir, disk);
  rounds.add(round);
  try {
    if (disk === null) return null;
    await round.prepare();
    const tree = hasTree ? new Tree(join(dir, 'tree'), random) : undefined;
    round.begin({ gear: gear(random), random, tree });
    const until = performance.now() + ms;
    while (performance.now() < until) {
      await pause(random.between(...pauses));
      await act(random.pick(acts), round);
    }
    return await round.judge(errors);
  } finally {
    rounds.delete(round);
    await round.end();
  }
}

class Round {
  random;
  disk;
  tree;
  #dir;
  #file;
  #env;
  #fence;
  #crew;

  constructor(dir, disk) {
    this.#dir = dir;
    this.disk = disk;
    this.#file = join(disk?.folder ?? dir, 'soak.duckdb');
    const { ONEPOND_DB: _db, ONEPOND_LOG: _log, ...env } = process.env;
    const run = join(dir, 'run');
    mkdirSync(run, { mode: 0o700 });
    this.#env = { ...env, ONEPOND_RUNTIME_DIR: run, ONEPOND_CACHE_DIR: join(dir, 'cache'), NO_COLOR: '1' };
    // This process looks at the database itself, before the first worker and after the last.
    Object.assign(process.env, { ONEPOND_RUNTIME_DIR: run });
  }

  async prepare() {
    await this.#visit(async (db) => {
      for (const { tables } of Object.values(WORKLOADS)) for (const sql of tables) await db.run(sql);
    });
  }

  begin({ gear, random, tree }) {
    this.random = random;
    this.tree = tree;
    this.#fence = new FenceWatch(this.#file);
    const seeds = new Random(random.seed());
    this.#crew = new Crew(CREW, (number) => {
      const own = gear(number);
      const preload = own.isSkewed ? { NODE_OPTIONS: `--import=${CLOCK}` } : {};
      const task = {
        file: this.#file,
        seed: seeds.seed(),
        timeout: TIMEOUT,
        tree: tree?.folder,
        config: own.config,
      };
      return new Member(`w${number}`, own, task, { ...this.#env, ...preload });
    });
    this.#crew.fill();
  }

  // -- what the acts ask of a round

  owner() {
    const pid = this.#fence.holder();
    return this.#crew.living.find((member) => member.pid === pid) ?? this.any();
  }

  any() {
    return this.random.pick(this.#crew.living);
  }

  kill(member, signal = 'SIGKILL') {
    member?.signal(signal);
  }

  exit(member) {
    if (!member) return;
    member.wasEnded = true;
    member.order('exit');
  }

  async stop(member, ms) {
    member?.signal('SIGSTOP');
    await pause(ms);
    this.#crew.continueAll();
  }

  askOwnerToLeave() {
    spawn(process.execPath, [BIN, 'stop', '--db', this.#file], { env: this.#env, stdio: 'ignore' });
  }

  // -- and the end of it

  async judge(errors) {
    this.disk?.free();
    const stuck = await this.#crew.finish(PATIENCE);
    this.#fence.end();
    const { members } = this.#crew;
    const fence = this.#fence;
    const { ops, wrong } = await this.#visit(async (db) => {
      const read = (sql) => db.query(sql, [], { values: 'json' });
      return judge({ members, fence, stuck, timeout: TIMEOUT, errors }, read);
    });
    if (this.tree)
      wrong.push(...(await judgeIndex(this.tree.folder, this.#file, join(this.#dir, 'anew.duckdb'))));
    return {
      totals: totalsOf({ ops, wrong, members, fence }),
      wrong,
      members,
    };
  }

  async end() {
    this.#fence?.end();
    await this.#crew?.end();
    this.disk?.unmount();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  async #visit(work) {
    const db = await open(this.#file);
    try {
      return await work(db);
    } finally {
      await db.close();
    }
  }
}
