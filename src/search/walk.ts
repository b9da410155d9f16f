import type { BigIntStats, Dirent } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../errors.ts';
import type { SkippedFile } from '../shapes.ts';
import { isBinaryName } from './binary-names.ts';
import { enterFolder, isIgnored, type Rules, rulesAbove, withSlash } from './ignore-rules.ts';
import type { OpenGuard } from './open-guard.ts';
import { isKernelTree, isNeverEntered, RECORD_SUFFIX } from './outside.ts';

/** Larger files are generated code and data; a chunk of them tells a reader nothing. */
export const MAX_FILE_BYTES = 1024 * 1024;
/** Folders read at once: enough to keep the disk busy, few enough to leave libuv's four threads to others. */
const AT_ONCE = 4;

export interface WalkedFile {
  /** Relative to the root, with slashes. */
  readonly path: string;
  readonly size: number;
  readonly mtimeNs: bigint;
  /** When the file's stat data changed last: an edit that restores the time of the content does not restore this. */
  readonly ctimeNs: bigint;
  readonly dev: bigint;
  readonly ino: bigint;
}

export interface Walked {
  /** In the order of their paths. */
  readonly files: readonly WalkedFile[];
  readonly skipped: readonly SkippedFile[];
  /** The outermost folders that the rules exclude. */
  readonly ignored: readonly string[];
}

export interface WalkOptions {
  /** Real path. */
  readonly root: string;
  /** Files and folders relative to root; `''` is all of it. One that is not there, or ignored, gives nothing. */
  readonly scopes: readonly string[];
  readonly guard: OpenGuard;
  readonly signal?: AbortSignal | undefined;
  readonly onFile?: (size: number) => void;
}

interface Folder {
  readonly path: string;
  readonly rules: Rules | null;
}

/**
 * Stats every file that is not ignored and opens none but .gitignore. Links are never followed: what they
 * point to inside the tree is met on its own path, and so there are no loops.
 */
export async function walk(options: WalkOptions): Promise<Walked> {
  const state = new Walk(options);
  const top = { path: '', rules: await state.rulesOf('', await rulesAbove(options.root, options.guard)) };
  for (const scope of options.scopes) await state.descend(top, scope);
  await state.drain();
  state.files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return { files: state.files, skipped: state.skipped, ignored: state.ignored };
}

class Walk {
  readonly files: WalkedFile[] = [];
  readonly skipped: SkippedFile[] = [];
  readonly ignored: string[] = [];
  readonly #options: WalkOptions;
  readonly #folders: Folder[] = [];
  readonly #base: string;

  constructor(options: WalkOptions) {
    this.#options = options;
    this.#base = withSlash(options.root);
  }

  rulesOf(path: string, outer: Rules | null): Promise<Rules | null> {
    return enterFolder(join(this.#options.root, path), outer, this.#options.guard);
  }

  /** Goes down to one scope, under the rules that the walk of the whole tree would have met on the way. */
  async descend(top: Folder, scope: string): Promise<void> {
    let folder = top;
    const names = scope === '' ? [] : scope.split('/');
    for (const [depth, name] of names.entries()) {
      const path = names.slice(0, depth + 1).join('/');
      const stats = await this.#stat(path);
      if (!stats) return;
      if (!stats.isDirectory()) {
        const siblings = await readdir(join(this.#options.root, folder.path)).catch(() => []);
        if (depth === names.length - 1) this.#meet(folder, name, stats, new Set(siblings));
        return;
      }
      if (!this.#admits(path, name, folder.rules)) return;
      folder = { path, rules: await this.rulesOf(path, folder.rules) };
    }
    this.#folders.push(folder);
  }

  async drain(): Promise<void> {
    while (this.#folders.length > 0) {
      this.#options.signal?.throwIfAborted();
      await Promise.all(this.#folders.splice(-AT_ONCE).map((folder) => this.#read(folder)));
    }
  }

  async #read(folder: Folder): Promise<void> {
    const entries = await this.#list(folder.path);
    const names = new Set(entries.map(({ name }) => name));
    for (const entry of entries) {
      if (!entry.isDirectory()) continue;
      const path = below(folder.path, entry.name);
      if (!this.#admits(path, entry.name, folder.rules)) continue;
      this.#folders.push({ path, rules: await this.rulesOf(path, folder.rules) });
    }
    const files = entries.filter((entry) => entry.isFile());
    const met = await Promise.all(files.map(({ name }) => this.#statUnlessIgnored(folder, name)));
    met.forEach((stats, i) => {
      const name = files[i]?.name;
      if (stats && name !== undefined) this.#meet(folder, name, stats, names);
    });
  }

  #ignores(path: string, rules: Rules | null): boolean {
    return isIgnored(`${this.#base}${path}`, rules);
  }

  /** The root itself is never asked: whoever names a folder below node_modules means it. */
  #admits(path: string, name: string, rules: Rules | null): boolean {
    if (isNeverEntered(name) || isKernelTree(`${this.#base}${path}`)) return false;
    const ignored = this.#ignores(`${path}/`, rules);
    if (ignored) this.ignored.push(path);
    return !ignored;
  }

  async #list(path: string): Promise<Dirent[]> {
    try {
      return await readdir(join(this.#options.root, path), { withFileTypes: true });
    } catch (error) {
      this.#fail(path, error);
      return [];
    }
  }

  async #statUnlessIgnored(folder: Folder, name: string): Promise<BigIntStats | null> {
    const path = below(folder.path, name);
    return this.#ignores(path, folder.rules) ? null : this.#stat(path);
  }

  async #stat(path: string): Promise<BigIntStats | null> {
    try {
      return await lstat(join(this.#options.root, path), { bigint: true });
    } catch (error) {
      this.#fail(path, error);
      return null;
    }
  }

  /** What vanished while we looked is not there; anything else that cannot be read is named. */
  #fail(path: string, error: unknown): void {
    const errno = errnoOf(error);
    // A name that is no UTF-8 comes with replacement characters and is not found under them.
    if ((errno === 'ENOENT' || errno === 'ENOTDIR') && !path.includes('\ufffd')) return;
    this.skipped.push({ path, reason: 'unreadable' });
  }

  #meet(folder: Folder, name: string, stats: BigIntStats, siblings: ReadonlySet<string>): void {
    const path = below(folder.path, name);
    if (!stats.isFile() || this.#ignores(path, folder.rules)) return;
    const size = Number(stats.size);
    const forbidden =
      siblings.has(`${name}${RECORD_SUFFIX}`) ||
      this.#options.guard.forbids(join(this.#options.root, path), stats);
    if (forbidden || isBinaryName(path)) this.skipped.push({ path, reason: 'binary' });
    else if (size > MAX_FILE_BYTES) this.skipped.push({ path, reason: 'too-large' });
    else {
      const { mtimeNs, ctimeNs, dev, ino } = stats;
      this.files.push({ path, size, mtimeNs, ctimeNs, dev, ino });
      this.#options.onFile?.(size);
    }
  }
}

function below(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}
