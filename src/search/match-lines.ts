import type { QueryTerm } from './query-terms.ts';
import { termsOf, wordsOf } from './tokens.ts';

/** Words looked at before: most words of a hit are those of the last one. Emptied when full. */
const known = new Map<string, readonly string[]>();
const KNOWN_WORDS = 20_000;

/** Positions of the lines that hold a term of the query, ascending. */
export function matchingLines(text: string, terms: readonly QueryTerm[]): number[] {
  const wanted = new Set(terms.map(({ term }) => term));
  const matches: number[] = [];
  text.split('\n').forEach((line, i) => {
    if (wordsOf(line).some((word) => knownTerms(word).some((term) => wanted.has(term)))) matches.push(i);
  });
  return matches;
}

function knownTerms(word: string): readonly string[] {
  let terms = known.get(word);
  if (terms) return terms;
  if (known.size >= KNOWN_WORDS) known.clear();
  terms = termsOf(word, 'index');
  known.set(word, terms);
  return terms;
}
