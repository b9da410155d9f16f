import { mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errnoOf } from '../errors.ts';
import type { Identity } from './identity.ts';
import { inFolderOf, readJson } from './json-file.ts';

/**
 * The lock as it lies on the disk: a folder that carries its holder from its first instant. A bare folder that is
 * filled later would be taken for a dead one by a racer that looks in between, so this one is filled first and
 * then renamed into place: rename fails on a folder that is not empty, which makes it as atomic as mkdir.
 *
 * Reading and breaking are here, apart from taking: readers look at the lock, and do not load what takes it.
 */

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

/** Puts the lock in its place, with its holder in it. Throws EEXIST where somebody has it. */
export function makeLock(path: string, self: Identity): void {
  inFolderOf(path, () => {
    const draft = mkdtempSync(join(dirname(path), 'lock.'));
    try {
      writeFileSync(holderFile(draft), JSON.stringify(self), { mode: 0o600 });
      renameSync(draft, path);
    } catch (error) {
      rmSync(draft, { recursive: true, force: true });
      // Held at that moment, even where it has been let go by now. Windows says EPERM for a folder that is there.
      const errno = errnoOf(error) ?? '';
      const held =
        ['ENOTEMPTY', 'EEXIST'].includes(errno) || (errno === 'EPERM' && readHolder(path) !== null);
      throw held ? Object.assign(new Error('the lock is held'), { code: 'EEXIST' }) : error;
    }
  });
}

/** Removes the lock if it is still ours: whoever broke it may have passed it on. */
export function removeLock(path: string, self: Identity): void {
  if (readIdentity(holderFile(path))?.instance !== self.instance) return;
  const aside = takeAside(path, self.instance);
  if (aside !== null) rmSync(aside, { recursive: true, force: true });
}
