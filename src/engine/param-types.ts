import {
  ARRAY,
  BIGINT,
  BIGNUM,
  BIT,
  BLOB,
  BOOLEAN,
  DATE,
  DECIMAL,
  DOUBLE,
  DuckDBArrayValue,
  DuckDBBitValue,
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBIntervalValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimeNSValue,
  DuckDBTimestampMillisecondsValue,
  DuckDBTimestampNanosecondsValue,
  DuckDBTimestampSecondsValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTimeTZValue,
  DuckDBTimeValue,
  type DuckDBType,
  DuckDBUnionValue,
  DuckDBUUIDValue,
  type DuckDBValue,
  HUGEINT,
  INTEGER,
  INTERVAL,
  LIST,
  MAP,
  SQLNULL,
  STRUCT,
  TIME,
  TIME_NS,
  TIMESTAMP,
  TIMESTAMP_MS,
  TIMESTAMP_NS,
  TIMESTAMP_S,
  TIMESTAMPTZ,
  TIMETZ,
  UHUGEINT,
  UNION,
  UUID,
  VARCHAR,
} from '@duckdb/node-api';
import { PondError } from '../errors.ts';
import { unify } from './unify-types.ts';

/**
 * The type of a parameter's value: of a list, the one type that holds every element. The driver itself looks at the
 * first element alone, and what does not fit that one is stored as NULL or lost.
 */

/** A list whose elements have a type of their own, as a typed array has. */
export class TypedList extends DuckDBListValue {
  readonly itemType: DuckDBType;

  constructor(items: readonly DuckDBValue[], itemType: DuckDBType) {
    super(items);
    this.itemType = itemType;
  }
}

/** The value objects that stand for one type each. */
const BY_CLASS: ReadonlyMap<unknown, DuckDBType> = new Map<unknown, DuckDBType>([
  [DuckDBBitValue, BIT],
  [DuckDBBlobValue, BLOB],
  [DuckDBDateValue, DATE],
  [DuckDBIntervalValue, INTERVAL],
  [DuckDBTimestampMillisecondsValue, TIMESTAMP_MS],
  [DuckDBTimestampNanosecondsValue, TIMESTAMP_NS],
  [DuckDBTimestampSecondsValue, TIMESTAMP_S],
  [DuckDBTimestampTZValue, TIMESTAMPTZ],
  [DuckDBTimestampValue, TIMESTAMP],
  [DuckDBTimeTZValue, TIMETZ],
  [DuckDBTimeValue, TIME],
  [DuckDBTimeNSValue, TIME_NS],
  [DuckDBUUIDValue, UUID],
]);

/** @throws PondError INVALID where no type holds all of it */
export function typeOf(value: DuckDBValue): DuckDBType {
  switch (typeof value) {
    case 'boolean':
      return BOOLEAN;
    case 'number':
      return typeOfNumber(value);
    case 'bigint':
      return typeOfBigint(value);
    case 'string':
      return VARCHAR;
    default:
      return value === null ? SQLNULL : typeOfObject(value);
  }
}

const INT32 = 2 ** 31;
const INT64 = 2 ** 63;

function typeOfNumber(value: number): DuckDBType {
  if (!Number.isInteger(value) || Object.is(value, -0)) return DOUBLE;
  if (value >= -INT32 && value < INT32) return INTEGER;
  return value >= -INT64 && value < INT64 ? BIGINT : DOUBLE;
}

/** The driver takes every bigint for a HUGEINT, and wraps what is larger. */
function typeOfBigint(value: bigint): DuckDBType {
  if (BigInt.asIntN(128, value) === value) return HUGEINT;
  return BigInt.asUintN(128, value) === value ? UHUGEINT : BIGNUM;
}

function typeOfObject(value: object): DuckDBType {
  if (value instanceof TypedList) return LIST(value.itemType);
  if (value instanceof DuckDBListValue) return LIST(typeOfAll(value.items));
  if (value instanceof DuckDBArrayValue) return ARRAY(typeOfAll(value.items), value.items.length);
  if (value instanceof DuckDBStructValue) {
    const types = Object.entries(value.entries).map(([name, field]) => [name, typeOf(field)]);
    return STRUCT(Object.fromEntries(types) as Record<string, DuckDBType>);
  }
  if (value instanceof DuckDBMapValue) {
    const keys = value.entries.map(({ key }) => key);
    return MAP(typeOfAll(keys), typeOfAll(value.entries.map((entry) => entry.value)));
  }
  if (value instanceof DuckDBUnionValue) return UNION({ [value.tag]: typeOf(value.value) });
  if (value instanceof DuckDBDecimalValue) return DECIMAL(value.width, value.scale);
  const { constructor: valueClass } = Object.getPrototypeOf(value) as { constructor: { name: string } };
  const known = BY_CLASS.get(valueClass);
  if (!known) throw new PondError('INVALID', `a ${valueClass.name} cannot be a parameter`);
  return known;
}

function typeOfAll(values: readonly DuckDBValue[]): DuckDBType {
  let common: DuckDBType = SQLNULL;
  for (const value of values) common = unify(common, typeOf(value));
  return common;
}
