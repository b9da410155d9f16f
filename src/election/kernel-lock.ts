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

/** The same, beside the work of this thread. */
export async function lookUpKernelLock(file: string): Promise<number | null> {
  try {
    return holderIn(await readFile(LIST, 'utf8'), file);
  } catch {
    return null;
  }
}

function holderIn(list: string, file: string): number | null {
  const { dev, ino } = statSync(file);
  // `1: POSIX  ADVISORY  WRITE 4242 fd:00:2228569 0 EOF`
  const line = list.split('\n').find((text) => text.split(/\s+/)[5] === `${deviceName(dev)}:${ino}`);
  return line === undefined ? null : Number(line.split(/\s+/)[4]);
}

/** As the kernel prints it: major and minor, in hexadecimal. */
function deviceName(dev: number): string {
  const major = (dev >> 8) & 0xfff;
  const minor = (dev & 0xff) | ((dev >> 12) & 0xfff00);
  return [major, minor].map((part) => part.toString(16).padStart(2, '0')).join(':');
}
