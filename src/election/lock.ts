import * as fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { lock as acquireLock } from 'proper-lockfile';
import { errnoOf } from '../errors.ts';
import type { PondPaths } from '../paths.ts';
import type { Identity } from './identity.ts';
import { makeLock, removeLock } from './lock-folder.ts';

/**
 * The lock elects: one contender among those who arrive together. proper-lockfile takes it, keeps its heartbeat
 * and tells when it was tampered with; what is ours is that the lock carries its holder from its first instant.
 * Staleness by time is switched off: a stopped or sleeping holder would lose the lock while alive.
 */
export interface Lock {
  release(): Promise<void>;
  /** For the last moments of a process, when nothing asynchronous runs any more. */
  releaseNow(): void;
}

const HEARTBEAT_MS = 5_000;
/** A breaker puts back what was not its to take within this time, in ms: two renames and a read. */
const PUT_BACK_MS = 20;
/** Never by time: proper-lockfile has no switch for it, so a number of ms that does not come, some 24 days. */
const NEVER = 2 ** 31 - 1;

/**
 * Takes the lock, or returns null where somebody has it.
 * @param onCompromised the lock was taken away from under us; the fence still stands
 */
export async function tryLock(
  paths: PondPaths,
  self: Identity,
  onCompromised: () => void,
): Promise<Lock | null> {
  const fileSystem = fileSystemFor(self);
  try {
    const release = await acquireLock(paths.db, {
      lockfilePath: paths.lock,
      realpath: false,
      stale: NEVER,
      update: HEARTBEAT_MS,
      fs: fileSystem.fs,
      onCompromised,
    });
    return {
      release: () => release().catch(() => undefined),
      releaseNow: () => removeLock(paths.lock, self),
    };
  } catch (error) {
    if (errnoOf(error) === 'ELOCKED') return null;
    if (errnoOf(error) !== 'ENOENT' || !fileSystem.isMade()) throw error;
    // Taken away before its first heartbeat, by a breaker that looks whose it is and will put it back: with nobody
    // to hold it, it must not stay.
    await sleep(PUT_BACK_MS);
    removeLock(paths.lock, self);
    return null;
  }
}

type Done = (error?: unknown) => void;

/** The file system as proper-lockfile sees it: its mkdir and rmdir make and remove a lock with its holder in it. */
function fileSystemFor(self: Identity): { readonly fs: typeof fs; isMade(): boolean } {
  let isMade = false;
  const settle = (act: () => void, done: Done): void => {
    let failure: unknown;
    try {
      act();
    } catch (error) {
      failure = error;
    }
    done(failure);
  };
  const make = (path: string): void => {
    makeLock(path, self);
    isMade = true;
  };
  const mapped = {
    ...fs,
    mkdir: ((path: string, done: Done) => settle(() => make(path), done)) as unknown as typeof fs.mkdir,
    rmdir: ((path: string, done: Done) =>
      settle(() => removeLock(path, self), done)) as unknown as typeof fs.rmdir,
    rmdirSync: ((path: string) => removeLock(path, self)) as typeof fs.rmdirSync,
  };
  return { fs: mapped, isMade: () => isMade };
}
