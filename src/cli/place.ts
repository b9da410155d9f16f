import type { OpenOptions } from '../options.ts';
import { indexFile, type PondPaths, pondPaths, projectRoot } from '../paths.ts';
import { type HelloParams, PROTOCOL_VERSION } from '../protocol.ts';
import { VERSION } from '../version.ts';
import type { GlobalOptions } from './context.ts';

/** The database that a command works on: named, or the index of the project around the current folder. */
export function databaseFile({ db }: GlobalOptions, root = projectRoot(process.cwd())): string {
  return db ?? process.env.ONEPOND_DB ?? indexFile(root);
}

export function openOptions({ timeout }: GlobalOptions, command: string): OpenOptions {
  return { name: `onepond ${command}`, ...(timeout !== undefined && { timeout }) };
}

/** For commands that look and start nothing. @throws PondError NOT_FOUND where not even the folder is there */
export function existingPlace(options: GlobalOptions): PondPaths {
  return pondPaths(databaseFile(options));
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
