/**
 * Values on the wire. JSON has no bigint, no Date, no bytes, no NaN; each travels as an object with the one
 * key `$` and, beside it, what it is made of. Everything else travels as itself.
 *
 *   {"$":"bigint","v":"123"}   {"$":"date","v":1700000000000}   {"$":"bytes","v":"base64"}
 *   {"$":"number","v":"NaN"}   {"$":"object","v":{...}}  a plain object that has a key `$` of its own
 *   {"$":"DuckDBDateValue","v":{"days":1}}               a value object of @duckdb/node-api, by class name
 */

type Plain = { readonly [key: string]: unknown };
interface Tagged {
  readonly $: string;
  readonly v: unknown;
}

/** Makes a value object of the driver from its class name and fields. Null where the driver has no such class. */
export type Revive = (className: string, fields: Plain) => unknown;

const DRIVER_CLASS = /^DuckDB\w+Value$/;

const isPlain = (value: object): boolean => {
  const prototype = Object.getPrototypeOf(value) as unknown;
  return prototype === Object.prototype || prototype === null;
};

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

/**
 * A value as JSON can carry it.
 * @throws TypeError for a function, a symbol or an object of a class that is no value
 */
export function encode(value: unknown): unknown {
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
      return value === null ? null : encodeObject(value);
    default:
      throw new TypeError(`a ${typeof value} is no SQL value`);
  }
}

function encodeObject(value: object): unknown {
  if (Array.isArray(value)) return value.map(encode);
  if (value instanceof Date) return tag('date', value.getTime());
  if (value instanceof Uint8Array)
    return tag('bytes', Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64'));
  if (isPlain(value)) {
    const fields = mapFields(value, encode);
    return Object.hasOwn(fields, '$') ? tag('object', fields) : fields;
  }
  const name = value.constructor.name;
  if (DRIVER_CLASS.test(name)) return tag(name, mapFields(value, encode));
  throw new TypeError(`an object of class ${name} is no SQL value`);
}

const tag = ($: string, v: unknown): Tagged => ({ $, v });

/** Reads what {@link encode} wrote. Value objects of the driver need `revive`; without it they stay plain fields. */
export function decode(value: unknown, revive?: Revive): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => decode(item, revive));
  if (!Object.hasOwn(value, '$')) return mapFields(value, (field) => decode(field, revive));
  const { $, v } = value as Tagged;
  const scalar = SCALARS[$];
  if (scalar) return scalar(v);
  if (typeof v !== 'object' || v === null) throw new TypeError(`unknown value tag ${JSON.stringify($)}`);
  const fields = mapFields(v, (field) => decode(field, revive));
  if ($ === 'object') return fields;
  if (!DRIVER_CLASS.test($)) throw new TypeError(`unknown value tag ${JSON.stringify($)}`);
  return revive ? revive($, fields) : fields;
}

const SCALARS: Readonly<Record<string, (v: unknown) => unknown>> = {
  bigint: (v) => BigInt(v as string),
  date: (v) => new Date((v as number | null) ?? Number.NaN),
  // A Buffer, as the driver gives it.
  bytes: (v) => Buffer.from(v as string, 'base64'),
  number: (v) => Number(v),
};

/** True where a row of these values needs no decoding: most rows of most queries. */
export function isScalar(value: unknown): boolean {
  return typeof value !== 'object' || value === null;
}
