import { types } from 'node:util';
import { PondError } from './errors.ts';

/**
 * Values on the wire. JSON has no bigint, no Date, no bytes, no NaN; each travels as an object with the one
 * key `$` and, beside it, what it is made of. Everything else travels as itself.
 *
 *   {"$":"bigint","v":"123"}   {"$":"date","v":1700000000000}   {"$":"bytes","v":"base64"}
 *   {"$":"number","v":"NaN"}   {"$":"object","v":{...}}  a plain object that has a key `$` of its own
 *   {"$":"map","v":[[key,value]]}   {"$":"Int32Array","v":"base64"}  any typed array, little-endian
 *   {"$":"DuckDBDateValue","v":{"days":1}}               a value object of @duckdb/node-api, by class name
 *
 * Classes are told by what the engine says of a value and not by `instanceof`: a program may run in another realm
 * than this module, as under Jest, and its Date is then not our Date.
 */

type Plain = { readonly [key: string]: unknown };
interface Tagged {
  readonly $: string;
  readonly v: unknown;
}

/** Makes a value object of the driver from its class name and fields. Null where the driver has no such class. */
export type Revive = (className: string, fields: Plain) => unknown;

/** Lists, structs and maps inside each other in a parameter, at most. One more ends in INVALID. */
export const MAX_PARAM_DEPTH = 100;
/** Characters of a bigint in a parameter. V8 takes 150 ms to read a million of them, and nobody else is served meanwhile. */
const MAX_DIGITS = 20_000;

/** A value, and the types that a VARIANT carries. */
const DRIVER_CLASS = /^DuckDB\w+(?:Value|Type)$/;

/** True for `{}` of any realm and for an object without a prototype. */
export function isPlainObject(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype === null || prototype === Object.prototype) return true;
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf');
}

const ORDINARY = { enumerable: true, writable: true, configurable: true } as const;

function mapFields(fields: object, map: (value: unknown) => unknown): Plain {
  const mapped: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) {
    // Assigned, a field called __proto__ would become the prototype.
    if (key === '__proto__') Object.defineProperty(mapped, key, { value: map(value), ...ORDINARY });
    else mapped[key] = map(value);
  }
  return mapped;
}

/** An array without holes: `map` would keep them, and a hole is bound to nothing. */
const mapItems = (items: readonly unknown[], map: (item: unknown) => unknown): unknown[] =>
  Array.from(items, (item) => map(item));

// -- onto the wire ----------------------------------------------------------------------------------------------

/**
 * A value as JSON can carry it.
 * @throws TypeError for a function, a symbol or an object of a class that is no value
 */
export function encode(value: unknown): unknown {
  return encodeWithin(value, Number.POSITIVE_INFINITY);
}

/**
 * Params as JSON can carry them.
 * @throws TypeError, which names the parameter, for what is no value; PondError INVALID for one nested too deeply
 */
export function encodeParams(params: unknown): readonly unknown[] | Plain {
  if (Array.isArray(params)) return Array.from(params, (value, i) => encodeParam(value, String(i + 1)));
  if (typeof params !== 'object' || params === null || !isPlainObject(params))
    throw new TypeError('params must be an array, or an object of named values');
  const wire: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(params))
    Object.defineProperty(wire, name, { value: encodeParam(value, `$${name}`), ...ORDINARY });
  return Object.hasOwn(wire, '$') ? (tag('object', wire) as unknown as Plain) : wire;
}

function encodeParam(value: unknown, name: string): unknown {
  try {
    return encodeWithin(value, MAX_PARAM_DEPTH);
  } catch (error) {
    const message = `parameter ${name}: ${(error as Error).message}`;
    throw error instanceof PondError
      ? new PondError(error.code, message)
      : new TypeError(message, { cause: error });
  }
}

function encodeWithin(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : tag('number', Object.is(value, -0) ? '-0' : String(value));
    case 'bigint':
      return tag('bigint', value.toString());
    case 'undefined':
      return null;
    case 'object':
      return value === null ? null : encodeObject(value, depth);
    default:
      throw new TypeError(`a ${typeof value} is no SQL value`);
  }
}

function encodeObject(value: object, depth: number): unknown {
  if (types.isDate(value)) return tag('date', Date.prototype.getTime.call(value));
  if (types.isUint8Array(value)) return tag('bytes', base64(value));
  if (types.isTypedArray(value)) return tag(value[Symbol.toStringTag], base64(value));
  const inside = deeper(depth);
  const map = (item: unknown): unknown => encodeWithin(item, inside);
  if (Array.isArray(value)) return mapItems(value, map);
  if (types.isMap(value)) return tag('map', mapItems([...Map.prototype.entries.call(value)], map));
  if (isPlainObject(value)) {
    const fields = mapFields(value, map);
    return Object.hasOwn(fields, '$') ? tag('object', fields) : fields;
  }
  const name = String(value.constructor?.name);
  if (DRIVER_CLASS.test(name)) {
    // A type without an alias has an undefined one.
    const given = Object.entries(value).filter(([, field]) => field !== undefined);
    return tag(name, mapFields(Object.fromEntries(given), map));
  }
  throw new TypeError(`an object of class ${name} is no SQL value`);
}

const tag = ($: string, v: unknown): Tagged => ({ $, v });

const base64 = ({ buffer, byteOffset, byteLength }: NodeJS.TypedArray): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64');

function deeper(depth: number): number {
  if (depth > 0) return depth - 1;
  throw new PondError('INVALID', `more than ${MAX_PARAM_DEPTH} lists or objects inside each other`);
}

// -- off the wire -----------------------------------------------------------------------------------------------

/**
 * Reads what {@link encode} wrote. Value objects of the driver need `revive`; without it they stay plain fields.
 * @throws TypeError for what {@link encode} does not write
 */
export function decode(value: unknown, revive?: Revive): unknown {
  return decodeWithin(value, Number.POSITIVE_INFINITY, revive);
}

/** Reads params, which a stranger may have written. @throws TypeError; PondError INVALID for one nested too deeply */
export function decodeParams(params: unknown, revive: Revive): unknown {
  // The array or the object of the params themselves, and their own tag.
  return decodeWithin(params, MAX_PARAM_DEPTH + 1, revive);
}

function decodeWithin(value: unknown, depth: number, revive: Revive | undefined): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const inside = deeper(depth);
  const map = (item: unknown): unknown => decodeWithin(item, inside, revive);
  if (Array.isArray(value)) return mapItems(value, map);
  if (!Object.hasOwn(value, '$')) return mapFields(value, map);
  const { $, v } = value as Tagged;
  if (typeof $ !== 'string') throw new TypeError('a value tag is no string');
  // Own rows only: a tag may be called `constructor`.
  const scalar = Object.hasOwn(SCALARS, $) ? SCALARS[$] : undefined;
  if (scalar) return scalar(v);
  if ($ === 'bigint') return bigintOf(v, Number.isFinite(depth) ? MAX_DIGITS : Number.POSITIVE_INFINITY);
  if ($ === 'map') return mapOf(v, map);
  if (typeof v !== 'object' || v === null) throw new TypeError(`unknown value tag ${JSON.stringify($)}`);
  if ($ !== 'object' && !DRIVER_CLASS.test($)) throw new TypeError(`unknown value tag ${JSON.stringify($)}`);
  const fields = mapFields(v, map);
  return $ !== 'object' && revive ? revive($, fields) : fields;
}

function mapOf(entries: unknown, map: (item: unknown) => unknown): Map<unknown, unknown> {
  const isEntry = (entry: unknown): boolean => Array.isArray(entry) && entry.length === 2;
  if (!Array.isArray(entries) || !entries.every(isEntry)) throw new TypeError('a map is no list of pairs');
  return new Map((entries as [unknown, unknown][]).map(([key, value]) => [map(key), map(value)]));
}

function bigintOf(v: unknown, longest: number): bigint {
  if (typeof v !== 'string' || !/^-?\d+$/.test(v)) throw new TypeError('a bigint is no decimal number');
  if (v.length > longest) throw new TypeError(`a bigint has more than ${longest} digits`);
  return BigInt(v);
}

type Scalar = (v: unknown) => unknown;

const bytesOf = (v: unknown): Buffer => {
  if (typeof v !== 'string') throw new TypeError('bytes are no base64');
  return Buffer.from(v, 'base64');
};

const TYPED_ARRAYS = [
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
] as const;

/** Copied: the base64 may lie at an odd address, and a view does not take one. */
const typedArrayOf =
  (type: (typeof TYPED_ARRAYS)[number]): Scalar =>
  (v) => {
    const bytes = bytesOf(v);
    if (bytes.length % type.BYTES_PER_ELEMENT !== 0)
      throw new TypeError(`${bytes.length} bytes are no ${type.name}`);
    return new type(new Uint8Array(bytes).buffer);
  };

const NUMBERS: ReadonlySet<unknown> = new Set(['NaN', 'Infinity', '-Infinity', '-0']);

const SCALARS: Readonly<Record<string, Scalar>> = {
  date: (v) => {
    if (v !== null && typeof v !== 'number') throw new TypeError('a date is no number of ms');
    return new Date(v ?? Number.NaN);
  },
  // A Buffer, as the driver gives it.
  bytes: bytesOf,
  number: (v) => {
    if (!NUMBERS.has(v)) throw new TypeError(`${JSON.stringify(v)} is no number that needs a tag`);
    return Number(v);
  },
  ...Object.fromEntries(TYPED_ARRAYS.map((type) => [type.name, typedArrayOf(type)])),
};

/** True where a row of these values needs no decoding: most rows of most queries. */
export function isScalar(value: unknown): boolean {
  return typeof value !== 'object' || value === null;
}
