import * as fs from 'node:fs';
import { mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { lock as acquireLock } from 'proper-lockfile';
import { errnoOf } from '../errors.ts';
import type { PondPaths } from '../paths.ts';
import type { Identity } from './identity.ts';
import { inFolderOf, readJson } from './json-file.ts';

/**
 * The lock elects: one contender among those who arrive together. proper-lockfile takes it, keeps its heartbeat
 * and tells when it was tampered with; what is ours is that the lock carries its holder from its first instant.
 *
 * proper-lockfile makes a bare folder. A racer that sees it before its owner is written into it would take it for
 * a dead one, so here the folder is filled first and then renamed into place: rename fails on a folder that is
 * not empty, which makes it as atomic as mkdir. Staleness by time is switched off (a stopped or sleeping holder
 * would lose the lock while alive); a lock is broken for one reason, that its holder is dead, and by renaming it
 * away, which one breaker alone can do.
 */
export interface Lock {
  release(): Promise<void>;
  /** For the last moments of a process, when nothing asynchronous runs any more. */
  releaseNow(): void;
}

const HEARTBEAT_MS = 5_000;
/** Never by time: proper-lockfile has no switch for it, so a number of ms that does not come, some 24 days. */
const NEVER = 2 ** 31 - 1;

const holderFile = (lock: string): string => join(lock, 'holder.json');

/**
 * Who holds the lock; null where nobody does, `damaged` where a crash of the machine has left it unreadable (it
 * appears whole or not at all). A hint: all may have changed by the next line.
 */
export function readHolder(lock: string): Identity | 'damaged' | null {
  const holder = readIdentity(holderFile(lock));
  if (holder) return holder;
  return statSync(lock, { throwIfNoEntry: false }) ? 'damaged' : null;
}

/** Ms since the holder's last heartbeat; all that can be known of one on another machine. */
export function heartbeatAge(lock: string): number {
  return Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? 0);
}

/** An identity as written by {@link publishJson}, or null for anything else. */
export function readIdentity(file: string): Identity | null {
  const value = readJson(file);
  const { pid, instance, socket, host } = value ?? {};
  const whole =
    typeof pid === 'number' && pid > 0 && [instance, socket, host].every((text) => typeof text === 'string');
  return whole ? (value as unknown as Identity) : null;
}

/**
 * Takes the lock, or returns null where somebody has it.
 * @param onCompromised the lock was taken away from under us; the fence still stands
 */
export async function tryLock(
  paths: PondPaths,
  self: Identity,
  onCompromised: () => void,
): Promise<Lock | null> {
  try {
    const release = await acquireLock(paths.db, {
      lockfilePath: paths.lock,
      realpath: false,
      stale: NEVER,
      update: HEARTBEAT_MS,
      fs: fileSystemFor(self),
      onCompromised,
    });
    return {
      release: () => release().catch(() => undefined),
      releaseNow: () => removeOwn(paths.lock, self),
    };
  } catch (error) {
    if (errnoOf(error) === 'ELOCKED') return null;
    throw error;
  }
}

/**
 * Breaks a lock whose holder is dead, or that is damaged. Of many breakers one succeeds; what it took away is
 * looked at once more, and put back if it was another's by then. (Between the two renames a third may take the
 * free lock. Then two hold it, and the fence decides: the lock only spares DuckDB a herd.)
 */
export function breakLock(lock: string, dead: Identity | 'damaged', unique: string): void {
  const aside = takeAside(lock, unique);
  if (aside === null) return;
  const taken = readIdentity(holderFile(aside));
  const expected = dead === 'damaged' ? taken === null : taken?.instance === dead.instance;
  if (!expected) {
    try {
      renameSync(aside, lock);
      return;
    } catch {
      // A third has the lock now; the one we robbed finds out by its heartbeat.
    }
  }
  rmSync(aside, { recursive: true, force: true });
}

/** Renames the lock out of its place, which one of many can do. Null where it was gone. */
function takeAside(lock: string, unique: string): string | null {
  const aside = `${lock}.${unique}.broken`;
  try {
    renameSync(lock, aside);
    return aside;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

type Done = (error?: unknown) => void;

/** The file system as proper-lockfile sees it: its mkdir and rmdir make and remove a lock with its holder in it. */
function fileSystemFor(self: Identity): typeof fs {
  const settle = (act: () => void, done: Done): void => {
    let failure: unknown;
    try {
      act();
    } catch (error) {
      failure = error;
    }
    done(failure);
  };
  return {
    ...fs,
    mkdir: ((path: string, done: Done) =>
      settle(() => makeLock(path, self), done)) as unknown as typeof fs.mkdir,
    rmdir: ((path: string, done: Done) =>
      settle(() => removeOwn(path, self), done)) as unknown as typeof fs.rmdir,
    rmdirSync: ((path: string) => removeOwn(path, self)) as typeof fs.rmdirSync,
  };
}

function makeLock(path: string, self: Identity): void {
  inFolderOf(path, () => {
    const draft = mkdtempSync(join(dirname(path), 'lock.'));
    try {
      writeFileSync(holderFile(draft), JSON.stringify(self), { mode: 0o600 });
      renameSync(draft, path);
    } catch (error) {
      rmSync(draft, { recursive: true, force: true });
      // Windows says EPERM for a folder that is there.
      const held =
        ['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(errnoOf(error) ?? '') && readHolder(path) !== null;
      throw held ? Object.assign(new Error('the lock is held'), { code: 'EEXIST' }) : error;
    }
  });
}

/** Removes the lock if it is still ours: whoever broke it may have passed it on. */
function removeOwn(path: string, self: Identity): void {
  if (readIdentity(holderFile(path))?.instance !== self.instance) return;
  const aside = takeAside(path, self.instance);
  if (aside !== null) rmSync(aside, { recursive: true, force: true });
}
