/** A row of a result in its text form: null for NULL. */
export type TextRow = readonly (string | null)[];

/** Rows that are shown at either end of a long result, as in DuckDB's own shell. */
export const EDGE = 20;

/** The first and the last rows of a result, however long; the others are counted. */
export class RowWindow {
  readonly first: TextRow[] = [];
  total = 0;
  #last: TextRow[] = [];

  add(rows: readonly TextRow[]): void {
    const missing = EDGE - this.first.length;
    if (missing > 0) this.first.push(...rows.slice(0, missing));
    const rest = missing > 0 ? rows.slice(missing) : rows;
    this.total += rows.length;
    this.#last = rest.length >= EDGE ? rest.slice(-EDGE) : [...this.#last, ...rest].slice(-EDGE);
  }

  get last(): readonly TextRow[] {
    return this.#last;
  }

  get shown(): number {
    return this.first.length + this.#last.length;
  }
}
