import {
  type DuckDBArrayType,
  type DuckDBArrayValue,
  type DuckDBDateValue,
  type DuckDBListType,
  type DuckDBListValue,
  type DuckDBMapType,
  type DuckDBMapValue,
  type DuckDBStructType,
  type DuckDBStructValue,
  type DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  type DuckDBType,
  DuckDBTypeId,
  type DuckDBUnionType,
  type DuckDBUnionValue,
  type DuckDBValue,
  type DuckDBVariantValue,
} from '@duckdb/node-api';

/**
 * Values as SQL writes them: what DuckDB's cast to VARCHAR gives. The driver's `toString` gives that for most types;
 * the others are here. `test/unit/engine/text-form.test.ts` holds both against DuckDB itself.
 */
export function textOf(value: DuckDBValue, type: DuckDBType): string | null {
  if (value === null || value === undefined) return null;
  return (WRITERS[type.typeId] ?? String)(value as never, type as never);
}

type Writer = (value: never, type: never) => string | null;

const WRITERS: Readonly<Partial<Record<DuckDBTypeId, Writer>>> = {
  [DuckDBTypeId.FLOAT]: (value: number) => decimalText(value, shortestFloat(value)),
  [DuckDBTypeId.DOUBLE]: (value: number) => decimalText(value, value.toExponential()),
  [DuckDBTypeId.DATE]: (value: DuckDBDateValue) =>
    value.isFinite ? value.toString() : value.days > 0 ? 'infinity' : '-infinity',
  [DuckDBTypeId.TIMESTAMP_TZ]: zonedText,
  [DuckDBTypeId.LIST]: (value: DuckDBListValue, { valueType }: DuckDBListType) =>
    `[${value.items.map((item) => inner(item, valueType)).join(', ')}]`,
  // Without quotes, whatever the items hold.
  [DuckDBTypeId.ARRAY]: (value: DuckDBArrayValue, { valueType }: DuckDBArrayType) =>
    `[${value.items.map((item) => textOf(item, valueType) ?? 'NULL').join(', ')}]`,
  [DuckDBTypeId.STRUCT]: structText,
  [DuckDBTypeId.MAP]: (value: DuckDBMapValue, { keyType, valueType }: DuckDBMapType) =>
    `{${value.entries.map((entry) => `${inner(entry.key, keyType)}=${inner(entry.value, valueType)}`).join(', ')}}`,
  [DuckDBTypeId.UNION]: ({ tag, value }: DuckDBUnionValue, type: DuckDBUnionType) =>
    textOf(value, type.memberTypeForTag(tag)),
  [DuckDBTypeId.VARIANT]: ({ value, type }: DuckDBVariantValue) =>
    type === undefined ? (value === null ? null : String(value)) : textOf(value, type),
} satisfies Partial<Record<DuckDBTypeId, Writer>>;

function structText({ entries }: DuckDBStructValue, type: DuckDBStructType): string {
  const fields = Object.entries(entries);
  const values = fields.map(([name, value]) => inner(value, type.typeForEntry(name)));
  // A struct without names, as of row(). The driver keeps its last field alone.
  if (fields.every(([name]) => name === '')) return `(${values.join(', ')})`;
  return `{${fields.map(([name], i) => `${quoted(name)}: ${values[i]}`).join(', ')}}`;
}

const NESTED: ReadonlySet<DuckDBTypeId> = new Set([
  DuckDBTypeId.LIST,
  DuckDBTypeId.ARRAY,
  DuckDBTypeId.STRUCT,
  DuckDBTypeId.MAP,
  DuckDBTypeId.UNION,
  DuckDBTypeId.VARIANT,
]);

/** What would be read as something else inside brackets and braces. */
const AMBIGUOUS = /^$|^\s|\s$|^null$|["'(),:=[\]{}]/i;

/** A value inside another one: in quotes where it would be read as something else without. */
function inner(value: DuckDBValue, type: DuckDBType): string {
  const text = textOf(value, type);
  if (text === null) return 'NULL';
  const isPlain = NESTED.has(type.typeId) || type.alias === 'JSON' || !AMBIGUOUS.test(text);
  return isPlain ? text : quoted(text);
}

const quoted = (text: string): string => `'${text.replace(/['\\]/g, '\\$&')}'`;

/** Beyond these powers of ten DuckDB writes an exponent. */
const PLAIN = { least: -4, most: 15 } as const;

/** @param exponential the shortest digits that mean this number, as of `toExponential` */
function decimalText(value: number, exponential: string): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const [digits = '', power = '0'] = exponential.split('e');
  const exponent = Number(power);
  if (exponent < PLAIN.least || exponent > PLAIN.most) {
    const size = String(Math.abs(exponent)).padStart(2, '0');
    return `${digits}e${exponent < 0 ? '-' : '+'}${size}`;
  }
  const decimals = digits.replace(/[-.]/g, '').length - 1 - exponent;
  return Number(exponential).toFixed(Math.max(decimals, 1));
}

/** The fewest digits that give the same 32 bits. */
function shortestFloat(value: number): string {
  for (let digits = 0; digits < 9; digits++) {
    const text = value.toExponential(digits);
    if (Math.fround(Number(text)) === value) return text.replace(/\.?0*e/, 'e');
  }
  return value.toExponential();
}

const MICROS_PER_MINUTE = 60_000_000n;

/** In the time zone of this process, which is DuckDB's own default. The driver ignores daylight saving. */
function zonedText(value: DuckDBTimestampTZValue): string {
  if (!value.isFinite) return value.toString();
  const offset = -new Date(Number(value.micros / 1000n)).getTimezoneOffset() || 0;
  const local = new DuckDBTimestampValue(value.micros + BigInt(Math.trunc(offset)) * MICROS_PER_MINUTE);
  const size = Math.abs(offset);
  const minutes = size % 60 === 0 ? '' : `:${String(Math.trunc(size % 60)).padStart(2, '0')}`;
  return `${local}${offset < 0 ? '-' : '+'}${String(Math.trunc(size / 60)).padStart(2, '0')}${minutes}`;
}
