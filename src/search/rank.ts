import type { Connection, JsValue } from '../engine/connection.ts';
import type { Filter } from './filter.ts';
import type { QueryTerm } from './query-terms.ts';
import { META, type Meta, metaIn } from './schema.ts';
import { STAMP, type Stamp, stampOf } from './stamp.ts';

/** BM25: how soon a repeated term stops to add, and how much a long chunk has to prove. */
const K1 = 1.2;
const B = 0.75;
/**
 * A term's share is rounded to whole millionths before the shares are summed: sums of integers do not depend
 * on the order in which DuckDB's threads come to them, sums of doubles do.
 */
const UNIT = 1_000_000;

export interface Candidate {
  readonly chunk: number;
  readonly score: number;
  readonly path: string;
  readonly lang: string;
  readonly startLine: number;
  readonly endLine: number;
  readonly symbol: string | null;
  readonly text: string;
  /** Of the file as it was read: in the same statement, so that it is of the same commit as the text. */
  readonly stamp: Stamp;
}

/** Chunks, and the index as it stood when they were looked for; null where nothing was found. */
export interface Ranked<T> {
  readonly meta: Meta | null;
  readonly chunks: readonly T[];
}

/** The best `limit` chunks, best first; equal scores by path and line, so the order is the same for everyone. */
export async function bestChunks(
  connection: Connection,
  terms: readonly QueryTerm[],
  filter: Filter,
  limit: number,
): Promise<Ranked<Candidate>> {
  const inFilter = `
    WHERE chunk IN (SELECT chunk FROM chunks WHERE ${filter.where})`;
  const sql = `
    WITH ${sharesOf(terms)},
    scored AS (
      SELECT chunk, sum(share) AS score FROM shares ${filter.where === '' ? '' : inFilter} GROUP BY chunk),
    -- All that tie with the last: path and line choose among them.
    best AS (
      SELECT * FROM scored
      WHERE score >= (SELECT min(score) FROM (SELECT score FROM scored ORDER BY score DESC LIMIT ${limit})))
    SELECT chunk, best.score / ${UNIT} AS score, chunks.path, chunks.lang, start_line, end_line, symbol, text,
      ${STAMP}, ${META}
    FROM best JOIN chunks USING (chunk) JOIN files USING (file)
    ORDER BY best.score DESC, chunks.path, start_line LIMIT ${limit}`;
  const rows = await connection.all(sql, filter.params);
  return { meta: metaIn(rows), chunks: rows.map(candidateOf) };
}

/** What each term gives each chunk. One branch per term: `term = …` is what zone maps prune by. */
function sharesOf(terms: readonly QueryTerm[]): string {
  const branches = terms.map(
    ({ hash }, i) => `SELECT ${i} AS i, chunk, frequency AS f, length FROM postings WHERE term = ${hash}`,
  );
  return `
    matches AS MATERIALIZED (${branches.join(' UNION ALL ')}),
    corpus AS (SELECT count(*) AS chunks, greatest(avg(length), 1) AS length FROM chunks),
    weights AS (
      SELECT i, ln(1 + (any_value(corpus.chunks) - count(*) + 0.5) / (count(*) + 0.5)) AS weight,
        any_value(corpus.length) AS average
      FROM matches, corpus GROUP BY i),
    shares AS (
      SELECT i, chunk, CAST(${UNIT} * weight * f * ${K1 + 1} / (f + ${K1} * (${1 - B} + ${B} * length / average)) AS BIGINT) AS share
      FROM matches JOIN weights USING (i))`;
}

/** Each term's share in the score of each of these chunks. */
export async function explainChunks(
  connection: Connection,
  terms: readonly QueryTerm[],
  chunks: readonly number[],
): Promise<Map<number, { term: string; score: number }[]>> {
  const rows = await connection.all(`
    WITH ${sharesOf(terms)}
    SELECT chunk, i, share / ${UNIT} AS score FROM shares WHERE chunk IN (${chunks.join(', ')}) ORDER BY chunk, i`);
  const explained = new Map<number, { term: string; score: number }[]>(chunks.map((chunk) => [chunk, []]));
  for (const row of rows) {
    const term = terms[Number(row.i)]?.term ?? '';
    explained.get(Number(row.chunk))?.push({ term, score: Number(row.score) });
  }
  return explained;
}

export function candidateOf(row: Readonly<Record<string, JsValue>>): Candidate {
  return {
    chunk: Number(row.chunk),
    score: Number(row.score),
    path: String(row.path),
    lang: String(row.lang),
    startLine: Number(row.start_line),
    endLine: Number(row.end_line),
    symbol: row.symbol === null ? null : String(row.symbol),
    text: String(row.text),
    stamp: stampOf(row),
  };
}
