import type { Connection } from '../engine/connection.ts';
import { PondError } from '../errors.ts';
import type { SearchParams } from '../protocol.ts';
import type { SearchHit, SearchResult } from '../shapes.ts';
import { definitionsIn } from './definitions.ts';
import { type Filter, filterOf } from './filter.ts';
import { familyOf } from './languages.ts';
import { matchingLines } from './match-lines.ts';
import { modeOf } from './mode.ts';
import { needsRoot } from './path-filter.ts';
import { queryTerms } from './query-terms.ts';
import { bestChunks, type Candidate, explainChunks, type Ranked } from './rank.ts';
import { POOL, rerank } from './rerank.ts';
import { type FoundChunk, scanChunks } from './scan.ts';
import { isMissingTable, type Meta, readMeta } from './schema.ts';
import { snippetOf } from './snippet.ts';
import type { Stamp } from './stamp.ts';
import type { WholeUpdate } from './update-queue.ts';

const DEFAULT_LIMIT = 10;
const DEFAULT_CONTEXT = 2;

/** What a search found, and what the index knows of the files that its hits are in, by path. */
export interface Found {
  readonly result: Omit<SearchResult, 'watching' | 'checked_at'>;
  readonly stamps: ReadonlyMap<string, Stamp>;
}

export type Search = (connection: Connection, params: SearchParams) => Promise<Found>;

/** What is under way with the index beside its searches. */
export interface Activity {
  /** Files known to have changed and not yet indexed. */
  readonly pending: () => number;
  readonly wholeUpdates: () => readonly WholeUpdate[];
}

/** Searches of one index. Every answer is of the index as it stands at one moment: all of it is of one commit. */
export function createSearch({ pending, wholeUpdates }: Activity): Search {
  return async (connection, params) => {
    const began = performance.now();
    check(params);
    // Asked before the statement: an update that ends meanwhile may have completed the index after its moment.
    const underWay = wholeUpdates();
    const filter = filterOf(params, await rootFor(connection, params));
    const { meta, chunks } = await foundIn(connection, params, filter);
    const first = meta?.complete
      ? undefined
      : [...underWay, ...wholeUpdates()].find((update) => meta === null || update.root === meta.root);
    if (!meta?.complete && !first) throw meta ? incomplete(meta) : noIndex();
    const left = first ? Math.max(1, first.total - first.files) : 0;
    const result = {
      query: params.query,
      root: meta?.root ?? first?.root ?? '',
      generation: meta?.generation ?? 0,
      pending: Math.max(pending(), left),
      ...(first && { indexing: { files: first.files, total: first.total } }),
      ms: Math.round((performance.now() - began) * 100) / 100,
      hits: chunks.map((chunk) => hitOf(chunk, params.context ?? DEFAULT_CONTEXT)),
    };
    return { result, stamps: new Map(chunks.map(({ candidate }) => [candidate.path, candidate.stamp])) };
  };
}

async function rootFor(connection: Connection, { path = [] }: SearchParams): Promise<string | null> {
  return needsRoot(path) ? ((await readMeta(connection))?.root ?? null) : null;
}

interface Page {
  /** Null where the database holds no index. */
  readonly meta: Meta | null;
  readonly chunks: readonly FoundChunk[];
}

/** The tables may be dropped, or made, or be of another version: that is a better answer than DuckDB's word. */
async function foundIn(connection: Connection, params: SearchParams, filter: Filter): Promise<Page> {
  try {
    return await pageOf(connection, params, filter);
  } catch (error) {
    if ((await readMeta(connection)) === null) return { meta: null, chunks: [] };
    if (isBadPattern(error)) throw badGlobs(error);
    if (!isMissingTable(error)) throw error;
    // The first update has made them in between.
    return pageOf(connection, params, filter);
  }
}

/**
 * One statement sees one commit, and its rows say of which generation. Where a second one has to follow, for the
 * terms' shares, or for the generation where there are no rows, a transaction holds them together: it costs two
 * more waits behind everything that runs meanwhile.
 */
async function pageOf(connection: Connection, params: SearchParams, filter: Filter): Promise<Page> {
  if (!params.explain) {
    const { meta, chunks } = await chunksFor(connection, params, filter);
    if (meta) return { meta, chunks };
  }
  return connection.snapshot(async () => ({
    ...(await chunksFor(connection, params, filter)),
    meta: await readMeta(connection),
  }));
}

/** A query that is a pattern is {@link scanChunks}'s affair: what RE2 complains of here are the globs. */
const isBadPattern = (error: unknown): error is PondError =>
  error instanceof PondError && error.code === 'SQL' && error.data?.kind === 'Invalid Input';

const badGlobs = (error: PondError): PondError =>
  new PondError('INVALID', `the globs are too many or too long together: ${error.message}`, {
    hint: 'name folders instead of files',
    cause: error,
  });

const noIndex = (): PondError =>
  new PondError('NOT_FOUND', 'this database holds no index', { hint: 'run onepond index' });

/** An update was interrupted, or has looked at some paths only: nobody adds what is missing. */
const incomplete = ({ root }: Meta): PondError =>
  new PondError(
    'NOT_FOUND',
    `the index of ${root} is not complete yet: no update of the whole tree has ended`,
    {
      hint: 'run onepond index: it goes on where an interrupted one stopped',
      data: { root },
    },
  );

function check(params: SearchParams): void {
  if (params.query.trim() === '') throw new PondError('INVALID', 'the query is empty');
  modeOf(params);
}

function chunksFor(
  connection: Connection,
  params: SearchParams,
  filter: Filter,
): Promise<Ranked<FoundChunk>> {
  const mode = modeOf(params);
  return mode === 'ranked'
    ? rankedChunks(connection, params, filter)
    : scanChunks(connection, params.query, mode, filter, params.limit ?? DEFAULT_LIMIT);
}

async function rankedChunks(
  connection: Connection,
  params: SearchParams,
  filter: Filter,
): Promise<Ranked<FoundChunk>> {
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

function hitOf({ candidate, matches, explain }: FoundChunk, context: number): SearchHit {
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
