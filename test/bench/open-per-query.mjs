import { MAKE_POINTS, POINT, routedPoints } from './routed-query.mjs';
import { alternate, figures, p50, round, spread } from './stats.mjs';

const ROUNDS = 20;
const LEAST = 40;

/** What programs do today that share a file: open it for each query, and close it at once. */
export async function run(world) {
  const { reader } = await routedPoints(world, 'kept-open.duckdb');
  const file = world.path('opened-each-time.duckdb');
  const maker = await world.actor();
  await maker.ask('open', file, {});
  await maker.ask('run', MAKE_POINTS);
  await maker.ask('close');
  const opener = await world.actor();
  const { sql, points } = POINT;
  const routed = () => reader.ask('routed', 25, sql, points);
  const opened = () => opener.ask('openEach', 5, file, sql, points);
  for (let i = 0; i < 4; i++) await Promise.all([routed(), opened()]);
  const { a, b } = await alternate(ROUNDS, opened, routed);
  const ratio = p50(a) / p50(b);
  return [
    {
      measure: 'open-query-close / routed point query',
      got: `${ratio.toFixed(1)} × (${spread(a)} / ${spread(b)})`,
      mark: `>= ${LEAST}`,
      holds: ratio >= LEAST,
      figures: { ratio: round(ratio), opened: figures(a), routed: figures(b) },
    },
  ];
}
