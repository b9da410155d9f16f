import type { SearchResult } from '../shapes.ts';

/** What is to be told of an answer while the first index is being made: what is not found may be in what is left. */
export function indexingNote({ root, indexing, hits, query }: SearchResult): string {
  const { files = 0, total = 0 } = indexing ?? {};
  const far = total === 0 ? 'has just begun' : `has ${files} of ${total} files so far`;
  const found =
    hits.length > 0 ? 'there may be more' : `nothing found yet for ${JSON.stringify(query)}, try again later`;
  return `the first index of ${root} ${far}: ${found}; --fresh waits for it`;
}

/** What is to be told of an answer that the tree may have left behind. */
export function freshnessNotes({ query, hits, pending }: SearchResult, isFresh: boolean): string[] {
  const stale = hits.filter((hit) => hit.stale).length;
  const notes: string[] = [];
  if (hits.length === 0)
    notes.push(
      `nothing found for ${JSON.stringify(query)}${isFresh ? '' : '; --fresh brings the index up to date first'}`,
    );
  if (stale > 0)
    notes.push(
      `${stale} of ${hits.length} hits are as the file was before it changed; --fresh brings the index up to date first`,
    );
  else if (pending > 0) notes.push(`${pending} changed files are not indexed yet; --fresh waits for them`);
  return notes;
}
