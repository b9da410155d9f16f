import { realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { PondError } from './errors.ts';

/**
 * The path as the index of `root` names it: relative to it, with slashes.
 * @param root real path
 * @param path absolute, or relative to root; it need not be there, and may lead to the root by links
 * @throws PondError INVALID outside the root
 */
export function pathWithin(root: string, path: string): string {
  const absolute = resolve(root, path);
  // As it is written first, and under its own name then: a link in the tree stands for itself. The root may be one.
  for (const place of [absolute, withRealFolder(absolute), realOrSame(absolute)]) {
    const inside = relative(root, place).split(sep).join('/');
    if (inside !== '..' && !inside.startsWith('../') && !isAbsolute(inside)) return inside;
  }
  throw new PondError('INVALID', `${path} is outside ${root}`);
}

/** What is not there lies in the nearest folder that is. */
function withRealFolder(path: string): string {
  const folder = dirname(path);
  if (folder === path) return path;
  const real = realOrSame(folder);
  return join(real === folder ? withRealFolder(folder) : real, basename(path));
}

function realOrSame(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    return path;
  }
}
