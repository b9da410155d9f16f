/** How many names a hint offers. */
const MOST = 3;

/** The names that a slip of a letter or two away is, nearest first; none where all are far. */
export function nearest(name: string, names: readonly string[]): string[] {
  if (name === '') return [];
  const goesOn = (candidate: string): number => Number(candidate.startsWith(name));
  const near = names
    .map((candidate) => ({ candidate, distance: distanceOf(name, candidate) }))
    .filter(({ candidate, distance }) => distance <= Math.max(1, Math.floor(candidate.length / 3)))
    .sort((a, b) => a.distance - b.distance || goesOn(b.candidate) - goesOn(a.candidate));
  return [...new Set(near.map(({ candidate }) => candidate))].slice(0, MOST);
}

/** Letters to insert, remove or change (Levenshtein); one that begins with the other is one away. */
function distanceOf(a: string, b: string): number {
  if (a.length > 1 && (b.startsWith(a) || a.startsWith(b)) && b.length > 1) return 1;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
