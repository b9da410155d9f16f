// A program that does its share of the workloads until it is told to finish, and writes down each step before and
// after. The history goes to a socket of its own: what was written there outlives the writer.
import { writeSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { open, openIndex, PondError } from '../../dist/index.js';
import { Random } from './random.mjs';
import { WORKLOADS } from './workloads.mjs';

const HISTORY = 4;
/** Lanes that share one handle, so that its calls overlap. */
const SHARED_LANES = 2;
/** Longest pause between two steps of a lane, and the one after a failure, in ms. */
const PAUSE = { longest: 12, afterFailure: 25 };

const { file, name, seed, timeout, tree, config } = JSON.parse(process.argv[2]);
const random = new Random(seed);
const acknowledged = {};
let lastOp = 0;
let isFinishing = false;
/** The handles, or the promise of them. */
let handles = openHandles();
const lanes = new Set();

/** On the machine's monotonic clock, in ms: the same for all processes, and no clock jump moves it. */
const now = () => Number(process.hrtime.bigint() / 1000n) / 1000;

function tell(event) {
  writeSync(HISTORY, `${JSON.stringify({ t: now(), ...event })}\n`);
}

function describe(error) {
  const { name: kind, code, message, data } = error;
  return { isPond: error instanceof PondError, kind, code, message, data, stack: error.stack };
}

async function openHandles() {
  const options = { timeout, name, config };
  for (;;) {
    let shared;
    try {
      shared = await open(file, options);
      const alone = await open(file, options);
      shared.on('owner-found', (owner) => tell({ e: 'owner', ...owner }));
      return { shared, alone, index: tree && (await openIndex(tree, { db: shared })) };
    } catch (error) {
      tell({ e: 'refused', error: describe(error) });
      await shared?.close();
      if (isFinishing) return null;
      await pause(PAUSE.afterFailure);
    }
  }
}

async function closeHandles(opened) {
  await Promise.all([opened?.shared.close(), opened?.alone.close()]);
}

async function lane(names, which, choices) {
  while (!isFinishing) {
    const opened = await handles;
    if (!opened) return;
    const isWell = await step(choices.pick(names), opened[which], choices);
    await pause(isWell ? choices.between(0, PAUSE.longest) : PAUSE.afterFailure);
  }
}

async function step(load, db, choices) {
  const { choose, step: run, after } = WORKLOADS[load];
  const n = ++lastOp;
  const args = choose?.(choices, acknowledged) ?? {};
  let place = 'call';
  const at = (next) => {
    place = next;
  };
  const context = { db, worker: name, n, args, limits: { timeout }, at };
  tell({ e: 'begin', n, load, args });
  try {
    const value = await run(context);
    acknowledged[load] = (acknowledged[load] ?? 0) + 1;
    tell({ e: 'end', n, value });
    return true;
  } catch (error) {
    tell({ e: 'fail', n, place, error: describe(error) });
    await after?.(context);
    return false;
  }
}

/** Brings the index up to date for as long as the process lives. */
async function indexLane() {
  while (!isFinishing) {
    const opened = await handles;
    if (!opened) return;
    const n = ++lastOp;
    tell({ e: 'begin', n, load: 'index', args: {} });
    try {
      tell({ e: 'end', n, value: await opened.index.update({ timeout: 4 * timeout }) });
    } catch (error) {
      tell({ e: 'fail', n, place: 'call', error: describe(error) });
    }
    await pause(PAUSE.afterFailure);
  }
}

function startLanes() {
  const shared = Object.keys(WORKLOADS).filter((load) => !WORKLOADS[load].alone);
  const alone = Object.keys(WORKLOADS).filter((load) => WORKLOADS[load].alone);
  for (let i = 0; i < SHARED_LANES; i++) lanes.add(lane(shared, 'shared', new Random(random.seed())));
  lanes.add(lane(alone, 'alone', new Random(random.seed())));
  if (tree) lanes.add(indexLane());
}

const ORDERS = {
  /** Under the calls that are under way: each must hear of it. */
  async reopen() {
    const old = handles;
    handles = old.then(async (opened) => {
      await closeHandles(opened);
      return openHandles();
    });
    await handles;
  },
  async finish() {
    isFinishing = true;
    await Promise.all(lanes);
    await closeHandles(await handles);
    tell({ e: 'over' });
    process.disconnect();
  },
  exit: () => process.exit(),
};

process.on('message', (order) => void ORDERS[order]());
process.on('disconnect', () => isFinishing || process.exit(1));
startLanes();
