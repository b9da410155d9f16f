import type { Connection } from '../engine/connection.ts';
import { PondError } from '../errors.ts';
import type { SearchParams } from '../protocol.ts';
import type { SearchHit, SearchResult } from '../shapes.ts';
import { definitionsIn } from './definitions.ts';
import { type Filter, filterOf } from './filter.ts';
import { familyOf } from './languages.ts';
import { matchingLines } from './match-lines.ts';
import { modeOf } from './mode.ts';
import { queryTerms } from './query-terms.ts';
import { bestChunks, type Candidate, explainChunks, type Ranked } from './rank.ts';
import { POOL, rerank } from './rerank.ts';
import { type Found, scanChunks } from './scan.ts';
import { type Meta, readMeta } from './schema.ts';
import { snippetOf } from './snippet.ts';

const DEFAULT_LIMIT = 10;
const DEFAULT_CONTEXT = 2;

export type Search = (connection: Connection, params: SearchParams) => Promise<SearchResult>;

/** What is under way with the index beside its searches. */
export interface Activity {
  readonly pending: () => number;
  readonly isUpdating: () => boolean;
}

/** Searches of one index. Every answer is of the index as it stands at one moment: all of it is of one commit. */
export function createSearch({ pending, isUpdating }: Activity): Search {
  return async (connection, params) => {
    const began = performance.now();
    // Asked before the statement: an update that ends meanwhile may have completed the index after its moment.
    const mayBePartial = isUpdating();
    const filter = filterOf(params);
    check(params);
    const { meta, chunks } = await foundIn(connection, params, filter).catch(async (error: unknown) => {
      // Somebody may have dropped the tables, or made them of another version: that is the better answer.
      await metaOf(connection);
      throw error;
    });
    if (!meta.complete && !mayBePartial && !isUpdating()) throw incomplete(meta);
    const hits = chunks.map((found) => hitOf(found, params.context ?? DEFAULT_CONTEXT));
    const { root, generation } = meta;
    const ms = Math.round((performance.now() - began) * 100) / 100;
    return { query: params.query, root, generation, pending: pending(), ms, hits };
  };
}

/**
 * One statement sees one commit, and its rows say of which generation. Where a second one has to follow, for the
 * terms' shares, or for the generation where there are no rows, a transaction holds them together: it costs two
 * more waits behind everything that runs meanwhile.
 */
async function foundIn(
  connection: Connection,
  params: SearchParams,
  filter: Filter,
): Promise<Ranked<Found> & { readonly meta: Meta }> {
  if (!params.explain) {
    const { meta, chunks } = await chunksFor(connection, params, filter);
    if (meta) return { meta, chunks };
  }
  return connection.snapshot(async () => ({
    ...(await chunksFor(connection, params, filter)),
    meta: await metaOf(connection),
  }));
}

/** @throws PondError NOT_FOUND without an index, CORRUPT for one of another version */
async function metaOf(connection: Connection): Promise<Meta> {
  const meta = await readMeta(connection);
  if (meta) return meta;
  throw new PondError('NOT_FOUND', 'this database holds no index', { hint: 'run onepond index' });
}

/** An update was interrupted, or has looked at some paths only: nobody adds what is missing. */
const incomplete = ({ root }: Meta): PondError =>
  new PondError(
    'NOT_FOUND',
    `the index of ${root} is not complete yet: no update of the whole tree has ended`,
    {
      hint: 'run onepond index: it goes on where an interrupted one stopped',
    },
  );

function check(params: SearchParams): void {
  if (params.query.trim() === '') throw new PondError('INVALID', 'the query is empty');
  modeOf(params);
}

function chunksFor(connection: Connection, params: SearchParams, filter: Filter): Promise<Ranked<Found>> {
  const mode = modeOf(params);
  return mode === 'ranked'
    ? rankedChunks(connection, params, filter)
    : scanChunks(connection, params.query, mode, filter, params.limit ?? DEFAULT_LIMIT);
}

async function rankedChunks(
  connection: Connection,
  params: SearchParams,
  filter: Filter,
): Promise<Ranked<Found>> {
  const terms = queryTerms(params.query);
  // Punctuation alone is found by `literal`; there is no word in it to rank by.
  if (terms.length === 0) return { meta: null, chunks: [] };
  const limit = params.limit ?? DEFAULT_LIMIT;
  // The pool does not depend on the limit, so that a larger limit only adds hits at the end.
  const { meta, chunks: candidates } = await bestChunks(connection, terms, filter, Math.max(limit, POOL));
  const best = rerank(candidates, terms).slice(0, limit);
  const chosen = best.map(({ chunk }) => chunk);
  const explained =
    params.explain && chosen.length > 0 ? await explainChunks(connection, terms, chosen) : undefined;
  const chunks = best.map((candidate) => ({
    candidate,
    matches: matchingLines(candidate.text, terms),
    ...(explained ? { explain: [...(explained.get(candidate.chunk) ?? []), ...candidate.rules] } : {}),
  }));
  return { meta, chunks };
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
