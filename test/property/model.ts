import { expect } from 'vitest';
import { PondError } from '../../src/errors.ts';

const sorted = (rows: Iterable<number>): number[] => [...rows].sort((a, b) => a - b);

/** What a caller may believe: rows that are there, rows that may be, and rows of a transaction that it believes open. */
export class Model {
  readonly rows = new Set<number>();
  /** Of unknown outcome: there once, or not at all. Every other number is not there. */
  readonly maybe = new Set<number>();
  /** Null outside a transaction. `lost` once its owner went, `told` once a statement has ended in that. */
  open: { rows: number[]; lost: boolean; told: boolean } | null = null;
  #last = 0;

  next(): number {
    return ++this.#last;
  }

  begin(): void {
    this.open = { rows: [], lost: false, told: false };
  }

  lose(): void {
    if (this.open) this.open.lost = true;
  }

  /** Every row is there that must be, once, and none that must not. */
  check(read: readonly number[]): void {
    expect(sorted(new Set(read))).toEqual(read);
    const inside = this.open?.rows ?? [];
    const missing = [...this.rows, ...inside].filter((n) => !read.includes(n));
    const wrong = read.filter((n) => !this.rows.has(n) && !this.maybe.has(n) && !inside.includes(n));
    expect({ missing, wrong }).toEqual({ missing: [], wrong: [] });
  }

  /** How a write of these rows ended, outside a transaction or with one of its own. */
  async ended(rows: readonly number[], write: Promise<unknown>): Promise<unknown> {
    try {
      const value = await write;
      for (const n of rows) this.rows.add(n);
      return value;
    } catch (error) {
      this.failed(rows, error);
      return error;
    }
  }

  failed(rows: readonly number[], error: unknown): void {
    expect(error).toBeInstanceOf(PondError);
    const { code, data } = error as PondError;
    expect([code, data?.outcome]).toEqual([
      code,
      expect.stringMatching(/^(?:committed|not-committed|unknown)$/),
    ]);
    if (data?.outcome === 'committed') for (const n of rows) this.rows.add(n);
    if (data?.outcome === 'unknown') for (const n of rows) this.maybe.add(n);
  }
}
