import type { Connection } from '../engine/connection.ts';
import { type Chunk, chunksOf } from './chunks.ts';
import { PostingsBuilder } from './postings.ts';
import { POOL } from './rerank.ts';
import { createTables } from './schema.ts';
import { type Activity, createSearch } from './search.ts';

/** Beside the made-up index nothing goes on; it was never completed. */
const NOTHING_ELSE: Activity = { pending: () => 0, wholeUpdates: () => [{ root: '/', files: 0, total: 0 }] };

/** Of one, two and three terms: as many branches of the statement. */
const QUERIES = ['parse', 'read config', 'close file handle', 'parse config line', 'handle'];

/**
 * Searches a made-up index in a database of its own, so that the first search of a new owner meets code that is
 * compiled and pages that are loaded: both are this process's alone. Ends between two statements once the signal
 * fires.
 */
export async function rehearse(connection: Connection, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await createTables(connection, '/');
  await fill(connection);
  const search = createSearch(NOTHING_ELSE);
  for (const query of QUERIES) {
    if (signal.aborted) return;
    await search(connection, { query });
  }
}

/** As many chunks as a search looks at, in terms that all of them have. */
async function fill(connection: Connection): Promise<void> {
  const postings = new PostingsBuilder();
  const chunks = Array.from({ length: POOL }, (_, i) => chunksOf(textOf(i), 'typescript')[0]).filter(
    (chunk): chunk is Chunk => chunk !== undefined,
  );
  const lengths = chunks.map((chunk, i) => postings.add(i, chunk, pathOf(i)));
  await connection.append('chunks', [
    chunks.map((_, i) => i),
    chunks.map((_, i) => i),
    chunks.map((_, i) => pathOf(i)),
    chunks.map(() => 'typescript'),
    chunks.map(({ startLine }) => startLine),
    chunks.map(({ endLine }) => endLine),
    chunks.map(({ symbol }) => symbol),
    chunks.map(({ text }) => text),
    lengths,
  ]);
  await connection.append('files', [
    chunks.map((_, i) => i),
    chunks.map((_, i) => pathOf(i)),
    chunks.map(() => 'typescript'),
    ...Array.from({ length: 4 }, () => chunks.map(() => 0)),
    chunks.map(() => ''),
    chunks.map(() => null),
  ]);
  const { term, chunk, frequency, length } = postings.build();
  await connection.append('postings', [term, chunk, frequency, length]);
}

const pathOf = (i: number): string => `source/file-${i}.ts`;

const textOf = (i: number): string =>
  Array.from(
    { length: 40 },
    (_, line) =>
      `export const parseLine${line} = (file) => readConfig${i}(file.handle, ${line}); // then close it`,
  ).join('\n');
