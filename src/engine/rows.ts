import {
  type DuckDBDataChunk,
  DuckDBMaterializedResult,
  type DuckDBResult,
  JSDuckDBValueConverter,
  JsonDuckDBValueConverter,
} from '@duckdb/node-api';
import { PondError } from '../errors.ts';
import { MAX_MESSAGE_BYTES, type WireForm } from '../protocol.ts';
import { encode, isScalar } from '../values.ts';
import { fromDuckDB } from './errors.ts';
import { textOf } from './text-form.ts';

export type WireRow = readonly unknown[];

/** Each form by the driver's own conversion, so that a row is exactly what an in-process program would get. */
const CONVERT: Readonly<Record<WireForm, (chunk: DuckDBDataChunk) => unknown[][]>> = {
  js: (chunk) => chunk.convertRows(JSDuckDBValueConverter),
  duckdb: (chunk) => chunk.getRows(),
  json: (chunk) => chunk.convertRows(JsonDuckDBValueConverter),
  text: (chunk) => chunk.convertRows(textOf),
};

/** The rows of one chunk in wire form. The json and text forms are JSON already. */
export function wireRows(chunk: DuckDBDataChunk, form: WireForm): WireRow[] {
  try {
    const rows = CONVERT[form](chunk);
    return form === 'json' || form === 'text' ? rows : rows.map((row) => row.map(encode));
  } catch (error) {
    // The driver's JS form refuses what a Date cannot hold, as it would in-process.
    throw fromDuckDB(error);
  }
}

/** The columns' types as SQL names them. */
export const typesOf = (result: DuckDBResult): string[] => result.columnTypes().map(String);

export interface RowLimits {
  readonly maxRows?: number | undefined;
}

/**
 * All rows of a result in wire form, converted chunk by chunk so that one over the limit is given up early.
 * @throws PondError TOO_LARGE
 */
export function collectRows(result: DuckDBResult, form: WireForm, { maxRows }: RowLimits): WireRow[] {
  const all: WireRow[] = [];
  let size = 0;
  for (const chunk of chunksOf(result)) {
    if (maxRows !== undefined && all.length + chunk.rowCount > maxRows) {
      throw new PondError('TOO_LARGE', `the result has more than ${maxRows} rows`, {
        hint: 'raise maxRows, or use stream()',
      });
    }
    const rows = wireRows(chunk, form);
    for (const row of rows) size += sizeOf(row);
    if (size > MAX_MESSAGE_BYTES) throw tooLarge();
    for (const row of rows) all.push(row);
  }
  return all;
}

/** What an answer has beside its names and rows, in bytes, at most. */
const ENVELOPE_BYTES = 1024;

/**
 * The rows of a change whose answer could not be sent must not be committed, so their size is counted exactly as the
 * transport will: src/transport/framing.ts.
 * @throws PondError TOO_LARGE
 */
export function checkSize(names: readonly string[], rows: readonly WireRow[]): void {
  // Row by row: one text of all could be longer than a string can be.
  let size = ENVELOPE_BYTES + Buffer.byteLength(JSON.stringify(names));
  for (const row of rows) {
    size += Buffer.byteLength(JSON.stringify(row)) + 1;
    if (size > MAX_MESSAGE_BYTES) throw tooLarge();
  }
}

const tooLarge = (): PondError =>
  new PondError('TOO_LARGE', `the result is over ${MAX_MESSAGE_BYTES} bytes`, { hint: 'use stream()' });

/** The chunks of a materialized result are there already: no step through another thread for each. */
function* chunksOf(result: DuckDBResult): Generator<DuckDBDataChunk> {
  // A streaming one does not tell its end from an error: engine/cursor.ts.
  if (!(result instanceof DuckDBMaterializedResult)) throw new Error('the result is not materialized');
  for (let i = 0; i < result.chunkCount; i++) yield result.getChunk(i);
}

/** A lower bound of a row's JSON in bytes: cheap, and close enough to stop before memory runs out. */
export function sizeOf(row: WireRow): number {
  let size = 2;
  for (const value of row)
    size += typeof value === 'string' ? value.length + 3 : isScalar(value) ? 2 : nestedSize(value);
  return size;
}

function nestedSize(value: unknown): number {
  if (typeof value === 'string') return value.length + 3;
  if (typeof value !== 'object' || value === null) return 2;
  return Object.values(value).reduce((sum: number, item) => sum + nestedSize(item), 2);
}
