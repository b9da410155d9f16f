import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf } from './errors.ts';

/** How often the folder or its parent may vanish meanwhile: others remove those that are empty. */
const VANISHED = 20;

/**
 * Makes a folder where it is missing, and its missing parents, for this user alone. Node's own `recursive` makes
 * the parents again for as long as the system says ENOENT, and in `/proc` it says so with all of them there: the
 * call never returns.
 * @throws the system's error; ENOTDIR where something else has the name
 */
export function makeFolder(folder: string): void {
  const parent = dirname(folder);
  for (let left = VANISHED; ; left--) {
    try {
      mkdirSync(folder, { mode: 0o700 });
      return;
    } catch (error) {
      const found = isFolder(folder);
      if (found) return;
      const errno = errnoOf(error);
      const mayVanish = errno === 'EEXIST' || (errno === 'ENOENT' && parent !== folder);
      // EEXIST says that a lock is held, to those who make one.
      if (found === false || left === 0 || !mayVanish) throw errno === 'EEXIST' ? noFolder(folder) : error;
      if (errno === 'ENOENT') makeFolder(parent);
    }
  }
}

/** Null where there is nothing, or nothing to be seen. */
function isFolder(path: string): boolean | null {
  try {
    return statSync(path).isDirectory();
  } catch {
    return null;
  }
}

const noFolder = (path: string): Error =>
  Object.assign(new Error(`ENOTDIR: not a directory, mkdir '${path}'`), { code: 'ENOTDIR' });
