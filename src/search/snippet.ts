/** Lines of the window that a snippet may span; a chunk has at most 60. */
const WINDOW = 12;
/** Longer lines are cut: minified code would fill a terminal. In UTF-16 units. */
const MAX_LINE = 400;

/**
 * The part of a chunk worth showing: the window with the most matching lines (of equal ones the first), and
 * `context` lines around it. Without a matching line, the chunk's first lines.
 * @param matches positions in `lines`, ascending
 */
export function snippetOf(lines: readonly string[], matches: readonly number[], context: number): Snippet {
  const [first, last] = bestWindow(matches, Math.min(WINDOW, lines.length));
  const from = Math.max(0, first - context);
  const shown = lines.slice(from, last + context + 1);
  return {
    from,
    text: shown.map((line) => (line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)}…` : line)).join('\n'),
  };
}

export interface Snippet {
  /** Position of its first line in the chunk. */
  readonly from: number;
  readonly text: string;
}

/** The first and last matching line of the best window. */
function bestWindow(matches: readonly number[], size: number): [number, number] {
  let best: [number, number] = [0, Math.max(0, Math.floor(size / 2) - 1)];
  let most = 0;
  for (let from = 0, to = 0; from < matches.length; from++) {
    const start = matches[from] ?? 0;
    while (to < matches.length && (matches[to] ?? 0) < start + size) to++;
    if (to - from > most) {
      most = to - from;
      best = [start, matches[to - 1] ?? start];
    }
  }
  return best;
}
