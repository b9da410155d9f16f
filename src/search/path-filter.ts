import { existsSync } from 'node:fs';
import { join, sep } from 'node:path';
import { PondError } from '../errors.ts';
import { escapeGlob, globToPattern, invalid } from './glob.ts';

/** Patterns of RE2 over whole paths: one of `include` must match, where there are any, and none of `exclude`. */
export interface PathFilter {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** Whether reading these globs takes the root: one of them may be a path of the file system. */
export function needsRoot(globs: readonly string[]): boolean {
  return globs.some((glob) => ABSOLUTE.test(glob.replace(/^!/, '')));
}

/** Of all globs of one search, in characters: they are read on the thread that answers everybody. */
const MAX_TOGETHER = 65_536;

const ABSOLUTE = /^(?:\/|[A-Za-z]:[\\/])/;

/**
 * A glob with a `!` before it excludes; the order of the globs does not matter.
 * @param root real path of the tree; it is asked for where {@link needsRoot}
 * @throws PondError INVALID for what is no glob, and for one that lies outside the root
 */
export function pathFilterOf(globs: readonly string[], root: string | null): PathFilter {
  if (globs.join('').length > MAX_TOGETHER)
    throw new PondError('INVALID', `the globs have more than ${MAX_TOGETHER} characters together`, {
      hint: 'name folders instead of files',
    });
  const include: string[] = [];
  const exclude: string[] = [];
  for (const glob of globs) {
    const excludes = glob.startsWith('!');
    const pattern = globToPattern(belowRoot(excludes ? glob.slice(1) : glob, glob, root));
    (excludes ? exclude : include).push(pattern);
  }
  return { include, exclude };
}

/** The same glob relative to the root, without `.` and `..`; one that is tied to the root begins with a slash. */
function belowRoot(glob: string, whole: string, root: string | null): string {
  if (glob.trim() === '') throw invalid(whole, 'it is empty');
  if (/^\/+$/.test(glob)) throw invalid(whole, 'it names nothing');
  if (glob.startsWith('!'))
    throw invalid(whole, 'it begins with more than one !', 'a name that begins with ! is \\!name');
  const inside = ABSOLUTE.test(glob) && root !== null ? fromAbsolute(glob, root) : glob;
  const clean = withoutDots(inside);
  if (/(?:^|[/{,])\.\.(?:[/},]|$)/.test(clean)) throw outside(whole, root);
  return clean === '/' ? '/**' : clean;
}

/**
 * A path of the file system below the root is taken relative to it. All else that begins with a slash is tied to
 * the root, as in a .gitignore, unless it names what is there in the file system and not in the tree.
 */
function fromAbsolute(glob: string, root: string): string {
  const slashed = root.split(sep).join('/').replace(/\/$/, '');
  for (const prefix of [slashed, escapeGlob(slashed)]) {
    if (prefix !== '' && glob === prefix) return '/**';
    if (prefix !== '' && glob.startsWith(`${prefix}/`))
      return glob.slice(prefix.length).replace(/^\/+$/, '/**');
  }
  const [, first = ''] = /^\/+([^/]*)/.exec(glob) ?? [];
  const isElsewhere =
    !glob.startsWith('/') ||
    (slashed !== '' &&
      first !== '' &&
      !/[*?[\]{}\\]/.test(first) &&
      !existsSync(join(root, first)) &&
      existsSync(`/${first}`));
  if (isElsewhere) throw outside(glob, root);
  return glob;
}

/** As a path is normalized; `name/..` cancels where the name is plain. What had a slash stays tied to the root. */
function withoutDots(glob: string): string {
  const names: string[] = [];
  const given = glob.split('/');
  for (const name of given) {
    if (name === '' || name === '.') continue;
    if (name === '..' && isPlain(names.at(-1))) names.pop();
    else names.push(name);
  }
  const isTied = /\/[^/]/.test(glob) || glob === '.' || glob === './';
  const isFolder = names.length > 0 && ['', '.', '..'].includes(given.at(-1) ?? '');
  return `${isTied ? '/' : ''}${names.join('/')}${isFolder ? '/' : ''}`;
}

const isPlain = (name: string | undefined): boolean =>
  name !== undefined && name !== '..' && !/[*?[\]{}\\,]/.test(name);

const outside = (glob: string, root: string | null): PondError =>
  new PondError('INVALID', `the glob '${glob}' lies outside ${root ?? 'the root'}`, {
    hint: 'globs are relative to the root of the index: src/**',
  });
