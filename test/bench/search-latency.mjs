import { alternate, figures, ms, p50, p99, round, spread } from './stats.mjs';

const TREE_MB = 50;
const LEAST_CHUNKS = 25_000;
const MOST_MS = 10;
const ROUNDS = 20;
const CALLS = 20;

/** Queries of two to four words by a reader, over an index of a large tree that another process owns. */
export async function run(world) {
  const { root } = world.tree(TREE_MB);
  const owner = await world.actor();
  await owner.ask('openIndex', root, { candidate: 'prefer' });
  const { files } = await owner.ask('update');
  const { chunks } = (await owner.ask('status')).index;
  if (chunks < LEAST_CHUNKS) throw new Error(`${files} files gave ${chunks} chunks: too few for this bench`);
  const reader = await world.actor();
  await reader.ask('openIndex', root, { candidate: 'never' });
  await reader.ask('searches', 40, 0);
  let first = 0;
  const search = () => {
    first += CALLS;
    return reader.ask('searches', CALLS, first);
  };
  const { a, b } = await alternate(ROUNDS, search, () => reader.ask('routed', CALLS, 'select 1'));
  return [
    {
      measure: `search through the socket, ${chunks} chunks, 2 to 4 words`,
      got: `p50 ${ms(p50(a))}, p99 ${ms(p99(a))}; ${(p50(a) / p50(b)).toFixed(1)} × routed \`select 1\` (${spread(b)})`,
      mark: `p50 < ${MOST_MS} ms`,
      holds: p50(a) < MOST_MS,
      figures: { ratio: round(p50(a) / p50(b)), search: figures(a), selectOne: figures(b), chunks },
    },
  ];
}
