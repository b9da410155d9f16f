import type { Connection } from '../engine/connection.ts';
import { PondError } from '../errors.ts';
import type { SearchHit, SearchMode } from '../shapes.ts';
import type { Filter } from './filter.ts';
import { type Candidate, candidateOf, type Ranked } from './rank.ts';
import { META, metaIn } from './schema.ts';
import { STAMP } from './stamp.ts';

/** A chunk that is a hit, and the positions of its matching lines. */
export interface FoundChunk {
  readonly candidate: Candidate;
  readonly matches: readonly number[];
  readonly explain?: SearchHit['explain'];
}

/**
 * Chunks that hold an exact string or match a pattern, by the number of their matching lines, then path and
 * line. A match that reaches over the border of two chunks is not found.
 * @throws PondError INVALID for a pattern that RE2 refuses
 */
export async function scanChunks(
  connection: Connection,
  query: string,
  mode: Exclude<SearchMode, 'ranked'>,
  filter: Filter,
  limit: number,
): Promise<Ranked<FoundChunk>> {
  const regex = mode === 'regex';
  const params = [...filter.params, regex ? `(?m)${query}` : query];
  const matches = (column: string) =>
    regex ? `regexp_matches(${column}, $${params.length})` : `contains(${column}, $${params.length})`;
  const sql = `
    WITH found AS (
      SELECT *, string_split(text, chr(10)) AS lines FROM chunks WHERE ${matches('text')}
      ${filter.where === '' ? '' : `AND (${filter.where})`}),
    counted AS (
      SELECT *, list_filter(range(len(lines)), lambda i: ${matches('lines[i + 1]')}) AS matches FROM found)
    SELECT chunk, len(matches) AS score, counted.path, counted.lang, start_line, end_line, symbol, text, matches,
      ${STAMP}, ${META}
    FROM counted JOIN files USING (file)
    ORDER BY score DESC, counted.path, start_line LIMIT ${limit}`;
  const rows = await connection.all(sql, params).catch((error: unknown) => {
    throw regex ? asPatternError(error) : error;
  });
  const chunks = rows.map((row) => ({
    candidate: candidateOf(row),
    matches: (row.matches as bigint[]).map(Number),
  }));
  return { meta: metaIn(rows), chunks };
}

/** RE2's complaints come as DuckDB's `Invalid Input Error`; the statement around the pattern is ours and valid. */
function asPatternError(error: unknown): unknown {
  if (!(error instanceof PondError) || error.code !== 'SQL') return error;
  return new PondError('INVALID', `bad regular expression: ${error.message}`, {
    hint: 'the syntax is RE2: no look-around and no back-references',
    cause: error,
  });
}
