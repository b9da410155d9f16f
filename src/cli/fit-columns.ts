/** No column is cut below this width, in cells. */
const LEAST = 8;
/** Of a column: its border, and a space on either side. */
const FRAME = 3;
/** The column of dots that stands for those that are left out. */
const DOTS = FRAME + 1;

export interface Fitted {
  /** The columns that are shown, by their place, in order. */
  readonly shown: readonly number[];
  /** Width of each shown column, in cells. */
  readonly widths: readonly number[];
}

/**
 * Fits a table into a terminal: the widest columns are cut first, all to the same width; then columns are left out
 * from the middle.
 * @param natural the width that each column would have, in cells
 * @param room cells in a line of the terminal; Infinity for what is no terminal
 */
export function fitColumns(natural: readonly number[], room: number): Fitted {
  const shown = natural.map((_, at) => at);
  const widthOf = (least: number): number => {
    const dots = shown.length < natural.length ? DOTS : 0;
    return 1 + dots + shown.reduce((sum, at) => sum + Math.min(natural[at] ?? 0, least) + FRAME, 0);
  };
  while (shown.length > 1 && widthOf(LEAST) > room) shown.splice(Math.floor(shown.length / 2), 1);
  let limit = Math.max(...natural);
  if (widthOf(limit) > room) {
    const widest = shown.reduce((most, at) => Math.max(most, natural[at] ?? 0), 0);
    limit = widest;
    while (limit > 1 && widthOf(limit) > room) limit--;
  }
  return { shown, widths: shown.map((at) => Math.min(natural[at] ?? 0, limit)) };
}
