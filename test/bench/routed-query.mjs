import { alternate, figures, p50, round, spread } from './stats.mjs';

const POINTS = 1_000_000;
export const MAKE_POINTS = `CREATE TABLE points AS
  SELECT range AS id, 'point ' || range AS name, range * 0.5 AS value FROM range(${POINTS})`;
export const POINT = { sql: 'SELECT id, name, value FROM points WHERE id = $1', points: POINTS };

const CASES = [
  { measure: 'routed `select 1` / in-process', sql: 'select 1', most: 1.5 },
  { measure: 'routed point query in 1M rows / in-process', ...POINT },
];
/** So many times both sides are asked before it counts: a reader is warm after about a thousand calls. */
const WARM_UP = 30;
const ROUNDS = 16;
// In blocks: a call after a pause pays for waking two idle processes, which is not what is compared here.
const CALLS = 500;

/** An owner, a reader on its socket, and a process that has the same rows to itself. */
export async function run(world) {
  const { reader } = await routedPoints(world, 'routed.duckdb');
  const alone = await world.actor();
  await alone.ask('openDirect', world.path('direct.duckdb'), MAKE_POINTS);
  const rows = [];
  for (const { measure, sql, points, most } of CASES) {
    const routed = () => reader.ask('routed', CALLS, sql, points);
    const direct = () => alone.ask('direct', CALLS, sql, points);
    // Warm: both sides compile, DuckDB reads its pages.
    for (let i = 0; i < WARM_UP; i++) await Promise.all([routed(), direct()]);
    const { a, b } = await alternate(ROUNDS, routed, direct);
    const ratio = p50(a) / p50(b);
    rows.push({
      measure,
      got: `${ratio.toFixed(2)} × (${spread(a)} / ${spread(b)})`,
      mark: most === undefined ? null : `<= ${most}`,
      holds: most === undefined ? null : ratio <= most,
      figures: { ratio: round(ratio), routed: figures(a), direct: figures(b) },
    });
  }
  return rows;
}

export async function routedPoints(world, name) {
  const owner = await world.actor();
  await owner.ask('open', world.path(name), { candidate: 'prefer' });
  await owner.ask('run', MAKE_POINTS);
  const reader = await world.actor();
  await reader.ask('open', world.path(name), { candidate: 'never' });
  return { owner, reader };
}
