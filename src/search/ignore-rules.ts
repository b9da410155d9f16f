import { lstat, readFile } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import ignore, { type Ignore } from 'ignore';
import type { OpenGuard } from './open-guard.ts';

/** The rules of one .gitignore and, through `outer`, of all above it. */
export interface Rules {
  /** The folder they belong to: absolute, with slashes, and one at the end. */
  readonly base: string;
  readonly rules: Ignore;
  readonly outer: Rules | null;
}

/**
 * Whether git would ignore `path` (absolute, with slashes; a folder with one at its end), given that it ignores
 * none of the folders above it. The innermost file with a matching rule decides.
 */
export function isIgnored(path: string, chain: Rules | null): boolean {
  for (let at = chain; at; at = at.outer) {
    const inBase = path.slice(at.base.length);
    const { ignored, unignored } = at.rules.test(inBase);
    if (unignored) return false;
    if (ignored && !isInherited(inBase, at.rules)) return true;
  }
  return false;
}

/** The package also ignores what lies in an ignored folder; an inner file may have allowed that folder again. */
function isInherited(inBase: string, rules: Ignore): boolean {
  const slash = inBase.lastIndexOf('/', inBase.length - 2);
  return slash > 0 && rules.ignores(inBase.slice(0, slash + 1));
}

/** `outer`, and the .gitignore of `folder` where it has one. */
export async function enterFolder(
  folder: string,
  outer: Rules | null,
  guard: OpenGuard,
): Promise<Rules | null> {
  const text = await readRules(join(folder, '.gitignore'), guard);
  return text === null ? outer : rulesOf(folder, text, outer);
}

/**
 * What git's files above `root` say: `.git/info/exclude` and every .gitignore from the top of the repository
 * down to the parent of `root`. Where they ignore `root` itself, somebody asks for an ignored folder by name
 * (a package below node_modules, say): then they do not count.
 */
export async function rulesAbove(root: string, guard: OpenGuard): Promise<Rules | null> {
  const folders = await foldersFromTop(root);
  const top = folders[0];
  if (top === undefined) return null;
  const excluded = await readRules(join(await gitFolder(top), 'info', 'exclude'), guard);
  let chain = excluded === null ? null : rulesOf(top, excluded, null);
  for (const [i, folder] of folders.slice(0, -1).entries()) {
    chain = await enterFolder(folder, chain, guard);
    if (isIgnored(withSlash(folders[i + 1] ?? root), chain)) return null;
  }
  return chain;
}

function rulesOf(folder: string, text: string, outer: Rules | null): Rules {
  return { base: withSlash(folder), rules: ignore().add(text), outer };
}

export function withSlash(folder: string): string {
  const slashes = folder.split(sep).join('/');
  return slashes.endsWith('/') ? slashes : `${slashes}/`;
}

/** From the top of the repository around `root` down to `root`; nothing outside a repository. */
async function foldersFromTop(root: string): Promise<string[]> {
  const folders: string[] = [];
  for (let folder = root; ; folder = dirname(folder)) {
    folders.unshift(folder);
    if (await lstat(join(folder, '.git')).catch(() => null)) return folders;
    if (dirname(folder) === folder) return [];
  }
}

/** In a worktree or a submodule `.git` is a file that names the folder. */
async function gitFolder(top: string): Promise<string> {
  const git = join(top, '.git');
  const pointer = await readFile(git, 'utf8').catch(() => null);
  if (pointer === null) return git;
  const folder = resolve(top, pointer.replace(/^gitdir:\s*/, '').trim());
  const common = await readFile(join(folder, 'commondir'), 'utf8').catch(() => null);
  return common === null ? folder : resolve(folder, common.trim());
}

/** Null where there is no such file. As git does, links are not followed. */
async function readRules(path: string, guard: OpenGuard): Promise<string | null> {
  const stats = await lstat(path, { bigint: true }).catch(() => null);
  if (!stats?.isFile() || guard.forbids(path, stats)) return null;
  return readFile(path, 'utf8').catch(() => null);
}
