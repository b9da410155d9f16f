import type { Connection, JsRow } from '../engine/connection.ts';
import { PondError } from '../errors.ts';

/** Grows when tables, tokens or chunks change so that old rows would give other hits than new ones. */
export const SCHEMA_VERSION = 2;

/**
 * No keys, no indexes, no upserts: on a killed writer they have left WALs that DuckDB could not read again.
 * `files.skipped` names why a file has no chunks: it is kept so that its content is not looked at again.
 * A posting holds all that its share of a score needs, so that scoring joins nothing, and a chunk its path and
 * language, so that a hit is one row: neither is ever changed without writing the row anew.
 */
const tables = (schema: string): string => `
  CREATE TABLE ${schema}.index_meta (key VARCHAR, value VARCHAR);
  CREATE TABLE ${schema}.files (
    file INTEGER, path VARCHAR, lang VARCHAR, size BIGINT, mtime_ns BIGINT, ctime_ns BIGINT, inode BIGINT,
    hash VARCHAR, skipped VARCHAR);
  CREATE TABLE ${schema}.chunks (
    chunk INTEGER, file INTEGER, path VARCHAR, lang VARCHAR, start_line INTEGER, end_line INTEGER, symbol VARCHAR, text VARCHAR, length INTEGER);
  CREATE TABLE ${schema}.postings (term BIGINT, chunk INTEGER, frequency INTEGER, length INTEGER);
`;

export interface Meta {
  readonly root: string;
  /** Grows with every committed change of the index's content. */
  readonly generation: number;
  readonly updatedAt: string;
  /** Postings that the last sort has put in order; those after them are in the order they came. */
  readonly sorted: number;
  /** An update of the whole tree has ended: before that, what is missing would look as if it were not there. */
  readonly complete: boolean;
}

/**
 * All of `index_meta` as a column of a statement: read so, it is of the same commit as the statement's rows.
 * One value, and no map: DuckDB and its driver take 0.3 ms for it. A root holds no NUL.
 */
export const META = `(SELECT string_agg(key || '=' || value, chr(0)) FROM index_meta) AS meta`;

/** Null where the database holds no index. @throws PondError CORRUPT for one of another version. */
export async function readMeta(connection: Connection): Promise<Meta | null> {
  return metaIn((await connection.all(`SELECT ${META}`).catch(noTable)) ?? []);
}

/** What a statement with the column {@link META} says; null where it has no rows. @throws like {@link readMeta} */
export function metaIn([row]: readonly JsRow[]): Meta | null {
  if (typeof row?.meta !== 'string') return null;
  const value = new Map(row.meta.split('\0').map(keyAndValue));
  if (value.get('version') !== String(SCHEMA_VERSION)) {
    throw new PondError('CORRUPT', `the index has version ${value.get('version')}, not ${SCHEMA_VERSION}`, {
      hint: 'it was made by another release of onepond: use that one, or delete the index and make it again',
    });
  }
  return {
    root: value.get('root') ?? '',
    generation: Number(value.get('generation')),
    updatedAt: value.get('updated_at') ?? '',
    sorted: Number(value.get('sorted')),
    complete: value.has('complete'),
  };
}

function keyAndValue(text: string): [string, string] {
  const at = text.indexOf('=');
  return [text.slice(0, at), text.slice(at + 1)];
}

function noTable(error: unknown): null {
  if (isMissingTable(error)) return null;
  throw error;
}

export function isMissingTable(error: unknown): boolean {
  return error instanceof PondError && error.code === 'SQL' && error.data?.kind === 'Catalog';
}

export function createTables(connection: Connection, root: string): Promise<void> {
  return connection.transaction(async () => {
    await connection.run(tables(connection.schema));
    const meta = {
      version: SCHEMA_VERSION,
      root,
      generation: 0,
      updated_at: new Date().toISOString(),
      sorted: 0,
    };
    await connection.append('index_meta', [Object.keys(meta), Object.values(meta).map(String)]);
  });
}

export async function markComplete(connection: Connection): Promise<void> {
  await connection.append('index_meta', [['complete'], ['1']]);
}

/** Inside the transaction that changes the rows. The answer is the new generation. */
export async function bumpGeneration(connection: Connection): Promise<number> {
  await connection.run(`
    UPDATE index_meta SET value = CASE key
      WHEN 'generation' THEN (value::BIGINT + 1)::VARCHAR
      ELSE strftime(now() AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%gZ') END
    WHERE key IN ('generation', 'updated_at')`);
  const meta = await readMeta(connection);
  return meta?.generation ?? 0;
}

/** Counts and sums come as BIGINT, HUGEINT or null. */
export function numberAt(row: JsRow | undefined, column: string): number {
  return Number(row?.[column] ?? 0);
}
