import { createHash } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { OpenGuard } from './open-guard.ts';
import { isUnchanged, type Stamp } from './stamp.ts';

/** Files read together: a page may name a thousand, and a process has few descriptors. */
const AT_ONCE = 16;

/**
 * Those of these files whose content is no longer what the index read: changed, replaced or gone. The stat data
 * decides where it can; a file that was only touched, or read in the very moment of its change, is hashed.
 *
 * The root is looked at through libuv: a file system that has stopped answering (a network that is gone) must not
 * stop the thread. Its files are then looked at directly, 2.5 µs each, where ten trips through a busy pool of threads
 * cost a search milliseconds.
 * @param root real path
 * @param stamps by path, relative to the root
 */
export async function staleFiles(
  root: string,
  stamps: ReadonlyMap<string, Stamp>,
  guard: OpenGuard,
): Promise<Set<string>> {
  if (stamps.size === 0) return new Set();
  const isThere = await stat(root).then(
    () => true,
    () => false,
  );
  if (!isThere) return new Set(stamps.keys());
  const stale = new Set<string>();
  const doubtful: [path: string, stamp: Stamp][] = [];
  for (const [path, stamp] of stamps) {
    const state = stateOf(join(root, path), stamp, guard);
    if (state === 'stale') stale.add(path);
    if (state === 'doubtful') doubtful.push([path, stamp]);
  }
  for (let from = 0; from < doubtful.length; from += AT_ONCE) {
    const reads = doubtful.slice(from, from + AT_ONCE).map(async ([path, { hash }]) => {
      if ((await hashOf(join(root, path))) !== hash) stale.add(path);
    });
    await Promise.all(reads);
  }
  return stale;
}

/** What cannot be looked at any more is not what was read. */
function stateOf(path: string, stamp: Stamp, guard: OpenGuard): 'fresh' | 'stale' | 'doubtful' {
  try {
    const stats = lstatSync(path, { bigint: true });
    if (!stats.isFile() || Number(stats.size) !== stamp.size) return 'stale';
    if (isUnchanged(stamp, stats)) return 'fresh';
    return guard.forbids(path, stats) ? 'stale' : 'doubtful';
  } catch {
    return 'stale';
  }
}

async function hashOf(path: string): Promise<string | null> {
  try {
    return createHash('sha1')
      .update(await readFile(path))
      .digest('hex');
  } catch {
    return null;
  }
}
