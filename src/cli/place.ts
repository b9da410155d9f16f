import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf, fromSystem, PondError } from '../errors.ts';
import type { OpenOptions } from '../options.ts';
import { indexFile, type PondPaths, pathsBeside, pondPaths, projectRoot } from '../paths.ts';
import { indexPlace } from '../project-index.ts';
import { type HelloParams, PROTOCOL_VERSION } from '../protocol.ts';
import { VERSION } from '../version.ts';
import type { GlobalOptions } from './context.ts';
import { endless, isEndless } from './endless-trees.ts';

export const namedFile = ({ db }: GlobalOptions): string | undefined => db ?? process.env.ONEPOND_DB;

/** The project around the current folder. @throws PondError NOT_FOUND where that folder has been removed */
export function currentProject(): string {
  try {
    return projectRoot(process.cwd());
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw fromSystem(error, 'the current folder');
    const hint = 'cd to a folder that is there';
    throw new PondError('NOT_FOUND', 'the current folder has been removed', { hint, cause: error });
  }
}

/**
 * The project around the current folder, to be indexed.
 * @throws PondError INVALID where it is a tree that nobody means who only stands there, and has no index yet
 */
export function projectToIndex(options: GlobalOptions): string {
  const root = currentProject();
  if (isEndless(root) && !existsSync(namedFile(options) ?? indexFile(root))) throw endless(root);
  return root;
}

/**
 * The database to open: named, or the index of the project around the current folder. Only the latter has its
 * folder made: a name that leads nowhere is a slip.
 */
export function placeToOpen(options: GlobalOptions): string {
  return namedFile(options) ?? indexPlace(currentProject());
}

export function openOptions({ timeout }: GlobalOptions, command: string): OpenOptions {
  return { name: `onepond ${command}`, ...(timeout !== undefined && { timeout }) };
}

/** For commands that look and start nothing. @throws PondError NOT_FOUND where a named file has no folder */
export function placeToLook(options: GlobalOptions): PondPaths {
  const named = namedFile(options);
  if (named !== undefined) return pondPaths(named);
  const file = indexFile(currentProject());
  // A project that was never indexed has not even the folder.
  return existsSync(dirname(file)) ? pondPaths(file) : pathsBeside(file);
}

export function visitorHello(paths: PondPaths, command: string): HelloParams {
  return {
    protocol: PROTOCOL_VERSION,
    version: VERSION,
    path: paths.db,
    pid: process.pid,
    name: `onepond ${command}`,
    candidate: 'never',
    readOnly: true,
  };
}
