import { stat } from 'node:fs/promises';
import { isAbsolute, posix, resolve } from 'node:path';
import { fromSystem, PondError } from '../errors.ts';
import { isKernelTree } from './outside.ts';
import type { Meta } from './schema.ts';

/** @throws PondError NOT_FOUND, INVALID, PERMISSION */
export async function checkRoot(root: string): Promise<string> {
  if (!isAbsolute(root)) throw new PondError('INVALID', `the root must be an absolute path: ${root}`);
  if (isKernelTree(resolve(root)))
    throw new PondError('INVALID', `${root} is the kernel's: what it shows as files has no end`);
  const stats = await stat(root).catch((error: unknown) => {
    throw fromSystem(error, `cannot index ${root}`);
  });
  if (!stats.isDirectory()) throw new PondError('INVALID', `the root is no folder: ${root}`);
  return resolve(root);
}

/** One database holds the index of one tree. */
export function sameRoot(meta: Meta, root: string): Meta {
  if (meta.root === root) return meta;
  throw new PondError('INVALID', `this database holds the index of ${meta.root}, not of ${root}`, {
    hint: 'use another database file for this folder',
  });
}

/**
 * The parts of the tree an update looks at, `['']` for all. Who names a .gitignore asks for its whole folder:
 * any file below may have come or gone by it.
 */
export function scopesOf(paths: readonly string[] | undefined): string[] {
  if (paths === undefined) return [''];
  const scopes = new Set(paths.map(scopeOf));
  // A scope within another would count its files twice.
  return [...scopes].filter((scope) => scope === '' || !isWithinAny(scope, scopes)).sort();
}

function scopeOf(path: string): string {
  const scope = posix.normalize(path).replace(/\/$/, '');
  if (isAbsolute(path) || scope === '..' || scope.startsWith('../') || path.includes('\0')) {
    throw new PondError('INVALID', `not a path below the root: ${path}`, {
      hint: 'paths are relative to the root, with slashes',
    });
  }
  if (scope === '.') return '';
  return posix.basename(scope) === '.gitignore' ? posix.dirname(scope).replace(/^\.$/, '') : scope;
}

function isWithinAny(scope: string, scopes: ReadonlySet<string>): boolean {
  if (scopes.has('')) return true;
  for (let at = scope.lastIndexOf('/'); at > 0; at = scope.lastIndexOf('/', at - 1)) {
    if (scopes.has(scope.slice(0, at))) return true;
  }
  return false;
}
