/** The value below which the share `p` of the numbers lies. */
export function percentile(numbers, p) {
  const sorted = Float64Array.from(numbers).sort();
  return sorted[Math.min(Math.floor(p * sorted.length), sorted.length - 1)] ?? Number.NaN;
}

export const p50 = (numbers) => percentile(numbers, 0.5);
export const p99 = (numbers) => percentile(numbers, 0.99);

/** `p50 1.23 ms, p99 4.56 ms` */
export const spread = (numbers) => `p50 ${ms(p50(numbers))}, p99 ${ms(p99(numbers))}`;

export function ms(number) {
  return `${number.toFixed(number < 10 ? 2 : number < 100 ? 1 : 0)} ms`;
}

/** Rounded for `--json`. */
export const figures = (numbers) => ({
  n: numbers.length,
  p50: round(p50(numbers)),
  p99: round(p99(numbers)),
});

export const round = (number) => Math.round(number * 1000) / 1000;

/**
 * Runs A and B in turns, so that what else the machine does meets both alike.
 * @param a resolves to an array of measured times
 */
export async function alternate(rounds, a, b) {
  const times = { a: [], b: [] };
  for (let i = 0; i < rounds; i++) {
    const order = i % 2 === 0 ? ['a', 'b'] : ['b', 'a'];
    for (const side of order) times[side].push(...(await (side === 'a' ? a : b)()));
  }
  return times;
}
