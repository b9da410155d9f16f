import { DOUBLE, DuckDBInstance, VARCHAR } from '@duckdb/node-api';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { textOf } from '../../../src/engine/text-form.ts';

/** Each expression as this file writes it, and as DuckDB does. */
async function both(expressions: readonly string[]): Promise<{ ours: unknown[]; theirs: unknown[] }> {
  const connection = await (await DuckDBInstance.create()).connect();
  const read = async (sql: string) => {
    const reader = await connection.runAndReadAll(sql);
    return (reader.convertRows(textOf)[0] ?? []) as unknown[];
  };
  const ours = await read(`SELECT ${expressions.join(', ')}`);
  const theirs = await read(
    `SELECT ${expressions.map((expression) => `(${expression})::VARCHAR`).join(', ')}`,
  );
  return { ours, theirs };
}

const TEXTS = [
  'a',
  '',
  ' a',
  'a ',
  'null',
  'NULL',
  "it''s",
  'x\\y',
  'a,b',
  '{x',
  'x]',
  'k=v',
  'k: v',
  '(1)',
  '"q"',
  'é 中',
];
const NUMBERS = [
  '0',
  '1',
  '-1.5',
  '1e15',
  '1e16',
  '123456789012345680',
  '0.0001',
  '0.00001',
  '1.5e-7',
  '1e100',
  '-0.0',
  '3.4e38',
  '16777216',
  '0.1',
  '0.3',
  '1e-45',
  '123.456',
  '100000000',
  '1234567',
  '9999999999999998',
];

/** Ours as DuckDB writes it, where both are texts of one number: near a tie they may choose different last digits. */
const alike = (ours: unknown, theirs: unknown, round = (n: number): number => n): unknown =>
  round(Number(ours)) === round(Number(theirs)) ? theirs : ours;

describe('the text of a value', () => {
  it.each<[string, readonly string[]]>([
    [
      'scalars',
      ['true', "'x'", "''", 'NULL', '1::TINYINT', '1::UHUGEINT', '1.50::DECIMAL(4,2)', "'\\xAA\\x00a'::BLOB"],
    ],
    [
      'more scalars',
      [
        "'101'::BIT",
        'uuid()::VARCHAR::UUID IS NULL',
        "'b'::ENUM('a','b')",
        '\'{"a": 1}\'::JSON',
        '1::BIGNUM',
      ],
    ],
    ['doubles', NUMBERS.map((number) => `'${number}'::DOUBLE`)],
    ['floats', NUMBERS.filter((n) => !n.includes('100')).map((number) => `'${number}'::FLOAT`)],
    ['numbers without end', ["'nan'::DOUBLE", "'inf'::DOUBLE", "'-inf'::FLOAT"]],
    ['dates', ["DATE '2020-01-02'", "DATE 'infinity'", "DATE '-infinity'", "DATE '0044-03-15 (BC)'"]],
    [
      'times',
      [
        "TIME '01:02:03.5'",
        "TIMETZ '01:02:03+02'",
        "TIMESTAMP '2020-01-02 03:04:05.678'",
        "TIMESTAMP 'infinity'",
      ],
    ],
    ['finer times', ["TIMESTAMP_S '2020-01-02 03:04:05'", "TIMESTAMP_NS '2020-01-02 03:04:05.123456789'"]],
    [
      'moments',
      [
        "TIMESTAMPTZ '2020-07-02 03:04:05+02'",
        "TIMESTAMPTZ '2020-01-02 03:04:05+02'",
        "TIMESTAMPTZ 'infinity'",
      ],
    ],
    ['intervals', ["INTERVAL '1 year 2 months 3 days 04:05:06.7'", 'INTERVAL 0 days', "INTERVAL '-1 month'"]],
    [
      'lists',
      [
        '[]',
        '[1, NULL]',
        `[${TEXTS.map((text) => `'${text}'`).join(', ')}]`,
        '[1.5::DOUBLE, 2]',
        '[[1], NULL]',
      ],
    ],
    [
      'lists of times',
      ["[TIMESTAMP '2020-01-01']", "[DATE '2020-01-01']", "[INTERVAL '1 day', INTERVAL '01:00']"],
    ],
    ['arrays', ['[1, 2]::INTEGER[2]', "['a b', 'c,d']::VARCHAR[2]"]],
    ['structs', TEXTS.map((text) => `{'k': '${text}', 'n': NULL, 'in': {'x': ['${text}']}}`)],
    ['names of fields', ["{'a''b': 1, 'c d': 2, 'e\\f': 3}"]],
    ['maps', ['MAP {}', "MAP {'k': 1, 'a=b': NULL}", "MAP {TIMESTAMP '2020-01-01': ['x,y']}"]],
    ['unions', ["union_value(k := 'a,b')", "[union_value(k := 'a,b')]"]],
    ['variants', ['1::VARIANT', "'a'::VARIANT", "DATE '2020-01-01'::VARIANT"]],
    ['JSON inside others', ['[\'{"a": 1}\'::JSON]', "['[1]'::JSON]"]],
  ])('is what SQL writes: %s', async (_what, expressions) => {
    const { ours, theirs } = await both(expressions);
    expect(ours).toEqual(theirs);
  });

  it('is what SQL writes of any double, and of any text in a list', async () => {
    const connection = await (await DuckDBInstance.create()).connect();
    await fc.assert(
      fc.asyncProperty(fc.double(), fc.string(), async (number, text) => {
        const reader = await connection.runAndReadAll(
          'SELECT n, n::VARCHAR, f, f::VARCHAR, l, l::VARCHAR FROM (SELECT $1::DOUBLE AS n, TRY_CAST($1 AS FLOAT) AS f, [$2::VARCHAR] AS l)',
          [number, text.replaceAll('\0', '')],
          // The driver's own guess for a whole number is BIGINT.
          [DOUBLE, VARCHAR],
        );
        const [n, nText, f, fText, l, lText] = reader.convertRows(textOf)[0] ?? [];
        expect([alike(n, nText), alike(f, fText, Math.fround), l]).toEqual([nText, fText, lText]);
      }),
      { numRuns: 300 },
    );
  });
});
