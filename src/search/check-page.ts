import type { SearchResult, Watching } from '../shapes.ts';
import type { OpenGuard } from './open-guard.ts';
import type { Found } from './search.ts';
import { staleFiles } from './stale.ts';

/**
 * Holds the page against the tree as it is now: a snippet is what the index read, and the file may have changed
 * since. A changed file of the page is a file that is known to be not yet indexed.
 */
export async function checkPage(
  { result, stamps }: Found,
  guard: OpenGuard,
  watching: (root: string) => Promise<Watching>,
): Promise<SearchResult> {
  const began = performance.now();
  const checked_at = new Date().toISOString();
  const { root, ms, hits, pending, ...rest } = result;
  const [stale, isWatched] = await Promise.all([staleFiles(root, stamps, guard), watching(root)]);
  return {
    ...rest,
    root,
    pending: Math.max(pending, stale.size),
    watching: isWatched,
    checked_at,
    ms: Math.round((ms + performance.now() - began) * 100) / 100,
    hits: hits.map((hit) => (stale.has(hit.path) ? { ...hit, stale: true } : hit)),
  };
}
