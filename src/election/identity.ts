import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { errnoOf } from '../errors.ts';

/**
 * Who holds a lock or an ownership, well enough to tell later whether it still lives. A pid alone lies: it is
 * used again, and other containers count their own.
 */
export interface Identity {
  readonly pid: number;
  /** Start of the process, in the system's own words; null where it does not tell. */
  readonly startTime: string | null;
  /** This boot of this machine; null where the system has no such id. */
  readonly boot: string | null;
  readonly host: string;
  /** The kernel's name of the list of processes that `pid` is in; null where the system has one list alone. */
  readonly space?: string | null;
  /** Names this one candidacy, in this one thread. */
  readonly instance: string;
  /** Where it listens: the kernel knows whether anybody still does. */
  readonly socket: string;
  /** In the lock of an attached file: the database that its holder serves. */
  readonly serves?: string;
}

export type Liveness = 'alive' | 'dead' | 'unknown';

export function ownIdentity(instance: string, socket: string): Identity {
  return {
    pid: process.pid,
    startTime: startTimeOf(process.pid),
    boot: bootId(),
    host: hostname(),
    space: pidSpace(),
    instance,
    socket,
  };
}

/** What the process table says. `unknown`: it ran on another machine, or in another container. */
export function processLiveness({ pid, startTime, boot, host, space }: Identity): Liveness {
  if (host !== hostname() || isOtherSpace(space)) return 'unknown';
  if (boot !== null && boot !== bootId()) return 'dead';
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: somebody else's process, and alive.
    if (errnoOf(error) !== 'EPERM') return 'dead';
  }
  const now = startTimeOf(pid);
  return startTime !== null && now !== null && now !== startTime ? 'dead' : 'alive';
}

/** True for a process that SIGSTOP or a terminal has stopped; false where the system does not tell. */
export function isStopped(pid: number): boolean {
  return statFields(pid)?.[0] === 'T';
}

function startTimeOf(pid: number): string | null {
  if (process.platform === 'linux') return statFields(pid)?.[19] ?? null;
  if (process.platform === 'win32') return null;
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || null;
  } catch {
    return null;
  }
}

/** /proc/PID/stat from its third field (the state) on; the second, a name, may hold anything but a last `)`. */
function statFields(pid: number): string[] | null {
  const text = read(`/proc/${pid}/stat`);
  return text === null ? null : text.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** True where both run on one kernel, whatever containers they are in: then a refused socket is the kernel's word. */
export function isSameKernel({ boot }: Identity): boolean {
  return boot !== null && boot === bootId();
}

function isOtherSpace(space: string | null | undefined): boolean {
  const own = pidSpace();
  return typeof space === 'string' && own !== null && space !== own;
}

/** `pid:[4026531836]`: a container counts its processes by itself. */
function pidSpace(): string | null {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return null;
  }
}

function bootId(): string | null {
  return read('/proc/sys/kernel/random/boot_id')?.trim() ?? null;
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
