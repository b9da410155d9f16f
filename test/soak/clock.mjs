// Preloaded into a worker and its threads: a clock that jumps by up to a year, forth and back.
import { Random } from './random.mjs';

/** Between two jumps, in ms. */
const STEADY = 700;
const YEAR = 365 * 24 * 3600 * 1000;

const seed = Number(process.env.SOAK_CLOCK);
const RealDate = Date;
const realNow = Date.now;

/** By the time alone, so that all threads of the process agree. */
function skewed() {
  const real = realNow();
  const random = new Random(seed + Math.floor(real / STEADY));
  return real + random.pick([0, 1, -1, 60_000, -60_000, YEAR, -YEAR]) * random.next();
}

globalThis.Date = class Skewed extends RealDate {
  constructor(...args) {
    super(...(args.length === 0 ? [skewed()] : args));
  }

  static now() {
    return Math.floor(skewed());
  }
};
