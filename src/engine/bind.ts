import type { DuckDBPreparedStatement, DuckDBType } from '@duckdb/node-api';
import { PondError } from '../errors.ts';
import { typeOf } from './param-types.ts';
import { fitTo, toDuckDB } from './param-values.ts';

/** Positional params by array, named ones by object; values as a JavaScript program has them. */
export type BindParams = readonly unknown[] | Readonly<Record<string, unknown>>;

/**
 * Binds every parameter of the statement, no more and no fewer. Each value gets the one type that holds all of it,
 * and DuckDB casts that to the type which the statement declares for the parameter, as it would cast a literal.
 * @throws PondError INVALID where names, number or values do not fit
 */
export function bindParams(prepared: DuckDBPreparedStatement, params: BindParams = []): void {
  const expected = prepared.parameterCount;
  if (expected === 0 && countOf(params) === 0) return;
  prepared.clearBindings();
  if (Array.isArray(params)) {
    checkCount(params.length, expected);
    for (let i = 0; i < expected; i++) bindOne(prepared, i + 1, params[i], String(i + 1));
    return;
  }
  const names = namesOf(prepared, params as Record<string, unknown>);
  names.forEach((name, i) => {
    bindOne(prepared, i + 1, (params as Record<string, unknown>)[name], `$${name}`);
  });
}

function bindOne(prepared: DuckDBPreparedStatement, index: number, given: unknown, name: string): void {
  try {
    const isNested = typeof given === 'object' && given !== null;
    const value = toDuckDB(given, isNested ? declaredType(prepared, index) : undefined);
    const type = typeOf(value);
    prepared.bindValue(index, isNested ? fitTo(value, type) : value, type);
  } catch (error) {
    const { hint } = error instanceof PondError ? error : {};
    const message = `parameter ${name}: ${(error as Error).message}`;
    throw new PondError('INVALID', message, { ...(hint && { hint }), cause: error });
  }
}

/** Undefined where the statement takes any type: the driver throws for one that DuckDB has not resolved. */
function declaredType(prepared: DuckDBPreparedStatement, index: number): DuckDBType | undefined {
  return prepared.parameterTypeId(index) === 0 ? undefined : prepared.parameterType(index);
}

const countOf = (params: BindParams): number =>
  Array.isArray(params) ? params.length : Object.keys(params).length;

function checkCount(given: number, expected: number): void {
  if (given === expected) return;
  throw new PondError('INVALID', `the statement takes ${expected} parameters, ${given} were given`);
}

/** The statement's names in order; each has a value, and no value is left. */
function namesOf(
  prepared: DuckDBPreparedStatement,
  params: Readonly<Record<string, unknown>>,
): readonly string[] {
  const names = Array.from({ length: prepared.parameterCount }, (_, i) => prepared.parameterName(i + 1));
  const known = new Set(names);
  const missing = names.filter((name) => !Object.hasOwn(params, name));
  const unknown = Object.keys(params).filter((name) => !known.has(name));
  if (missing.length > 0) throw new PondError('INVALID', `no value for parameter $${missing.join(', $')}`);
  if (unknown.length > 0)
    throw new PondError('INVALID', `the statement has no parameter $${unknown.join(', $')}`);
  return names;
}
