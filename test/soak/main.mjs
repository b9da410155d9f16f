// npm run soak -- [--minutes N | --seconds N] [--seed S] [--faults kill,stop]: many processes write under faults,
// and their histories are held against what is in the file. A round's seed, with its family, makes it again;
// --history FILE keeps what the processes wrote down.
import { appendFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { FAMILIES } from './faults.mjs';
import { Random } from './random.mjs';
import { endRounds, playRound } from './round.mjs';
import { sum, textOf } from './totals.mjs';

/** Longest round, in seconds: what a round has written is kept in memory until it is judged. */
const ROUND = 30;
const SHOWN = 20;

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '3' },
    seconds: { type: 'string' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
    faults: { type: 'string', default: Object.keys(FAMILIES).join() },
    history: { type: 'string' },
  },
});
const families = options.faults.split(',');
const seconds = Number(options.seconds ?? 60 * Number(options.minutes));
const unknown = families.filter((family) => !FAMILIES[family]);
if (unknown.length > 0 || !(seconds > 0) || !Number.isInteger(Number(options.seed))) {
  console.error(`families: ${Object.keys(FAMILIES).join(', ')}; --minutes, --seconds and --seed are numbers`);
  process.exit(2);
}

for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => void endRounds().then(() => process.exit(130)));

const rounds = Math.max(families.length, Math.ceil(seconds / ROUND));
const seeds = new Random(Number(options.seed));
const all = [];
let isWell = true;
console.log(`seed ${options.seed}: ${rounds} rounds of ${Math.round(seconds / rounds)} s`);
for (let i = 0; i < rounds; i++) {
  const family = families[i % families.length];
  // The first round has the seed itself, so that one round can be asked for.
  const seed = i === 0 ? Number(options.seed) : seeds.seed();
  const round = await playRound({ family, seed, ms: (1000 * seconds) / rounds });
  if (round) report(family, seed, round);
  else console.log(`${family}: left out, a small disk cannot be mounted here`);
}
console.log(`total: ${textOf(sum(all))}`);
process.exitCode = isWell ? 0 : 1;

function report(family, seed, { totals, wrong, members }) {
  if (options.history) appendFileSync(options.history, linesOf(family, seed, members));
  all.push(totals);
  console.log(`${family} (seed ${seed}): ${textOf(totals)}`);
  for (const { what, text } of wrong.slice(0, SHOWN)) console.log(`  ${what.toUpperCase()} ${text}`);
  if (wrong.length > SHOWN) console.log(`  and ${wrong.length - SHOWN} more`);
  if (wrong.length > 0) console.log(members.flatMap(({ said }) => said).join(''));
  isWell &&= wrong.length === 0;
}

function linesOf(family, seed, members) {
  const events = members.flatMap(({ name, pid, events }) => events.map((event) => ({ name, pid, ...event })));
  const lines = events.sort((a, b) => a.t - b.t).map((event) => JSON.stringify({ family, seed, ...event }));
  return `${lines.join('\n')}\n`;
}
