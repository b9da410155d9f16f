import { figures, p50, p99, round, spread } from './stats.mjs';

const TREE_MB = 20;
const MOST = 3;
const SECONDS = 12;
/** Both cores for longer than it is watched. */
const ANALYTICAL =
  'SELECT sum(a.range * b.range % 7) AS n FROM range(10000000) a, range(10000000) b WHERE (a.range + b.range) % 3 = 1';

/** A reader's searches while the owner has nothing else to do, indexes a whole tree, or computes for somebody. */
export async function run(world) {
  const { root } = world.tree(TREE_MB);
  const owner = await world.actor();
  await owner.ask('openIndex', root, { candidate: 'prefer' });
  await owner.ask('update');
  const reader = await world.actor();
  await reader.ask('openIndex', root, { candidate: 'never' });
  const heavy = await world.actor();
  await heavy.ask('openIndex', root, { candidate: 'never' });
  await reader.ask('searches', 300, 0);
  const idle = await reader.ask('searchesFor', SECONDS * 1000);
  await heavy.ask('updateOn');
  const besideUpdate = await reader.ask('searchesFor', SECONDS * 1000);
  await heavy.ask('stop');
  await heavy.ask('queryOn', ANALYTICAL);
  const besideQuery = await reader.ask('searchesFor', SECONDS * 1000);
  await heavy.ask('stop');
  const row = (what, beside) => {
    const ratio = p99(beside) / p99(idle);
    return {
      measure: `search beside ${what}, p99 / idle`,
      got: `${ratio.toFixed(1)} × (${spread(beside)} / ${spread(idle)}); p50 ${(p50(beside) / p50(idle)).toFixed(1)} ×`,
      mark: `<= ${MOST}`,
      holds: ratio <= MOST,
      figures: { ratio: round(ratio), idle: figures(idle), beside: figures(beside) },
    };
  };
  return [row('a full index update', besideUpdate), row('an analytical query', besideQuery)];
}
