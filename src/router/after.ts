/** The longest delay of setTimeout, 24.8 days: a longer one fires after 1 ms (Node's documentation of timers). */
const LONGEST = 2 ** 31 - 1;

/**
 * Calls `late` in `ms`, at once where that has passed already, and never where it is Infinity; what waits for longer
 * than 24.8 days is called then.
 */
export function after(ms: number, late: () => void): NodeJS.Timeout | undefined {
  if (ms === Number.POSITIVE_INFINITY) return undefined;
  return setTimeout(late, Math.min(Math.max(ms, 0), LONGEST));
}

/** True for a time that a caller may name, in ms. */
export const isDuration = (value: unknown): value is number => typeof value === 'number' && value >= 0;
