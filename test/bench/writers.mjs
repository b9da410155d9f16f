import { round } from './stats.mjs';

const WRITERS = 16;
const ROUNDS = 5;
const ROWS = 200;
const LEAST = 2;
const MAKE = 'CREATE TABLE written (who INTEGER, n INTEGER, text VARCHAR)';
const INSERT = 'INSERT INTO written VALUES ($1, $2, $3)';

/** Single rows by many writers through one owner, ledger included, against one program's own autocommits. */
export async function run(world) {
  const owner = await world.actor();
  await owner.ask('open', world.path('shared.duckdb'), { candidate: 'prefer' });
  await owner.ask('run', MAKE);
  const reader = await world.actor();
  // Sixteen handles: as many clients to the owner, in one process so that two cores are not lost in switching.
  await reader.ask('openMany', WRITERS, world.path('shared.duckdb'), { candidate: 'never' });
  const alone = await world.actor();
  await alone.ask('openDirect', world.path('alone.duckdb'), MAKE);
  const rates = { shared: [], alone: [] };
  for (let i = 0; i <= ROUNDS; i++) {
    const shared = await reader.ask('writeMany', ROWS, INSERT);
    const direct = await alone.ask('writeDirect', WRITERS * ROWS, INSERT);
    // The first round warms both.
    if (i === 0) continue;
    rates.shared.push((WRITERS * ROWS) / (shared / 1000));
    rates.alone.push((WRITERS * ROWS) / (direct / 1000));
  }
  const middle = (list) => list.sort((a, b) => a - b)[list.length >> 1];
  const ratio = middle(rates.shared) / middle(rates.alone);
  return [
    {
      measure: `${WRITERS} writers of single rows / in-process autocommit, rows per second`,
      got: `${ratio.toFixed(2)} × (${Math.round(middle(rates.shared))}/s / ${Math.round(middle(rates.alone))}/s)`,
      mark: `>= ${LEAST}`,
      holds: ratio >= LEAST,
      figures: {
        ratio: round(ratio),
        shared: rates.shared.map(Math.round),
        alone: rates.alone.map(Math.round),
      },
    },
  ];
}
