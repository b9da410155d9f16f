import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { PondError } from './errors.ts';
import { makeFolder } from './make-folder.ts';
import { userName } from './permission.ts';

/**
 * A folder of sockets must be this user's alone: whoever may write to it, or to what leads to it, could listen in
 * our place. `stat` would follow a link that another user has laid in the temporary folder.
 */

/** Bits of a mode. */
const OTHERS = 0o077;
const WRITABLE_BY_ALL = 0o002;
const STICKY = 0o1000;
const ROOT = 0;
/** As the kernel's own limit. */
const MAX_LINKS = 40;

const hintFor = (folder: string): string =>
  `chmod 700 ${folder}, or set ONEPOND_RUNTIME_DIR to another folder`;

/**
 * Makes the folder where it is missing, and checks it.
 * @throws PondError PERMISSION; the system's error
 */
export function makePrivate(folder: string): void {
  makeFolder(folder);
  checkPrivate(folder);
}

/** @throws PondError PERMISSION unless the folder, and the way to it, is this user's or the system's */
export function checkPrivate(folder: string): void {
  if (process.platform === 'win32') return;
  checkOwn(folder, lookAt(folder));
}

/**
 * The same without the way to it: for the folder beside a database, where whoever may change the way may as well put
 * another database in the place of this one.
 * @throws PondError PERMISSION
 */
export function checkOwnFolder(folder: string): void {
  if (process.platform === 'win32') return;
  checkOwn(folder, lstatSync(folder));
}

function checkOwn(folder: string, stats: Stats): void {
  const hint = hintFor(folder);
  if (stats.uid !== process.getuid?.())
    throw new PondError('PERMISSION', `${folder} belongs to ${userName(stats.uid)}`, {
      hint,
      data: { uid: stats.uid },
    });
  if (!stats.isDirectory()) throw new PondError('PERMISSION', `${folder} is no folder`, { hint });
  if (stats.mode & OTHERS) throw new PondError('PERMISSION', `${folder} is open to other users`, { hint });
}

/** Walks to the folder as the kernel does, and looks at each step instead of following it. */
function lookAt(folder: string): Stats {
  let at = '/';
  let stats = lstatSync(at);
  let links = 0;
  const todo = stepsOf(resolve(folder));
  for (let step = todo.shift(); step !== undefined; step = todo.shift()) {
    if (step === '..') {
      at = dirname(at);
      continue;
    }
    const next = join(at, step);
    stats = lstatSync(next);
    if (stats.isSymbolicLink()) {
      checkLink(next, stats.uid, ++links);
      const target = readlinkSync(next);
      if (isAbsolute(target)) at = '/';
      todo.unshift(...stepsOf(target));
      continue;
    }
    if (todo.length > 0 && stats.mode & WRITABLE_BY_ALL && !(stats.mode & STICKY))
      throw new PondError('PERMISSION', `${next}, which leads to it, may be changed by every user`, {
        hint: hintFor(next),
      });
    at = next;
  }
  return lstatSync(at);
}

const stepsOf = (path: string): string[] => path.split('/').filter((step) => step !== '' && step !== '.');

function checkLink(path: string, uid: number, links: number): void {
  if (uid !== ROOT && uid !== process.getuid?.())
    throw new PondError('PERMISSION', `${path} is a link of ${userName(uid)}`, { hint: hintFor(path) });
  if (links > MAX_LINKS) throw new PondError('INVALID', `${path} is a link without an end`);
}
