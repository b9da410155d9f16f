import { describe, expect, test } from 'vitest';
import { queryTerms } from '../../../src/search/query-terms.ts';
import { hashTerm } from '../../../src/search/term-hash.ts';
import { termsOf, wordsOf } from '../../../src/search/tokens.ts';

const index = (text: string) => wordsOf(text).flatMap((word) => termsOf(word, 'index'));

describe('tokens', () => {
  test('an identifier gives its parts and the whole of it', () => {
    expect(index('parseHTTPResponse2')).toEqual(['pars', 'http', 'respons', '2', 'parsehttpresponse2']);
  });

  test('camelCase and snake_case of the same words are one term', () => {
    expect(index('parse_http').at(-1)).toBe(index('parseHttp').at(-1));
  });

  test('inflected words share their stem', () => {
    expect(index('connecting connections connected')).toEqual(['connect', 'connect', 'connect']);
  });

  test('digits stay', () => {
    expect(index('utf8 sha256')).toEqual(['utf', '8', 'utf8', 'sha', '256', 'sha256']);
  });

  test('text without spaces between words is found by pairs of characters', () => {
    const query = termsOf('検索', 'query');
    expect(query).toEqual(['検索']);
    expect(index('全文検索する')).toEqual(expect.arrayContaining(query));
    expect(index('全文検索する')).toEqual(expect.arrayContaining(termsOf('索', 'query')));
  });

  test('accents do not matter, and other alphabets are words', () => {
    expect(index('café Größe Привет')).toEqual(['cafe', 'große', 'привет']);
  });

  test('encoded data is no word', () => {
    expect(index('A'.repeat(101))).toEqual([]);
  });

  test('punctuation is no word', () => {
    expect(index('() => { ; }')).toEqual([]);
  });
});

describe('the terms of a query', () => {
  const terms = (query: string) => queryTerms(query).map(({ term }) => term);

  test('filler words are left out beside others', () => {
    expect(terms('how is the lock released')).toEqual(['lock', 'releas']);
  });

  test('a query of filler words alone is looked for as it stands', () => {
    expect(terms('where')).toEqual(['where']);
  });

  test('a term counts once', () => {
    expect(terms('lock Lock locks')).toEqual(['lock']);
  });

  test('the 32 first terms of a long query count', () => {
    expect(terms(Array.from({ length: 50 }, (_, i) => `${i + 100}`).join(' '))).toHaveLength(32);
  });
});

test('the hash of a term is a safe integer and differs from term to term', () => {
  const hashes = Array.from({ length: 10_000 }, (_, i) => hashTerm(`term${i}`));
  expect(hashes.every((hash) => Number.isSafeInteger(hash) && hash >= 0)).toBe(true);
  expect(new Set(hashes).size).toBe(hashes.length);
});
