import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FAILPOINTS } from '../../src/failpoints.ts';
import { World } from '../support/world.ts';

const SOAK = new URL('../soak/main.mjs', import.meta.url).pathname;
const FAULTS = new URL('../soak/faults.mjs', import.meta.url);
/** Of faults, in seconds, for each family. `npm run soak` has more time. */
const SECONDS = '9';
/** Another each day, so that what CI finds can be found again by it. */
const SEED = String(Math.floor(Date.now() / 86_400_000));

const FAMILIES: readonly (readonly [string, string])[] = [
  ['kill', 'are killed at random'],
  ['points', 'die at each point of election, commit, answer and handover'],
  ['stop', 'are stopped and continued, at random and at each point'],
  ['handover', 'are closed, told to leave and exit under the calls of others'],
  ['answers', 'lose answers just before they are sent'],
  ['clock', 'have clocks that jump by up to a year'],
  ['disk', 'run on a disk that fills up'],
  ['quota', 'may not write files beyond a size'],
  ['impatient', 'have clients that give up at random moments'],
  ['attach', 'attach a second file, which others open for themselves'],
  ['slow', 'run statements that cannot be interrupted'],
  ['thread', 'lose their thread while their process lives on'],
  ['index', 'die at each batch of an index that changes'],
];

describe('acknowledged once, never twice, and no two holders of the fence', () => {
  it.each(FAMILIES)('under %s: where owners %s', async (family) => {
    const world = new World();
    const { code, stdout, stderr } = await world.run([
      SOAK,
      ...['--faults', family],
      ...['--seconds', SECONDS],
      ...['--seed', SEED],
    ]);
    console.log(stdout);
    expect(code, stdout + stderr).toBe(0);
  });

  it('has a fault for every failpoint', () => {
    const text = readFileSync(FAULTS, 'utf8');
    expect(FAILPOINTS.filter((point) => !text.includes(`${point}`))).toEqual([]);
  });
});
