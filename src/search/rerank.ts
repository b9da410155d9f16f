import type { QueryTerm } from './query-terms.ts';
import type { Candidate } from './rank.ts';
import { termsOf, wordsOf } from './tokens.ts';

/** Candidates that the rules look at, whatever the limit. Those after them keep the order that BM25 gave. */
export const POOL = 50;

/** What a chunk gains whose definition is named in words of the query alone; in part where they are some of its words. */
const SYMBOL_GAIN = 0.25;
/** A test speaks of a thing in the words of the thing itself, and more often. */
const TEST_LOSS = 0.2;
const TEST_PATH = /(?:^|\/)(?:tests?|__tests__|specs?)\/|[._-](?:test|spec)\.\w+$|(?:^|\/)test_[^/]*$/;

export interface Reranked extends Candidate {
  /** What the rules added to the score of BM25, by rule. */
  readonly rules: readonly { readonly term: string; readonly score: number }[];
}

/** Applies the rules to the pool: few, the same for every language, each of them visible in `explain`. */
export function rerank(candidates: readonly Candidate[], terms: readonly QueryTerm[]): Reranked[] {
  const wanted = new Set(terms.map(({ term }) => term));
  const pool = candidates.slice(0, POOL).map((candidate) => applyRules(candidate, wanted));
  pool.sort((a, b) => b.score - a.score || byPlace(a, b));
  return [...pool, ...candidates.slice(POOL).map((candidate) => ({ ...candidate, rules: [] }))];
}

function applyRules(candidate: Candidate, wanted: ReadonlySet<string>): Reranked {
  const { score, symbol, lang, path } = candidate;
  const rules: { term: string; score: number }[] = [];
  // A heading is no definition: its words already count as text.
  const named = lang === 'markdown' ? 0 : coverage(symbol ?? '', wanted);
  if (named > 0) rules.push({ term: '(symbol)', score: score * SYMBOL_GAIN * named });
  if (TEST_PATH.test(path)) rules.push({ term: '(test)', score: -score * TEST_LOSS });
  return { ...candidate, score: rules.reduce((sum, rule) => sum + rule.score, score), rules };
}

/** The share of a name's terms that the query has. */
function coverage(name: string, wanted: ReadonlySet<string>): number {
  const terms = new Set(wordsOf(name).flatMap((word) => termsOf(word, 'query')));
  const hits = [...terms].filter((term) => wanted.has(term)).length;
  return terms.size === 0 ? 0 : hits / terms.size;
}

function byPlace(a: Candidate, b: Candidate): number {
  if (a.path !== b.path) return a.path < b.path ? -1 : 1;
  return a.startLine - b.startLine;
}
