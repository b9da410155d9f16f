import { closeSync, openSync, readSync } from 'node:fs';

/** DuckDB's files begin with a checksum of 8 bytes, and this. https://duckdb.org/docs/stable/internals/storage */
const MAGIC = { at: 8, text: 'DUCK' } as const;

/**
 * Whether the file begins as one of DuckDB's; null where it cannot be read. Only for a file that nobody holds:
 * to close it would drop the lock of this process.
 */
export function isDuckDB(path: string): boolean | null {
  try {
    const file = openSync(path, 'r');
    try {
      const head = Buffer.alloc(16);
      readSync(file, head, 0, head.length, 0);
      return head.toString('latin1', MAGIC.at, MAGIC.at + MAGIC.text.length) === MAGIC.text;
    } finally {
      closeSync(file);
    }
  } catch {
    return null;
  }
}
