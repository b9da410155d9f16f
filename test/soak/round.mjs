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
/** Handles of a worker, unless its family names others: see worker.mjs. */
const USUAL = ['shared', 'alone', 'reader'];
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
  const {
    gear,
    acts,
    pause: pauses,
    uses = USUAL,
    errors = [],
    impatience = 0,
    needsSmallDisk,
    hasTree,
  } = FAMILIES[family];
  const random = new Random(seed);
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'onepond-soak-')));
  const disk = needsSmallDisk ? smallDisk(join(dir, 'disk')) : undefined;
  const round = new Round(dir, disk);
  rounds.add(round);
  try {
    if (disk === null) return null;
    await round.prepare();
    const tree = hasTree ? new Tree(join(dir, 'tree'), random) : undefined;
    round.begin({ gear: gear(random), random, tree, uses, impatience });
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
  /** The file that some attach, and some open for themselves. */
  #side;
  /** Where read-only clients try to make files. */
  #tries;
  #env;
  #fence;
  #sideFence;
  #crew;

  constructor(dir, disk) {
    this.#dir = dir;
    this.disk = disk;
    this.#file = join(disk?.folder ?? dir, 'soak.duckdb');
    this.#side = join(dir, 'side.duckdb');
    this.#tries = join(dir, 'tries');
    mkdirSync(this.#tries);
    const { ONEPOND_DB: _db, ONEPOND_LOG: _log, ...env } = process.env;
    const run = join(dir, 'run');
    mkdirSync(run, { mode: 0o700 });
    this.#env = { ...env, ONEPOND_RUNTIME_DIR: run, ONEPOND_CACHE_DIR: join(dir, 'cache'), NO_COLOR: '1' };
    // This process looks at the database itself, before the first worker and after the last.
    Object.assign(process.env, { ONEPOND_RUNTIME_DIR: run });
  }

  async prepare() {
    const loads = Object.values(WORKLOADS);
    await visit(this.#file, async (db) => {
      for (const sql of loads.flatMap(({ tables }) => tables)) await db.run(sql);
    });
    await visit(this.#side, async (db) => {
      for (const sql of loads.flatMap(({ sideTables = [] }) => sideTables)) await db.run(sql);
    });
  }

  begin({ gear, random, tree, uses, impatience }) {
    this.random = random;
    this.tree = tree;
    this.#fence = new FenceWatch(this.#file);
    this.#sideFence = new FenceWatch(this.#side);
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
        side: this.#side,
        folder: this.#tries,
        uses,
        impatience,
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
    this.#sideFence.end();
    const { members } = this.#crew;
    const fence = this.#fence;
    const violations = [...fence.violations, ...this.#sideFence.violations];
    const history = { members, violations, stuck, timeout: TIMEOUT, errors };
    const { ops, wrong } = await visit(this.#file, (db) =>
      visit(this.#side, (side) =>
        judge(history, { read: readerOf(db), readSide: readerOf(side), folder: this.#tries }),
      ),
    );
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
    this.#sideFence?.end();
    await this.#crew?.end();
    this.disk?.unmount();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

const readerOf = (db) => (sql) => db.query(sql, [], { values: 'json' });

async function visit(file, work) {
  const db = await open(file);
  try {
    return await work(db);
  } finally {
    await db.close();
  }
}
