import type { Connection } from '../engine/connection.ts';
import { PondError } from '../errors.ts';
import type { SearchHit, SearchParams, SearchResult } from '../protocol.ts';
import { definitionsIn } from './definitions.ts';
import { type Filter, filterOf } from './filter.ts';
import { familyOf } from './languages.ts';
import { matchingLines } from './match-lines.ts';
import { queryTerms } from './query-terms.ts';
import { bestChunks, type Candidate, explainChunks } from './rank.ts';
import { POOL, rerank } from './rerank.ts';
import { type Found, scanChunks } from './scan.ts';
import { type Meta, readMeta } from './schema.ts';
import { snippetOf } from './snippet.ts';

const DEFAULT_LIMIT = 10;
const DEFAULT_CONTEXT = 2;

export type Search = (connection: Connection, params: SearchParams) => Promise<SearchResult>;

/**
 * Searches of one index. Every answer is of the index as it stands at one moment: all its statements see one commit.
 *
 * That takes no transaction, whose begin and end are two more waits behind everything that runs meanwhile: the
 * generation grows with every commit that changes content, so statements between two readings of the same number
 * have seen the same rows. Where it has grown, the search is made again, then in a transaction.
 */
export function createSearch(pending: () => number): Search {
  /** The generation as read last: the first reading of the next search. */
  let known: number | undefined;
  return async (connection, params) => {
    const began = performance.now();
    const filter = filterOf(params);
    check(params);
    const hits = (): Promise<SearchHit[]> =>
      hitsOf(connection, params, filter).catch(async (error: unknown) => {
        known = undefined;
        // Somebody may have dropped the tables since: that is a better answer than a table that is not there.
        await metaOf(connection);
        throw error;
      });
    known ??= (await metaOf(connection)).generation;
    const before = known;
    const seen = { hits: await hits(), meta: await metaOf(connection) };
    known = seen.meta.generation;
    const result =
      known === before
        ? seen
        : await connection.snapshot(async () => ({ meta: await metaOf(connection), hits: await hits() }));
    const { root, generation } = result.meta;
    const ms = Math.round((performance.now() - began) * 100) / 100;
    return { query: params.query, root, generation, pending: pending(), ms, hits: result.hits };
  };
}

/** @throws PondError NOT_FOUND without an index, CORRUPT for one of another version */
async function metaOf(connection: Connection): Promise<Meta> {
  const meta = await readMeta(connection);
  if (meta) return meta;
  throw new PondError('NOT_FOUND', 'this database holds no index', { hint: 'run onepond index' });
}

function check({ query, literal, regex }: SearchParams): void {
  if (query.trim() === '') throw new PondError('INVALID', 'the query is empty');
  if (literal && regex) throw new PondError('INVALID', 'a query is literal or a regex, not both');
}

async function hitsOf(connection: Connection, params: SearchParams, filter: Filter): Promise<SearchHit[]> {
  const found =
    params.literal || params.regex
      ? await scanChunks(connection, params, filter, params.limit ?? DEFAULT_LIMIT)
      : await rankedChunks(connection, params, filter);
  return found.map((one) => hitOf(one, params.context ?? DEFAULT_CONTEXT));
}

async function rankedChunks(connection: Connection, params: SearchParams, filter: Filter): Promise<Found[]> {
  const terms = queryTerms(params.query);
  // Punctuation alone is found by `literal`; there is no word in it to rank by.
  if (terms.length === 0) return [];
  const limit = params.limit ?? DEFAULT_LIMIT;
  // The pool does not depend on the limit, so that a larger limit only adds hits at the end.
  const candidates = await bestChunks(connection, terms, filter, Math.max(limit, POOL));
  const best = rerank(candidates, terms).slice(0, limit);
  const chunks = best.map(({ chunk }) => chunk);
  const explained =
    params.explain && chunks.length > 0 ? await explainChunks(connection, terms, chunks) : undefined;
  return best.map((candidate) => ({
    candidate,
    matches: matchingLines(candidate.text, terms),
    ...(explained ? { explain: [...(explained.get(candidate.chunk) ?? []), ...candidate.rules] } : {}),
  }));
}

function hitOf({ candidate, matches, explain }: Found, context: number): SearchHit {
  const lines = candidate.text.split('\n');
  const snippet = snippetOf(lines, matches, context);
  return {
    path: candidate.path,
    start_line: candidate.startLine,
    end_line: candidate.endLine,
    score: candidate.score,
    lang: candidate.lang,
    symbol: symbolAt(candidate, lines, matches[0]),
    snippet: snippet.text,
    snippet_line: candidate.startLine + snippet.from,
    match_lines: matches.map((line) => candidate.startLine + line),
    ...(explain ? { explain } : {}),
  };
}

/** The definition that the first matching line stands in, as far as the chunk shows it. */
function symbolAt(candidate: Candidate, lines: readonly string[], line: number | undefined): string | null {
  const definitions = definitionsIn(lines, familyOf(candidate.lang));
  const above = definitions.findLast((definition) => definition.line <= (line ?? 0));
  return above?.name ?? candidate.symbol ?? definitions[0]?.name ?? null;
}
