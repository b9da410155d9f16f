import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { figures, p50, round, spread } from './stats.mjs';
import { queryAt } from './tree.mjs';

const PAIRS = 30;
const WARM_UP = 3;
const MOST = 1.6;
const TREE_MB = 2;

/** What a person at a prompt, or an agent's shell call, waits for: start, search, print, exit. */
export async function run(world) {
  const { root } = world.tree(TREE_MB);
  const server = world.start([world.bin, 'serve', '--json'], { cwd: root });
  await once(server.stdout, 'data');
  const search = (i) => timeOf(world, root, [world.bin, 'search', queryAt(i)]);
  const bare = () => timeOf(world, root, ['-e', '0']);
  for (let i = 0; i < WARM_UP; i++) [search(i), bare()];
  const times = { search: [], bare: [] };
  for (let i = 0; i < PAIRS; i++) {
    times.search.push(search(i));
    times.bare.push(bare());
  }
  const ratio = p50(times.search) / p50(times.bare);
  return [
    {
      measure: 'warm `onepond search` / `node -e 0`, whole processes',
      got: `${ratio.toFixed(2)} × (${spread(times.search)} / ${spread(times.bare)})`,
      mark: `<= ${MOST}`,
      holds: ratio <= MOST,
      figures: { ratio: round(ratio), search: figures(times.search), bare: figures(times.bare) },
    },
  ];
}

function timeOf({ env }, cwd, args) {
  const began = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { env, cwd, timeout: 60_000 });
  const time = performance.now() - began;
  // 1 is "nothing found": an answer too.
  if (status !== 0 && status !== 1) throw new Error(`${args.join(' ')} ended in ${status}: ${stderr}`);
  return time;
}
