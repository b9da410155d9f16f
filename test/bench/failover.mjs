import { setTimeout as pause } from 'node:timers/promises';
import { figures, ms, p50, p99 } from './stats.mjs';

const READERS = 8;
const ROUNDS = 15;
const TREE_MB = 2;
const MOST = { p50: 100, p99: 400 };
const LOOK_MS = 20;
/** Answers that each reader gets before the kill: by then all have been told who is to take over. */
const SETTLED_ANSWERS = 20;

/**
 * Kills owner after owner under readers that search without a pause: how soon the next search is answered, whoever
 * asked it, and how soon each reader has its own, for which all of them queue at once.
 */
export async function run(world) {
  const { root } = world.tree(TREE_MB);
  const founder = await join(world, root);
  await founder.ask('update');
  let pond = [founder, ...(await Promise.all(Array.from({ length: READERS }, () => join(world, root))))];
  for (const actor of pond) await actor.ask('searchOn');
  const first = [];
  const gaps = [];
  for (let round = 0; round < ROUNDS; round++) {
    const { owner, readers, epoch } = await settled(pond);
    const answered = readers.map((reader) => reader.ask('answeredAfter', epoch));
    const killed = process.hrtime.bigint();
    process.kill(owner.pid, 'SIGKILL');
    const times = (await Promise.all(answered)).map((at) => Number(BigInt(at) - killed) / 1e6);
    first.push(Math.min(...times));
    gaps.push(...times);
    const newcomer = await join(world, root);
    await newcomer.ask('searchOn');
    pond = [...readers, newcomer];
  }
  const holds = p50(first) < MOST.p50 && p99(gaps) < MOST.p99;
  return [
    {
      measure: `SIGKILL of the owner to the next answered search, ${READERS} readers`,
      got: `p50 ${ms(p50(first))}, p99 ${ms(p99(first))}; each reader's own p50 ${ms(p50(gaps))}, p99 ${ms(p99(gaps))}`,
      mark: `p50 < ${MOST.p50} ms, p99 < ${MOST.p99} ms`,
      holds,
      figures: { first: figures(first), own: figures(gaps), all: gaps.map(Math.round) },
    },
  ];
}

async function join(world, root) {
  const actor = await world.actor();
  await actor.ask('openIndex', root);
  return actor;
}

/** One owner, a successor with DuckDB loaded, and readers that all have answers. */
async function settled(pond) {
  const { owner: at } = await pond[0].ask('status');
  const owner = pond.find(({ pid }) => pid === at.pid);
  const readers = pond.filter((actor) => actor !== owner);
  while (!readers.some((reader) => reader.isWarm)) await pause(LOOK_MS);
  await Promise.all(readers.map((reader) => reader.ask('answers', SETTLED_ANSWERS)));
  return { owner, readers, epoch: at.epoch };
}
