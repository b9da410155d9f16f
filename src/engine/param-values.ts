import {
  BIGINT,
  DOUBLE,
  DuckDBArrayType,
  DuckDBArrayValue,
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalType,
  DuckDBDecimalValue,
  DuckDBListType,
  DuckDBListValue,
  type DuckDBMapEntry,
  DuckDBMapType,
  DuckDBMapValue,
  DuckDBStructType,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  type DuckDBType,
  DuckDBTypeId,
  DuckDBUnionType,
  DuckDBUnionValue,
  type DuckDBValue,
  DuckDBVariantValue,
  FLOAT,
  INTEGER,
  SMALLINT,
  TINYINT,
  UBIGINT,
  UINTEGER,
  USMALLINT,
  UTINYINT,
} from '@duckdb/node-api';
import { PondError } from '../errors.ts';
import { isPlainObject } from '../values.ts';
import { TypedList } from './param-types.ts';

/** A parameter's value as the driver takes it, in two steps: its kind, then what its type asks of each part. */

const MICROS_PER_MS = 1000n;
const MS_PER_DAY = 86_400_000;

const ITEM_TYPES: Readonly<Record<string, DuckDBType>> = {
  Int8Array: TINYINT,
  Uint8Array: UTINYINT,
  Uint8ClampedArray: UTINYINT,
  Int16Array: SMALLINT,
  Uint16Array: USMALLINT,
  Int32Array: INTEGER,
  Uint32Array: UINTEGER,
  BigInt64Array: BIGINT,
  BigUint64Array: UBIGINT,
  Float32Array: FLOAT,
  Float64Array: DOUBLE,
};

/**
 * What a JavaScript value stands for.
 * @param declared the type that the statement has for it, where it has one: it decides what a Date becomes, whether
 *   bytes are a BLOB or a list, and whether an object is a STRUCT or a MAP
 * @throws PondError INVALID
 */
export function toDuckDB(value: unknown, declared?: DuckDBType): DuckDBValue {
  if (value === undefined) return null;
  if (typeof value === 'string') return wellFormed(value);
  if (typeof value !== 'object' || value === null) return value as DuckDBValue;
  if (value instanceof Date) return fromDate(value, declared?.typeId);
  if (ArrayBuffer.isView(value)) return fromBytes(value as NodeJS.TypedArray, declared);
  if (Array.isArray(value)) return new DuckDBListValue(itemsOf(value, declared));
  if (value instanceof Map)
    return mapOf(
      [...value].map(([key, item]) => ({ key, value: item })),
      declared,
    );
  if (isPlainObject(value)) return fromObject(value, declared);
  return fromDriver(value as DuckDBValue & object, declared);
}

/** The driver's own containers may hold anything that a parameter may. */
function fromDriver(value: DuckDBValue & object, declared: DuckDBType | undefined): DuckDBValue {
  if (value instanceof DuckDBListValue) return new DuckDBListValue(itemsOf(value.items, declared));
  if (value instanceof DuckDBArrayValue) return new DuckDBArrayValue(itemsOf(value.items, declared));
  if (value instanceof DuckDBStructValue) return structOf(value.entries, declared);
  if (value instanceof DuckDBMapValue) return mapOf(value.entries, declared);
  if (value instanceof DuckDBUnionValue) return new DuckDBUnionValue(value.tag, toDuckDB(value.value));
  // Bound as what is in it: the parameter of a VARIANT takes every type.
  return value instanceof DuckDBVariantValue ? toDuckDB(value.value) : value;
}

function itemsOf(items: readonly unknown[], declared: DuckDBType | undefined): DuckDBValue[] {
  const isList = declared instanceof DuckDBListType || declared instanceof DuckDBArrayType;
  const itemType = isList ? declared.valueType : undefined;
  return items.map((item) => toDuckDB(item, itemType));
}

function fromBytes(view: NodeJS.TypedArray, declared: DuckDBType | undefined): DuckDBValue {
  const isList = declared instanceof DuckDBListType || declared instanceof DuckDBArrayType;
  if (view instanceof Uint8Array && !isList) return new DuckDBBlobValue(view);
  const name = view[Symbol.toStringTag];
  const type = ITEM_TYPES[name];
  if (!type) throw new PondError('INVALID', `a ${name} cannot be a parameter`);
  return new TypedList(Array.from(view as ArrayLike<number | bigint>), type);
}

function fromObject(fields: object, declared: DuckDBType | undefined): DuckDBValue {
  if (!(declared instanceof DuckDBMapType)) return structOf(fields, declared);
  return mapOf(
    Object.entries(fields).map(([key, value]) => ({ key, value })),
    declared,
  );
}

function mapOf(
  entries: readonly { readonly key: unknown; readonly value: unknown }[],
  declared: DuckDBType | undefined,
): DuckDBMapValue {
  const { keyType, valueType } = declared instanceof DuckDBMapType ? declared : {};
  return new DuckDBMapValue(
    entries.map(({ key, value }): DuckDBMapEntry => {
      return { key: toDuckDB(key, keyType), value: toDuckDB(value, valueType) };
    }),
  );
}

function structOf(fields: object, declared: DuckDBType | undefined): DuckDBStructValue {
  const types = declared instanceof DuckDBStructType ? fieldTypes(declared) : undefined;
  const entries = Object.entries(fields).map(([name, field]) => {
    // DuckDB's own name ends there.
    if (name.includes('\0')) throw new PondError('INVALID', 'the name of a field holds a NUL');
    const type = types?.get(name.toLowerCase());
    // DuckDB casts by name, and drops what has no place.
    if (types && !type) throw new PondError('INVALID', `${declared} has no field ${JSON.stringify(name)}`);
    return [wellFormed(name), toDuckDB(field, type)];
  });
  return new DuckDBStructValue(Object.fromEntries(entries) as Record<string, DuckDBValue>);
}

const fieldTypes = ({ entryNames, entryTypes }: DuckDBStructType): Map<string, DuckDBType | undefined> =>
  new Map(entryNames.map((name, i) => [name.toLowerCase(), entryTypes[i]]));

/** Half of a surrogate pair has no UTF-8: it would be stored as U+FFFD. */
function wellFormed(text: string): string {
  if (text.isWellFormed()) return text;
  throw new PondError('INVALID', 'a string holds half of a surrogate pair');
}

function fromDate(date: Date, typeId: DuckDBTypeId | undefined): DuckDBValue {
  const ms = date.getTime();
  if (Number.isNaN(ms)) throw new PondError('INVALID', 'an invalid Date is no SQL value');
  if (typeId === DuckDBTypeId.DATE) return new DuckDBDateValue(Math.floor(ms / MS_PER_DAY));
  const micros = BigInt(ms) * MICROS_PER_MS;
  return typeId === DuckDBTypeId.TIMESTAMP_TZ
    ? new DuckDBTimestampTZValue(micros)
    : new DuckDBTimestampValue(micros);
}

// -- what a type asks of a value ----------------------------------------------------------------------------------

const BIGINTS: ReadonlySet<DuckDBTypeId> = new Set([
  DuckDBTypeId.HUGEINT,
  DuckDBTypeId.UHUGEINT,
  DuckDBTypeId.BIGNUM,
]);

/**
 * The value as the driver wants it for `type`, which holds all of it.
 * @throws PondError INVALID for a bigint that a DOUBLE would round
 */
export function fitTo(value: DuckDBValue, type: DuckDBType): DuckDBValue {
  if (typeof value === 'number') return fitNumber(value, type);
  if (typeof value === 'bigint') return fitBigint(value, type);
  if (typeof value !== 'object' || value === null) return value;
  if (type instanceof DuckDBDecimalType) return rescale(value as DuckDBDecimalValue, type);
  if (type instanceof DuckDBListType)
    return new DuckDBListValue(fitAll((value as DuckDBListValue | DuckDBArrayValue).items, type.valueType));
  if (type instanceof DuckDBArrayType)
    return new DuckDBArrayValue(fitAll((value as DuckDBArrayValue).items, type.valueType));
  if (type instanceof DuckDBStructType) return fitStruct(value as DuckDBStructValue, type);
  if (type instanceof DuckDBMapType) {
    const entries = (value as DuckDBMapValue).entries.map((entry) => ({
      key: fitTo(entry.key, type.keyType),
      value: fitTo(entry.value, type.valueType),
    }));
    return new DuckDBMapValue(entries);
  }
  if (!(type instanceof DuckDBUnionType)) return value;
  const { tag, value: member } = value as DuckDBUnionValue;
  return new DuckDBUnionValue(tag, fitTo(member, type.memberTypeForTag(tag)));
}

const fitAll = (items: readonly DuckDBValue[], type: DuckDBType): DuckDBValue[] =>
  items.map((item) => fitTo(item, type));

/** A field that this one of several structs does not have is NULL. */
function fitStruct(
  { entries }: DuckDBStructValue,
  { entryNames, entryTypes }: DuckDBStructType,
): DuckDBValue {
  const fields = entryNames.map((name, i) => {
    const type = entryTypes[i];
    return [name, Object.hasOwn(entries, name) && type ? fitTo(entries[name] ?? null, type) : null];
  });
  return new DuckDBStructValue(Object.fromEntries(fields) as Record<string, DuckDBValue>);
}

function fitNumber(value: number, type: DuckDBType): DuckDBValue {
  if (BIGINTS.has(type.typeId)) return BigInt(value);
  return type instanceof DuckDBDecimalType
    ? rescale(new DuckDBDecimalValue(BigInt(value), 19, 0), type)
    : value;
}

function fitBigint(value: bigint, type: DuckDBType): DuckDBValue {
  if (type instanceof DuckDBDecimalType) return rescale(new DuckDBDecimalValue(value, 38, 0), type);
  if (type.typeId !== DuckDBTypeId.DOUBLE) return value;
  if (BigInt(Number(value)) !== value)
    throw new PondError('INVALID', `beside fractions ${value} would be rounded to a DOUBLE`);
  return Number(value);
}

const rescale = ({ value, scale }: DuckDBDecimalValue, type: DuckDBDecimalType): DuckDBDecimalValue =>
  new DuckDBDecimalValue(value * 10n ** BigInt(type.scale - scale), type.width, type.scale);
