import { createHash } from 'node:crypto';
import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OpenGuard } from './open-guard.ts';
import { isUnchanged, type Stamp } from './stamp.ts';

/** Files looked at together: a page may name a thousand, and a process has few descriptors. */
const AT_ONCE = 16;

/**
 * Those of these files whose content is no longer what the index read: changed, replaced or gone. The stat data
 * decides where it can; a file that was only touched, or read in the very moment of its change, is hashed.
 * @param root real path
 * @param stamps by path, relative to the root
 */
export async function staleFiles(
  root: string,
  stamps: ReadonlyMap<string, Stamp>,
  guard: OpenGuard,
): Promise<Set<string>> {
  const stale = new Set<string>();
  const files = [...stamps];
  for (let from = 0; from < files.length; from += AT_ONCE) {
    const looks = files.slice(from, from + AT_ONCE).map(async ([path, stamp]) => {
      if (await isStale(join(root, path), stamp, guard)) stale.add(path);
    });
    await Promise.all(looks);
  }
  return stale;
}

/** What cannot be looked at any more is not what was read. */
async function isStale(path: string, stamp: Stamp, guard: OpenGuard): Promise<boolean> {
  try {
    const stats = await lstat(path, { bigint: true });
    if (!stats.isFile() || Number(stats.size) !== stamp.size) return true;
    if (isUnchanged(stamp, stats)) return false;
    if (guard.forbids(path, stats)) return true;
    return (
      createHash('sha1')
        .update(await readFile(path))
        .digest('hex') !== stamp.hash
    );
  } catch {
    return true;
  }
}
