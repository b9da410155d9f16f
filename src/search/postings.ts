import type { Analysis } from './analyze.ts';
import type { Chunk } from './chunks.ts';
import { hashTerm } from './term-hash.ts';
import { termsOf, wordsOf } from './tokens.ts';

/** What one occurrence adds to a term's frequency, by where it stands. */
const WEIGHT = { text: 1, path: 2, name: 2 } as const;

/** Identifiers repeat: most words are split, stemmed and hashed once. Emptied when full, to bound the memory. */
const CACHE_WORDS = 200_000;
const cache = new Map<string, readonly number[]>();

/** Grows the columns of the postings table, chunk by chunk. */
export class PostingsBuilder {
  readonly #term: number[] = [];
  readonly #chunk: number[] = [];
  readonly #frequency: number[] = [];
  readonly #length: number[] = [];

  /** Adds all terms of a chunk and returns its length in terms. */
  add(index: number, chunk: Chunk, path: string): number {
    const frequencies = new Map<number, number>();
    const length = count(chunk.text, WEIGHT.text, frequencies);
    count(path, WEIGHT.path, frequencies);
    for (const name of chunk.names) count(name, WEIGHT.name, frequencies);
    for (const [term, frequency] of frequencies) {
      this.#term.push(term);
      this.#chunk.push(index);
      this.#frequency.push(frequency);
      this.#length.push(length);
    }
    return length;
  }

  build(): Analysis['postings'] {
    return {
      term: Float64Array.from(this.#term),
      chunk: Int32Array.from(this.#chunk),
      frequency: Int32Array.from(this.#frequency),
      length: Int32Array.from(this.#length),
    };
  }
}

function count(text: string, weight: number, into: Map<number, number>): number {
  let terms = 0;
  for (const word of wordsOf(text)) {
    const hashes = hashesOf(word);
    terms += hashes.length;
    for (const hash of hashes) into.set(hash, (into.get(hash) ?? 0) + weight);
  }
  return terms;
}

function hashesOf(word: string): readonly number[] {
  const known = cache.get(word);
  if (known) return known;
  const hashes = termsOf(word, 'index').map(hashTerm);
  if (cache.size >= CACHE_WORDS) cache.clear();
  cache.set(word, hashes);
  return hashes;
}
