import {
  ARRAY,
  BIGINT,
  BIGNUM,
  DECIMAL,
  DOUBLE,
  DuckDBArrayType,
  DuckDBDecimalType,
  DuckDBListType,
  DuckDBMapType,
  DuckDBStructType,
  type DuckDBType,
  DuckDBTypeId,
  DuckDBUnionType,
  HUGEINT,
  INTEGER,
  LIST,
  MAP,
  SMALLINT,
  SQLNULL,
  STRUCT,
  TINYINT,
  UNION,
} from '@duckdb/node-api';
import { PondError } from '../errors.ts';

/** Bits of the signed integer that holds all of a type. */
const SIGNED_BITS: { readonly [typeId: number]: number } = {
  [DuckDBTypeId.TINYINT]: 8,
  [DuckDBTypeId.UTINYINT]: 16,
  [DuckDBTypeId.SMALLINT]: 16,
  [DuckDBTypeId.USMALLINT]: 32,
  [DuckDBTypeId.INTEGER]: 32,
  [DuckDBTypeId.UINTEGER]: 64,
  [DuckDBTypeId.BIGINT]: 64,
  [DuckDBTypeId.UBIGINT]: 128,
  [DuckDBTypeId.HUGEINT]: 128,
  [DuckDBTypeId.UHUGEINT]: 256,
  [DuckDBTypeId.BIGNUM]: 256,
};
const BY_BITS: { readonly [bits: number]: DuckDBType } = {
  8: TINYINT,
  16: SMALLINT,
  32: INTEGER,
  64: BIGINT,
  128: HUGEINT,
  256: BIGNUM,
};
/** Decimal digits that hold all of an integer of so many bits; DuckDB's widest DECIMAL has 38. */
const DIGITS: { readonly [bits: number]: number } = { 8: 3, 16: 5, 32: 10, 64: 19 };
const WIDEST_DECIMAL = 38;

const isFraction = ({ typeId }: DuckDBType): boolean =>
  typeId === DuckDBTypeId.FLOAT || typeId === DuckDBTypeId.DOUBLE;
const bitsOf = ({ typeId }: DuckDBType): number | undefined => SIGNED_BITS[typeId];

/** The type that holds all of both. @throws PondError INVALID where there is none */
export function unify(a: DuckDBType, b: DuckDBType): DuckDBType {
  if (a === b || b.typeId === DuckDBTypeId.SQLNULL) return a;
  if (a.typeId === DuckDBTypeId.SQLNULL) return b;
  const unified = unifyNumbers(a, b) ?? unifyNested(a, b);
  if (unified) return unified;
  if (a.typeId === b.typeId) return a;
  throw new PondError('INVALID', `a list cannot hold both ${a} and ${b}`, {
    hint: 'give all elements one type; for a JSON column give JSON.stringify(value)',
  });
}

function unifyNumbers(a: DuckDBType, b: DuckDBType): DuckDBType | null {
  const [bits, otherBits] = [bitsOf(a), bitsOf(b)];
  if (bits !== undefined && otherBits !== undefined) {
    return a.typeId === b.typeId ? a : (BY_BITS[Math.max(bits, otherBits)] ?? BIGNUM);
  }
  if (isFraction(a) && isFraction(b)) return a.typeId === b.typeId ? a : DOUBLE;
  if ((isFraction(a) && otherBits) || (isFraction(b) && bits)) return DOUBLE;
  const [decimal, other] = [decimalOf(a), decimalOf(b)];
  if (!decimal || !other) return null;
  const scale = Math.max(decimal.scale, other.scale);
  const width = Math.max(decimal.width - decimal.scale, other.width - other.scale) + scale;
  return width <= WIDEST_DECIMAL ? DECIMAL(width, scale) : null;
}

function decimalOf(type: DuckDBType): { readonly width: number; readonly scale: number } | null {
  if (type instanceof DuckDBDecimalType) return type;
  const digits = DIGITS[bitsOf(type) ?? 0];
  return digits === undefined ? null : { width: digits, scale: 0 };
}

function unifyNested(a: DuckDBType, b: DuckDBType): DuckDBType | null {
  if (a instanceof DuckDBArrayType && b instanceof DuckDBArrayType && a.length === b.length)
    return ARRAY(unify(a.valueType, b.valueType), a.length);
  if (isListLike(a) && isListLike(b)) return LIST(unify(a.valueType, b.valueType));
  if (a instanceof DuckDBMapType && b instanceof DuckDBMapType)
    return MAP(unify(a.keyType, b.keyType), unify(a.valueType, b.valueType));
  if (a instanceof DuckDBStructType && b instanceof DuckDBStructType) {
    if (isSame(a, b)) return a;
    return STRUCT(unifyMembers([a.entryNames, a.entryTypes], [b.entryNames, b.entryTypes]));
  }
  if (a instanceof DuckDBUnionType && b instanceof DuckDBUnionType) {
    return UNION(unifyMembers([a.memberTags, a.memberTypes], [b.memberTags, b.memberTypes]));
  }
  return null;
}

/** The many structs of one list mostly have the same fields: what they have in common is not made anew. */
const isSame = (a: DuckDBStructType, b: DuckDBStructType): boolean =>
  a.entryCount === b.entryCount &&
  a.entryNames.every((name, i) => name === b.entryNames[i] && a.entryTypes[i] === b.entryTypes[i]);

const isListLike = (type: DuckDBType): type is DuckDBListType | DuckDBArrayType =>
  type instanceof DuckDBListType || type instanceof DuckDBArrayType;

type Members = readonly [names: readonly string[], types: readonly DuckDBType[]];

/** The members of both, those of `a` first. */
function unifyMembers([names, types]: Members, [others, otherTypes]: Members): Record<string, DuckDBType> {
  const members = new Map(names.map((name, i) => [name, types[i] ?? SQLNULL]));
  others.forEach((name, i) => {
    members.set(name, unify(members.get(name) ?? SQLNULL, otherTypes[i] ?? SQLNULL));
  });
  return Object.fromEntries(members);
}
