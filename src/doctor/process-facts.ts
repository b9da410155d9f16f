import { readFileSync, statSync } from 'node:fs';
import { isStopped } from '../election/identity.ts';

/** What the system tells of a process; null for what it does not. */
export interface ProcessFacts {
  readonly pid: number;
  readonly command: string | null;
  readonly since: Date | null;
  readonly isStopped: boolean;
}

/** @param pid 0 where the kernel hides it, as across containers */
export function lookAt(pid: number): ProcessFacts {
  return {
    pid,
    command: read(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()),
    // The folder of a process is made when the process is.
    since: read(() => statSync(`/proc/${pid}`).ctime),
    isStopped: isStopped(pid),
  };
}

function read<T>(look: () => T): T | null {
  try {
    return look();
  } catch {
    return null;
  }
}
