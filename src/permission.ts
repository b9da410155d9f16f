import { accessSync, constants, lstatSync, readFileSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';

/** Who refuses this user a path, for the hint of an error. */

/** The name of a user, where the machine's own list has one, and the number. */
export function userName(uid: number): string {
  const name = passwd().find((fields) => fields[2] === String(uid))?.[0];
  return name === undefined ? `user ${uid}` : `user ${uid} (${name})`;
}

function passwd(): string[][] {
  try {
    return readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map((line) => line.split(':'));
  } catch {
    return [];
  }
}

/** The safe next step where the system refuses `path`; undefined where it does not tell why. */
export function nextStep(path: string): string | undefined {
  const uid = process.getuid?.();
  if (uid === undefined) return undefined;
  const found = refusing(path);
  if (!found) return undefined;
  const { at, stats } = found;
  if (stats.uid !== uid)
    return `${at} belongs to ${userName(stats.uid)}, and this process runs as ${userName(uid)}: run it as that user, or have that user give access`;
  return `${at} is closed to its own user: its mode is ${(stats.mode & 0o7777).toString(8)}`;
}

interface Place {
  readonly at: string;
  readonly stats: Stats;
}

/** The first folder on the way that may not be entered; else the last thing that is there. */
function refusing(path: string): Place | undefined {
  let last: Place | undefined;
  for (const at of ancestors(path)) {
    const stats = look(at);
    if (!stats) return last;
    last = { at, stats };
    if (stats.isDirectory() && !mayEnter(at)) return last;
  }
  return last;
}

function ancestors(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [path] : [...ancestors(parent), path];
}

function look(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}

function mayEnter(folder: string): boolean {
  try {
    accessSync(folder, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
