import { readFileSync, statSync } from 'node:fs';

/**
 * The process that holds a kernel lock on the file, in Linux's own list; null where there is none, or no such list.
 * It costs nothing of what opening DuckDB costs, and never touches the file: closing it would drop our own lock.
 */
export function kernelLockHolder(file: string): number | null {
  try {
    const { dev, ino } = statSync(file);
    const lines = readFileSync('/proc/locks', 'utf8').split('\n');
    // `1: POSIX  ADVISORY  WRITE 4242 fd:00:2228569 0 EOF`
    const line = lines.find((text) => text.split(/\s+/)[5] === `${deviceName(dev)}:${ino}`);
    return line === undefined ? null : Number(line.split(/\s+/)[4]);
  } catch {
    return null;
  }
}

/** As the kernel prints it: major and minor, in hexadecimal. */
function deviceName(dev: number): string {
  const major = (dev >> 8) & 0xfff;
  const minor = (dev & 0xff) | ((dev >> 12) & 0xfff00);
  return [major, minor].map((part) => part.toString(16).padStart(2, '0')).join(':');
}
