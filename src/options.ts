import { accessSync, constants, existsSync, realpathSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fromSystem, PondError } from './errors.ts';
import { type PondPaths, pondPaths } from './paths.ts';
import { CANDIDACIES, type Candidacy } from './protocol.ts';
import { isDuration } from './router/after.ts';

export interface OpenOptions {
  /** Ms that a call may wait for an owner, a lock or a word from the owner ("busy timeout"); 10,000 unless told. Infinity is no limit. */
  readonly timeout?: number;
  /** This handle may not write, whoever owns the file. The file must be there. */
  readonly readOnly?: boolean;
  /** Further files that the owner attaches, by the name they get. For a `readOnly` handle they must be there. */
  readonly attach?: Readonly<Record<string, string>>;
  /** May this process become the owner? `willing` unless told. */
  readonly candidate?: Candidacy;
  /** DuckDB settings used if this process becomes the owner. */
  readonly config?: Readonly<Record<string, string>>;
  /** What `status` calls this client; the script's name unless told. */
  readonly name?: string;
}

export function realPaths(attach: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(attach).map(([name, file]) => [name, pondPaths(file).db]));
}

/**
 * True where this process can only read the file, so that no lock can be taken beside it: it is then opened for
 * this process alone. Any number of processes may, while none writes.
 */
export function isAlone({ db, record }: PondPaths, readOnly: boolean): boolean {
  if (!existsSync(db)) {
    if (readOnly) throw new PondError('NOT_FOUND', `there is no file ${db}`);
    return false;
  }
  try {
    accessSync(db, constants.R_OK | constants.W_OK);
    accessSync(dirname(db), constants.W_OK);
    return false;
  } catch (error) {
    // An owner of ours serves it all the same.
    if (existsSync(record)) return false;
    if (readOnly) return true;
    throw fromSystem(error, `${db} cannot be written`);
  }
}

export function checkOptions(file: unknown, options: OpenOptions): void {
  const { timeout, candidate, readOnly } = options;
  if (typeof file !== 'string') throw new TypeError('open: the file must be a string');
  if (timeout !== undefined && !isDuration(timeout))
    throw new TypeError('open: timeout must be a number of ms');
  if (readOnly !== undefined && typeof readOnly !== 'boolean')
    throw new TypeError('open: readOnly must be a boolean');
  if (candidate !== undefined && !CANDIDACIES.includes(candidate)) {
    throw new TypeError(`open: candidate must be one of ${CANDIDACIES.join(', ')}`);
  }
}

/** The real path of a project's folder. @throws PondError NOT_FOUND */
export function realFolder(folder: string): string {
  try {
    return realpathSync.native(resolve(folder));
  } catch (error) {
    throw fromSystem(error, folder);
  }
}
