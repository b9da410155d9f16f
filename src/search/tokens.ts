import { stemmer } from 'stemmer';

/** ASCII identifiers, and whatever is not ASCII: the second is looked at more closely in `foreignTerms`. */
const WORD = /[A-Za-z0-9_$\u0080-\uffff]+/g;
const ASCII_PARTS = /[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+/g;
const ANY_PARTS = /\p{Lu}+(?!\p{Ll})|\p{Lu}?[\p{Ll}\p{Lo}\p{Lm}]+|\p{N}+/gu;
const NOT_ASCII = /[^\0-\x7f]/;
const CJK = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}]+/gu;

/** Longer words are keys, hashes and encoded data: nobody searches for them as words, `literal` finds them. */
const MAX_WORD = 100;

export type TermUse = 'index' | 'query';

/** The words of a text in their order, as written. */
export function wordsOf(text: string): string[] {
  return text.match(WORD) ?? [];
}

/**
 * The terms of one word: its parts (`parseHTTPResponse2` gives parse, http, response, 2), stemmed, and where
 * it has several, the whole of it without underscores, so that `parse_http` and `parseHttp` are one term.
 * In scripts without spaces a run of characters gives its bigrams; the index also holds the single characters,
 * for the query that is one character long.
 */
export function termsOf(word: string, use: TermUse): string[] {
  if (word.length > MAX_WORD) return [];
  return NOT_ASCII.test(word) ? foreignTerms(word, use) : identifierTerms(word, ASCII_PARTS);
}

function identifierTerms(word: string, pattern: RegExp): string[] {
  const parts = (word.match(pattern) ?? []).map((part) => part.toLowerCase());
  const terms = parts.map(stem);
  if (parts.length > 1) terms.push(parts.join(''));
  return terms;
}

/** The stemmer knows English: other scripts, numbers and short words pass as they are. */
function stem(part: string): string {
  return part.length > 2 && /^[a-z]+$/.test(part) ? stemmer(part) : part;
}

function foreignTerms(word: string, use: TermUse): string[] {
  const terms: string[] = [];
  const composed = word.normalize('NFKC');
  for (const run of composed.match(CJK) ?? []) terms.push(...runTerms([...run], use));
  // Accents are dropped: who types `cafe` means `café`.
  for (const rest of composed
    .replace(CJK, ' ')
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .split(/[^\p{L}\p{N}_$]+/u))
    if (rest !== '') terms.push(...identifierTerms(rest, ANY_PARTS));
  return terms;
}

function runTerms(characters: readonly string[], use: TermUse): string[] {
  const pairs = characters.slice(1).map((character, i) => `${characters[i]}${character}`);
  return use === 'index' || pairs.length === 0 ? [...characters, ...pairs] : pairs;
}
