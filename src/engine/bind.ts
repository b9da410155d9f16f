import {
  DuckDBBlobValue,
  DuckDBDateValue,
  type DuckDBPreparedStatement,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTypeId,
  type DuckDBValue,
  listValue,
  structValue,
} from '@duckdb/node-api';
import { PondError } from '../errors.ts';

/** Positional params by array, named ones by object; values as a JavaScript program has them. */
export type BindParams = readonly unknown[] | Readonly<Record<string, unknown>>;

const MICROS_PER_MS = 1000n;
const MS_PER_DAY = 86_400_000;

/**
 * Binds every parameter of the statement, no more and no fewer. Beyond what the driver takes, a Date becomes the
 * type that the parameter has (TIMESTAMP, in UTC, where it has none), a Uint8Array a BLOB, an array a LIST and a
 * plain object a STRUCT.
 * @throws PondError INVALID where names, number or values do not fit
 */
export function bindParams(prepared: DuckDBPreparedStatement, params: BindParams = []): void {
  const expected = prepared.parameterCount;
  if (expected === 0 && countOf(params) === 0) return;
  prepared.clearBindings();
  const values = Array.isArray(params)
    ? positional(params, expected)
    : named(prepared, params as Record<string, unknown>);
  values.forEach((value, i) => {
    const index = i + 1;
    try {
      prepared.bindValue(index, toDuckDB(value, prepared.parameterTypeId(index)));
    } catch (error) {
      if (error instanceof PondError) throw error;
      throw new PondError('INVALID', `parameter ${index}: ${(error as Error).message}`, { cause: error });
    }
  });
}

const countOf = (params: BindParams): number =>
  Array.isArray(params) ? params.length : Object.keys(params).length;

function positional(params: readonly unknown[], expected: number): readonly unknown[] {
  if (params.length !== expected) {
    throw new PondError('INVALID', `the statement takes ${expected} parameters, ${params.length} were given`);
  }
  return params;
}

function named(
  prepared: DuckDBPreparedStatement,
  params: Readonly<Record<string, unknown>>,
): readonly unknown[] {
  const names = Array.from({ length: prepared.parameterCount }, (_, i) => prepared.parameterName(i + 1));
  const missing = names.filter((name) => !Object.hasOwn(params, name));
  const unknown = Object.keys(params).filter((name) => !names.includes(name));
  if (missing.length > 0) throw new PondError('INVALID', `no value for parameter $${missing.join(', $')}`);
  if (unknown.length > 0)
    throw new PondError('INVALID', `the statement has no parameter $${unknown.join(', $')}`);
  return names.map((name) => params[name]);
}

function toDuckDB(value: unknown, type?: DuckDBTypeId): DuckDBValue {
  if (value === undefined) return null;
  if (typeof value !== 'object' || value === null) return value as DuckDBValue;
  if (value instanceof Date) return fromDate(value, type);
  if (value instanceof Uint8Array) return new DuckDBBlobValue(value);
  if (Array.isArray(value)) return listValue(value.map((item) => toDuckDB(item)));
  if (Object.getPrototypeOf(value) !== Object.prototype) return value as DuckDBValue;
  return structValue(Object.fromEntries(Object.entries(value).map(([key, field]) => [key, toDuckDB(field)])));
}

function fromDate(date: Date, type?: DuckDBTypeId): DuckDBValue {
  const ms = date.getTime();
  if (Number.isNaN(ms)) throw new PondError('INVALID', 'an invalid Date is no SQL value');
  if (type === DuckDBTypeId.DATE) return new DuckDBDateValue(Math.floor(ms / MS_PER_DAY));
  const micros = BigInt(ms) * MICROS_PER_MS;
  return type === DuckDBTypeId.TIMESTAMP_TZ
    ? new DuckDBTimestampTZValue(micros)
    : new DuckDBTimestampValue(micros);
}
