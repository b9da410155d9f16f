import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { homedir, tmpdir, userInfo } from 'node:os';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { errnoOf, fromSystem, PondError } from './errors.ts';
import { makeFolder } from './make-folder.ts';
import { makePrivate } from './private-folder.ts';

/** Everything that belongs to one database file. The folder lies beside it, so that all who see one see the other. */
export interface PondPaths {
  /** Real path of the database file. */
  readonly db: string;
  /** `<db>.onepond`: made by a contender, removed by the last owner that leaves in peace. */
  readonly home: string;
  /** Where the owner is: a hint, verified by the hello on its socket. */
  readonly record: string;
  /** proper-lockfile's folder; `holder.json` in it says who holds it. */
  readonly lock: string;
  readonly log: string;
}

/**
 * The paths of a database, one and the same however it is named: links, `..` and relative paths are resolved.
 * @throws PondError NOT_FOUND without a parent folder, INVALID for a folder, PERMISSION
 */
export function pondPaths(file: string): PondPaths {
  if (file === '' || file === ':memory:' || file.includes('\0')) {
    throw new PondError('INVALID', `${JSON.stringify(file)} names no file that processes could share`);
  }
  // As the system reads it, link by link: `link/..` is the parent of what the link points to.
  return pathsBeside(realPath(file));
}

/** The paths of a database whose real path is known, or that has no folder yet. */
export function pathsBeside(db: string): PondPaths {
  const home = `${db}.onepond`;
  return {
    db,
    home,
    record: join(home, 'owner.json'),
    lock: join(home, 'lock'),
    log: join(home, 'log'),
  };
}

function realPath(file: string): string {
  try {
    const real = realpathSync.native(file);
    if (statSync(real).isDirectory())
      throw new PondError('INVALID', `${file} is a folder, not a database file`);
    return real;
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw fromSystem(error, file);
    return realPathOfMissing(file);
  }
}

/** A file that is not there yet lies in its real parent; a dangling link stands for its target. */
function realPathOfMissing(file: string): string {
  try {
    if (lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink()) {
      const target = readlinkSync(file);
      return realPath(isAbsolute(target) ? target : `${dirname(file)}/${target}`);
    }
    return join(realpathSync.native(dirname(file)), basename(file));
  } catch (error) {
    throw fromSystem(error, `the folder of ${file}`);
  }
}

// -- sockets ----------------------------------------------------------------------------------------------------

const user = (): string => String(process.getuid?.() ?? userInfo().username);

/**
 * The user's own folder, or null: a user that no list names has none, and `/` or a folder that is not there, as
 * containers have it, takes nothing.
 */
function homeFolder(): string | null {
  try {
    const home = resolve(homedir());
    return home !== dirname(home) && existsSync(home) ? home : null;
  } catch {
    // libuv has no home for a user without a line in the list of users.
    return null;
  }
}

/** This user's own, in a folder where others may have made one of that name: to be checked before it is used. */
const temporaryFolder = (): string => join(tmpdir(), `onepond-${user()}`);

/**
 * Folders that may hold sockets, best first: the same list for everyone, whatever the temporary folder of the
 * day is called. A folder that cannot hold sockets (a FAT drive, a path too long) is passed over by the owner;
 * readers take the socket's path from the record.
 */
export function runtimeFolders(env: NodeJS.ProcessEnv = process.env): string[] {
  const named = [env.ONEPOND_RUNTIME_DIR, env.XDG_RUNTIME_DIR && join(env.XDG_RUNTIME_DIR, 'onepond')];
  const home = homeFolder();
  const common = [
    `/tmp/onepond-${user()}`,
    temporaryFolder(),
    ...(home === null ? [] : [join(home, '.onepond', 'run')]),
  ];
  return [...new Set([...named, ...common].flatMap((folder) => (folder ? [resolve(folder)] : [])))];
}

/**
 * Makes the folder where it is missing, and sees that it is this user's alone.
 * @throws PondError PERMISSION
 */
export function checkRuntimeFolder(folder: string): void {
  try {
    makePrivate(folder);
  } catch (error) {
    throw fromSystem(error, folder);
  }
}

/** A socket path of one ownership alone. `instance` is its id. */
export function socketPath(folder: string, db: string, instance: string): string {
  const name = `${hashOf(db).slice(0, 10)}-${instance.slice(0, 8)}`;
  return process.platform === 'win32' ? `\\\\.\\pipe\\onepond-${name}` : join(folder, `${name}.sock`);
}

/** The socket of one ownership beside its database; null where the system has no sockets in folders. */
export function besideSocket({ home }: PondPaths, instance: string): string | null {
  return process.platform === 'win32' ? null : join(home, `${instance.slice(0, 8)}.sock`);
}

/** The socket paths of this database that lie in the folder, whether anybody listens on them or not. */
export function socketsIn(folder: string, db: string): string[] {
  // `<hash of the path>-<instance>.sock`, or `.soc~` where its process was killed before it was renamed.
  const prefix = basename(socketPath(folder, db, '')).replace(/\.sock$/, '');
  try {
    return readdirSync(folder)
      .filter((name) => name.startsWith(prefix) && /\.soc[k~]$/.test(name))
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

// -- projects ---------------------------------------------------------------------------------------------------

/** The nearest ancestor of `folder` with `.git` or `.onepond.toml`, else the folder itself. */
export function projectRoot(folder: string): string {
  const start = realpathSync.native(folder);
  for (let at = start; ; at = dirname(at)) {
    if (existsSync(join(at, '.git')) || existsSync(join(at, '.onepond.toml'))) return at;
    if (dirname(at) === at) return start;
  }
}

/** The index of the project at `root`, in the user's cache folder: nothing is added to the tree. */
export function indexFile(root: string, env: NodeJS.ProcessEnv = process.env): string {
  const cache = env.ONEPOND_CACHE_DIR || join(env.XDG_CACHE_HOME || defaultCache(), 'onepond');
  return join(
    resolve(cache),
    `${basename(root).slice(0, 40) || 'root'}-${hashOf(root).slice(0, 12)}`,
    'index.duckdb',
  );
}

/** Makes the folder of an index. @throws PondError PERMISSION, DISK_FULL, … */
export function makeIndexFolder(folder: string): void {
  try {
    const temporary = resolve(temporaryFolder());
    if (folder.startsWith(`${temporary}/`)) makePrivate(temporary);
    makeFolder(folder);
  } catch (error) {
    throw fromSystem(error, 'the cache folder');
  }
}

/** A user without a folder of its own keeps its indexes in the temporary one. */
function defaultCache(): string {
  const home = homeFolder();
  if (process.platform === 'win32' && process.env.LOCALAPPDATA) return process.env.LOCALAPPDATA;
  if (home === null) return join(temporaryFolder(), 'cache');
  if (process.platform === 'darwin') return join(home, 'Library', 'Caches');
  return process.platform === 'win32' ? join(home, 'AppData', 'Local') : join(home, '.cache');
}
