import { closeSync, openSync, readSync } from 'node:fs';

/**
 * The first block of a DuckDB file: a checksum of 8 bytes, `DUCK`, the storage version, flags of 32 bytes, and the
 * version of the library that made it. https://duckdb.org/docs/stable/internals/storage
 */
const LAYOUT = { magic: 8, storage: 12, library: 52, end: 84 } as const;
const MAGIC = 'DUCK';

/** Storage versions that this onepond's DuckDB (1.5.6) reads: those of 0.10 to 1.5. */
export const READABLE = { oldest: 64, newest: 68 } as const;

export interface FileHeader {
  readonly isDuckDB: boolean;
  readonly storage: number;
  /** Version of the DuckDB that made the file; empty where it does not say. */
  readonly library: string;
}

/**
 * The header of a file; null where it cannot be read. Only for a file that nobody holds: to close it would drop the
 * lock of this process.
 */
export function readHeader(path: string): FileHeader | null {
  try {
    const file = openSync(path, 'r');
    try {
      const head = Buffer.alloc(LAYOUT.end);
      readSync(file, head, 0, head.length, 0);
      return {
        isDuckDB: head.toString('latin1', LAYOUT.magic, LAYOUT.magic + MAGIC.length) === MAGIC,
        storage: Number(head.readBigUInt64LE(LAYOUT.storage)),
        library: head.toString('latin1', LAYOUT.library, LAYOUT.end).replace(/\0[\s\S]*/, ''),
      };
    } finally {
      closeSync(file);
    }
  } catch {
    return null;
  }
}
