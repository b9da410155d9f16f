import type { JsRow } from '../engine/connection.ts';

/** What the index knows of the file that it read. */
export interface Stamp {
  readonly size: number;
  /** Ns since the epoch. Null where the file changed so shortly before it was read that its time proves nothing. */
  readonly mtimeNs: bigint | null;
  readonly ctimeNs: bigint;
  readonly inode: bigint;
  /** SHA-1 of the bytes. */
  readonly hash: string;
}

/** The columns of `_onepond.files` that {@link stampOf} reads. */
export const STAMP = 'size, mtime_ns, ctime_ns, inode, hash';

export function stampOf(row: JsRow): Stamp {
  return {
    size: Number(row.size),
    mtimeNs: row.mtime_ns === null ? null : BigInt(row.mtime_ns as bigint),
    ctimeNs: BigInt(row.ctime_ns as bigint),
    inode: BigInt(row.inode as bigint),
    hash: String(row.hash),
  };
}

interface Stats {
  readonly size: number | bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly ino: bigint;
}

/** Whether a file with these stats is surely the one that was read, content and all; false: it has to be looked at. */
export function isUnchanged(stamp: Stamp, { size, mtimeNs, ctimeNs, ino }: Stats): boolean {
  return (
    stamp.size === Number(size) &&
    stamp.mtimeNs === mtimeNs &&
    stamp.ctimeNs === ctimeNs &&
    stamp.inode === ino
  );
}
