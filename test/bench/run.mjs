// npm run bench [-- --only 1,4] [--json]: ratios measured in one run, one table row per measure.
import { cpus, loadavg, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { BENCHES } from './benches.mjs';
import { World } from './world.mjs';

const { values: options } = parseArgs({ options: { only: { type: 'string' }, json: { type: 'boolean' } } });
const wanted = options.only?.split(',');
const chosen = BENCHES.filter(({ id }) => !wanted || wanted.includes(id));
if (chosen.length === 0) {
  console.error(`there is no bench ${options.only}; there are ${BENCHES.map(({ id }) => id).join(', ')}`);
  process.exit(2);
}

const world = new World();
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => void world.end().then(() => process.exit(130)));
const rows = [];
try {
  for (const bench of chosen) rows.push(...(await measured(bench)));
} finally {
  await world.end();
}
if (options.json) console.log(JSON.stringify({ machine: machine(), rows }));
else print(rows);
process.exitCode = rows.every(({ holds }) => holds !== false) ? 0 : 1;

/** A bench that fails or hangs is a row too: the others still run. */
async function measured({ id, title, limit, load }) {
  console.error(`bench ${id}: ${title}`);
  const late = rejectable();
  const watchdog = setTimeout(() => late.reject(new Error(`no end after ${limit} s`)), limit * 1000);
  try {
    const results = await Promise.race([(await load()).run(world), late.promise]);
    return results.map((row) => ({ bench: id, ...row }));
  } catch (error) {
    console.error(`bench ${id} failed: ${error.stack}\n${world.log}`);
    return [
      { bench: id, measure: title, got: `failed: ${error.message}`, mark: null, holds: false, figures: {} },
    ];
  } finally {
    clearTimeout(watchdog);
    await world.endChildren();
  }
}

function rejectable() {
  let reject;
  const promise = new Promise((_, failed) => {
    reject = failed;
  });
  return { promise, reject };
}

function machine() {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  const load = loadavg()[0].toFixed(1);
  return `${process.platform} ${process.arch}, ${cpus().length} × ${cpu?.model ?? 'cpu'}, ${memory} GB, Node ${process.version}, load ${load}`;
}

function print(results) {
  console.log(machine());
  console.table(
    results.map(({ bench, measure, got, mark, holds }) => ({
      bench,
      measure,
      measured: got,
      mark: mark ?? '',
      holds: holds === null ? '' : holds ? 'yes' : 'NO',
    })),
  );
}
