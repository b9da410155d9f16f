import { readFileSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

const LIST = '/proc/locks';

/**
 * The process that holds a kernel lock on the file, in Linux's own list; null where there is none, or no such list.
 * It costs nothing of what opening DuckDB costs, and never touches the file: closing it would drop our own lock.
 */
export function kernelLockHolder(file: string): number | null {
  try {
    return holderIn(readFileSync(LIST, 'utf8'), file);
  } catch {
    return null;
  }
}

/** `st_dev` and `st_ino`. */
interface FileId {
  readonly dev: bigint;
  readonly ino: bigint;
}

/** The files that this process has a kernel lock on, whichever thread took it. */
export interface OwnLocks {
  has(file: FileId): boolean;
}

/** Read beside the work of this thread. Null where the system has no list: then nothing can be said. */
export async function locksOfThisProcess(): Promise<OwnLocks | null> {
  const text = await readFile(LIST, 'utf8').catch(() => null);
  if (text === null) return null;
  const names = new Set(
    entriesOf(text)
      .filter(({ pid }) => pid === process.pid)
      .map(({ name }) => name),
  );
  return { has: (file) => names.has(lockName(file)) };
}

/** Whether this process has the file open in DuckDB already. Closing one of two handles drops the lock of both. */
export async function isOpenHere(file: string): Promise<boolean> {
  const id = statSync(file, { bigint: true, throwIfNoEntry: false });
  return id !== undefined && ((await locksOfThisProcess())?.has(id) ?? false);
}

function holderIn(list: string, file: string): number | null {
  const wanted = lockName(statSync(file, { bigint: true }));
  return entriesOf(list).find(({ name }) => name === wanted)?.pid ?? null;
}

/** `1: POSIX  ADVISORY  WRITE 4242 fd:00:2228569 0 EOF`; one that waits for a lock has an arrow before its type. */
function entriesOf(list: string): { readonly pid: number; readonly name: string }[] {
  return list
    .split('\n')
    .map((line) => line.split(/\s+/))
    .filter((fields) => fields.length > 5 && fields[1] !== '->')
    .map((fields) => ({ pid: Number(fields[4]), name: fields[5] ?? '' }));
}

/** As the kernel prints it: major and minor, in hexadecimal. */
function lockName({ dev, ino }: FileId): string {
  const major = (dev >> 8n) & 0xfffn;
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xfff00n);
  return `${[major, minor].map((part) => part.toString(16).padStart(2, '0')).join(':')}:${ino}`;
}
