import { hashTerm } from './term-hash.ts';
import { termsOf, wordsOf } from './tokens.ts';

/** Further terms of a query are left out: what somebody pastes in is found by its first words. */
const MAX_TERMS = 32;

/** Words that carry a sentence and no meaning. None of them is a name in code that one would look for alone. */
const FILLER = new Set(
  `a an the of to in on at by for from with without into and or is are be been was were it its this that these
   those how what where which who when why does do did can could should would there i we you my our`
    .split(/\s+/)
    .filter(Boolean),
);

export interface QueryTerm {
  readonly term: string;
  readonly hash: number;
}

/** The distinct terms of a query, in their order; without filler words where something else is left. */
export function queryTerms(query: string): QueryTerm[] {
  const words = wordsOf(query);
  const telling = words.filter((word) => !FILLER.has(word.toLowerCase()));
  const used = telling.length > 0 ? telling : words;
  const terms = [...new Set(used.flatMap((word) => termsOf(word, 'query')))];
  return terms.slice(0, MAX_TERMS).map((term) => ({ term, hash: hashTerm(term) }));
}
