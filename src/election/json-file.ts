import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf, fromSystem, PondError } from '../errors.ts';
import { makeFolder } from '../make-folder.ts';

/**
 * The file's content, or null where there is none or it is no JSON object: both are hints, never believed.
 * @throws PondError PERMISSION where another user's owner has written it: it is there, and not for us
 */
export function readJson(file: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch (error) {
    const known = fromSystem(error, file);
    if (known instanceof PondError && known.code === 'PERMISSION') throw known;
    return null;
  }
}

/** Appears whole or not at all: written beside its place, then renamed. */
export function publishJson(file: string, value: object, unique: string): void {
  const draft = `${file}.${unique}`;
  try {
    writeFileSync(draft, `${JSON.stringify(value)}\n`, { mode: 0o600 });
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

/** How often a folder may vanish between making and using it: each time, another owner has just left in peace. */
const VANISHED = 20;

/** `make` in a folder that others remove when it is empty. */
export function inFolderOf<T>(file: string, make: () => T): T {
  for (let left = VANISHED; ; left--) {
    makeFolder(dirname(file));
    try {
      return make();
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' || left === 0) throw error;
    }
  }
}
