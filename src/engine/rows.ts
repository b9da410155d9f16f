import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type DuckDBDataChunk,
  DuckDBMaterializedResult,
  type DuckDBResult,
  JSDuckDBValueConverter,
  JsonDuckDBValueConverter,
} from '@duckdb/node-api';
import { PondError } from '../errors.ts';
import { MAX_MESSAGE_BYTES, type WireForm } from '../protocol.ts';
import { type Rows, TextRows } from '../text-rows.ts';
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

/** Rows of a result that are kept as they are; more of them become text. */
const FEW = 16_384;
/** How long the conversion may keep the loop before the others get a turn, in ms. */
const SLICE_MS = 2;
/** What an answer has beside its names and rows, in bytes, at most. */
const ENVELOPE_BYTES = 1024;

/**
 * All rows of a result in wire form. They are converted chunk by chunk, with the loop given back in between, so that
 * a large result holds nobody up, and one over the limit is given up early. The limit is the transport's, counted
 * exactly: the rows of a change whose answer could not be sent must not be committed.
 * @throws PondError TOO_LARGE; ABORTED where the signal fires
 */
export async function collectRows(
  result: DuckDBResult,
  form: WireForm,
  { maxRows }: RowLimits,
  signal: AbortSignal,
): Promise<Rows> {
  const rowCount = materialized(result).rowCount;
  if (maxRows !== undefined && rowCount > maxRows)
    throw new PondError('TOO_LARGE', `the result has more than ${maxRows} rows`, {
      hint: 'raise maxRows, or use stream()',
    });
  const limit = MAX_MESSAGE_BYTES - ENVELOPE_BYTES - sizeOfNames(result);
  const few: WireRow[] = [];
  const many = rowCount > FEW ? new TextRows() : undefined;
  let size = 0;
  for await (const rows of converted(result, form, signal)) {
    if (many) many.add(rows);
    else few.push(...rows);
    size = many ? many.bytes : size + rows.reduce((sum, row) => sum + sizeOf(row), 0);
    // A small one is not counted twice: a character takes six bytes at most.
    if (many ? size > limit : size > limit / 6 && exactSize(few) > limit) throw tooLarge();
  }
  return many ?? few;
}

/** The rows of one chunk after the other. @throws PondError ABORTED */
async function* converted(
  result: DuckDBResult,
  form: WireForm,
  signal: AbortSignal,
): AsyncGenerator<WireRow[]> {
  let sliceEnd = performance.now() + SLICE_MS;
  for (const chunk of chunksOf(result)) {
    yield wireRows(chunk, form);
    if (performance.now() < sliceEnd) continue;
    await nextTurn();
    if (signal.aborted) throw new PondError('ABORTED', 'the call was aborted');
    sliceEnd = performance.now() + SLICE_MS;
  }
}

const sizeOfNames = (result: DuckDBResult): number =>
  Buffer.byteLength(JSON.stringify(result.deduplicatedColumnNames()));

/** Row by row: one text of all could be longer than a string can be. */
const exactSize = (rows: readonly WireRow[]): number =>
  rows.reduce((size, row) => size + Buffer.byteLength(JSON.stringify(row)) + 1, 2);

const tooLarge = (): PondError =>
  new PondError('TOO_LARGE', `the result is over ${MAX_MESSAGE_BYTES} bytes`, { hint: 'use stream()' });

/** The chunks of a materialized result are there already: no step through another thread for each. */
function* chunksOf(result: DuckDBResult): Generator<DuckDBDataChunk> {
  const all = materialized(result);
  for (let i = 0; i < all.chunkCount; i++) yield all.getChunk(i);
}

/** A streaming one does not tell its end from an error: engine/cursor.ts. */
function materialized(result: DuckDBResult): DuckDBMaterializedResult {
  if (!(result instanceof DuckDBMaterializedResult)) throw new Error('the result is not materialized');
  return result;
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
