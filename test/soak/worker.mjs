// A program that does its share of the workloads until it is told to finish, and writes down each step before and
// after. The history goes to a socket of its own: what was written there outlives the writer.
import { writeSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { open, openIndex, PondError } from '../../dist/index.js';
import { Random } from './random.mjs';
import { loadsOn, WORKLOADS } from './workloads.mjs';

const task = JSON.parse(process.argv[2]);
const HISTORY = 4;
/** What a worker can open, and how many lanes share one, so that its calls overlap. */
const HANDLES = {
  shared: { lanes: 2 },
  alone: { lanes: 1 },
  reader: { lanes: 1, options: { readOnly: true } },
  attached: { lanes: 1, options: { attach: { side: task.side } } },
  slow: { lanes: 1 },
  rival: { lanes: 1 },
};
/** An impatient call gives up after so long at most, in ms. */
const IMPATIENCE = 60;
/** Longest pause between two steps of a lane, and the one after a failure, in ms. */
const PAUSE = { longest: 12, afterFailure: 25 };

const { file, name, seed, timeout, tree, config, impatience, folder, uses } = task;
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
  for (;;) {
    const opened = {};
    try {
      for (const use of uses)
        opened[use] = await open(file, { timeout, name, config, ...HANDLES[use].options });
      opened.shared.on('owner-found', (owner) => tell({ e: 'owner', ...owner }));
      if (tree) opened.index = await openIndex(tree, { db: opened.shared });
      return opened;
    } catch (error) {
      tell({ e: 'refused', error: describe(error) });
      await closeHandles(opened);
      if (isFinishing) return null;
      await pause(PAUSE.afterFailure);
    }
  }
}

/** An owner that a statement holds back reports that it cannot let go of the file yet. */
async function closeHandles(opened) {
  const note = (error) => tell({ e: 'refused', error: describe(error) });
  await Promise.all(uses.map((use) => opened?.[use]?.close().catch(note)));
}

/** Some calls have a caller that gives up soon, in one of the two ways. */
function limitsOf(choices) {
  if (choices.next() >= impatience) return { timeout };
  const ms = choices.between(0, IMPATIENCE);
  return choices.next() < 0.5 ? { timeout: ms } : { timeout, signal: AbortSignal.timeout(ms) };
}

async function lane(names, which, choices) {
  while (!isFinishing) {
    const opened = await handles;
    if (!opened) return;
    const isWell = await step(choices.pick(names), opened, which, choices);
    await pause(isWell ? choices.between(0, PAUSE.longest) : PAUSE.afterFailure);
  }
}

async function step(load, opened, which, choices) {
  const { choose, step: run, after } = WORKLOADS[load];
  const n = ++lastOp;
  const args = choose?.(choices, acknowledged) ?? {};
  let place = 'call';
  const at = (next) => {
    place = next;
  };
  const context = {
    db: opened[which],
    shared: opened.shared,
    openSide: () => open(task.side, { timeout: 300, name }),
    worker: name,
    n,
    args,
    folder,
    limits: limitsOf(choices),
    patience: timeout,
    at,
  };
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
  for (const use of uses)
    for (let i = 0; i < HANDLES[use].lanes; i++)
      lanes.add(lane(loadsOn(use), use, new Random(random.seed())));
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
