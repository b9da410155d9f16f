import { accessSync, constants, existsSync, realpathSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fromSystem, PondError } from './errors.ts';
import { type PondPaths, pondPaths } from './paths.ts';
import { isDuration } from './router/after.ts';
import { CANDIDACIES, type Candidacy } from './shapes.ts';

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

/** @internal */
export function realPaths(attach: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(attach).map(([name, file]) => [name, pondPaths(file).db]));
}

/**
 * Whether this process can only read the file, so that no lock can be taken beside it: it is then opened for this
 * process alone. Any number of processes may, while none writes. `unless-owned`: a record of an owner lies there,
 * who may be gone by now; one that lives serves the file all the same.
 * @throws PondError NOT_FOUND for a read-only handle on no file; PERMISSION for one that is to write
 * @internal
 */
export function isAlone({ db, record }: PondPaths, readOnly: boolean): boolean | 'unless-owned' {
  if (!existsSync(db)) {
    if (readOnly) throw new PondError('NOT_FOUND', `there is no file ${db}`);
    return false;
  }
  const refusal = writeRefusal(db);
  if (refusal === null) return false;
  if (existsSync(record)) return readOnly && 'unless-owned';
  if (readOnly) return true;
  throw fromSystem(refusal, `${db} cannot be written`);
}

/** Why this process can write nothing into the file, or beside it; null where it can. @internal */
export function writeRefusal(db: string): unknown {
  try {
    accessSync(db, constants.R_OK | constants.W_OK);
    accessSync(dirname(db), constants.W_OK);
    return null;
  } catch (error) {
    return error;
  }
}

interface Check {
  readonly is: (value: unknown) => boolean;
  readonly what: string;
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isString = (value: unknown): boolean => typeof value === 'string';

const CHECKS: Readonly<Record<keyof OpenOptions, Check>> = {
  timeout: { is: isDuration, what: 'a number of ms' },
  readOnly: { is: (value) => typeof value === 'boolean', what: 'a boolean' },
  attach: {
    is: (value) => isObject(value) && Object.values(value).every(isString),
    what: 'an object of file names',
  },
  candidate: {
    is: (value) => CANDIDACIES.includes(value as Candidacy),
    what: `one of ${CANDIDACIES.join(', ')}`,
  },
  config: { is: isObject, what: 'an object of DuckDB settings' },
  name: { is: isString, what: 'a string' },
};

/**
 * @throws TypeError, which names the option
 * @internal
 */
export function checkOptions(file: unknown, options: unknown): void {
  if (!isString(file)) throw new TypeError('open: the file must be a string');
  if (!isObject(options)) throw new TypeError('open: the options must be an object');
  for (const [name, value] of Object.entries(options)) {
    const check = Object.hasOwn(CHECKS, name) ? CHECKS[name as keyof OpenOptions] : undefined;
    if (!check) throw new TypeError(`open: there is no option ${name}`);
    if (value !== undefined && !check.is(value)) throw new TypeError(`open: ${name} must be ${check.what}`);
  }
}

/** The real path of a project's folder. @throws PondError NOT_FOUND @internal */
export function realFolder(folder: string): string {
  try {
    return realpathSync.native(resolve(folder));
  } catch (error) {
    throw fromSystem(error, folder);
  }
}
