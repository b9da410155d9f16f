import { DuckDBInstance, type DuckDBResultReader } from '@duckdb/node-api';
import { expect, it, onTestFinished } from 'vitest';
import { VALUE_FORMS, type ValueForm } from '../../../src/shapes.ts';
import type { Contract } from '../place.ts';

const READ: Readonly<Record<ValueForm, (reader: DuckDBResultReader) => unknown[]>> = {
  js: (reader) => reader.getRowObjectsJS(),
  duckdb: (reader) => reader.getRowObjects(),
  json: (reader) => reader.getRowObjectsJson(),
};

/** What a program without onepond would have got: rows, or the driver's refusal. */
async function inProcess() {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  onTestFinished(() => {
    connection.closeSync();
    instance.closeSync();
  });
  return (sql: string, form: ValueForm): Promise<unknown> =>
    connection
      .runAndReadAll(sql)
      .then((reader) => READ[form](reader))
      .catch((error: Error) => ({ refused: firstLine(error) }));
}

/** What DuckDB draws below its first line is data of the error here. */
const firstLine = ({ message }: Error): string => message.replace(/^.* Error: /, '').replace(/\n[\s\S]*/, '');

const outcome = (rows: Promise<unknown>): Promise<unknown> =>
  rows.catch((error: Error) => ({ refused: firstLine(error) }));

/** Beyond the types of test_all_types(): what JSON, JavaScript objects or tags could spoil. */
const HARD_CASES: Readonly<Record<string, string>> = {
  null: 'SELECT NULL AS a, NULL::INT AS b, [NULL] AS c, {x: NULL} AS d',
  'not a number': "SELECT 'NaN'::DOUBLE AS a, 'NaN'::FLOAT AS b, ['NaN'::DOUBLE] AS c",
  'minus zero': "SELECT '-0.0'::DOUBLE AS a, [-0.0::FLOAT] AS b",
  infinity: "SELECT 'inf'::DOUBLE AS a, '-inf'::FLOAT AS b, {x: 'inf'::DOUBLE} AS c",
  'infinite dates': "SELECT 'infinity'::DATE AS a, '-infinity'::TIMESTAMP AS b",
  'huge integers':
    'SELECT 9223372036854775807 AS a, -170141183460469231731687303715884105728::HUGEINT AS b, 340282366920938463463374607431768211455::UHUGEINT AS c',
  'safe integers': 'SELECT 9007199254740993::BIGINT AS a, 1::BIGINT AS b, 18446744073709551615::UBIGINT AS c',
  decimals:
    'SELECT 1.10::DECIMAL(4,2) AS a, 12345678901234567890.123::DECIMAL(38,3) AS b, -0.05::DECIMAL(3,2) AS c',
  blobs: "SELECT '\\x00\\xFF\\x80'::BLOB AS a, ''::BLOB AS b, ['\\xAA'::BLOB] AS c",
  'long strings': "SELECT repeat('é', 5000) AS a, '' AS b, chr(0) || 'z' AS c, '😀\u2028' AS d",
  bits: "SELECT '0101'::BIT AS a",
  'nested lists': 'SELECT [[1, 2], [], NULL, [3]] AS a, [[[1.5]]] AS b, []::INT[] AS c',
  arrays: 'SELECT [1, 2, 3]::INT[3] AS a, [[1, 2], [3, 4]]::INT[2][2] AS b',
  structs: "SELECT {a: 1, b: {c: 'x', d: [1, 2]}} AS a, [{x: 1}, {x: 2}] AS b",
  'structs with a field called $':
    "SELECT {'$': 1, v: 2} AS a, {'$': 'bigint', v: '5'} AS b, [{'$': [1]}] AS c",
  'unnamed structs': "SELECT row(1, 'a') AS a",
  maps: "SELECT MAP {'a': 1, 'b': 2} AS a, MAP {1: [1, 2]} AS b, MAP {}::MAP(INT, INT) AS c",
  unions: "SELECT union_value(num := 2) AS a, union_value(str := 'x')::UNION(num INT, str VARCHAR) AS b",
  enums: "SELECT 'sad'::ENUM('happy', 'sad') AS a",
  intervals: "SELECT INTERVAL '1 month 2 days 3.5 seconds' AS a, INTERVAL '-1 year' AS b",
  times:
    "SELECT TIME '12:34:56.789' AS a, TIMETZ '12:34:56+02:30' AS b, TIMESTAMP '1969-12-31 23:59:59.999999' AS c",
  'time zones': "SELECT TIMESTAMPTZ '2024-02-29 12:00:00+00' AS a",
  uuids: "SELECT '550e8400-e29b-41d4-a716-446655440000'::UUID AS a",
  variants:
    "SELECT 42::VARIANT AS a, [1, 2]::VARIANT AS b, {x: 'y', z: [NULL, DATE '2024-02-29']}::VARIANT AS c",
  json: `SELECT '{"a":[1,null,"x"]}'::JSON AS a`,
  'a column called $': 'SELECT 1 AS "$", 2 AS v',
  'columns of one name': 'SELECT 1 AS a, 2 AS a, 3 AS A, 4 AS "a:1"',
  'no rows': 'SELECT 1 AS a WHERE false',
};

export function valueContract(contract: Contract): void {
  it.each(VALUE_FORMS)('every type of DuckDB arrives as in-process, as %s', async (form) => {
    const { client } = await contract.open();
    const expected = await inProcess();
    const columns = await client.rows('SELECT column_name AS name FROM (DESCRIBE FROM test_all_types())');
    expect(columns.length).toBeGreaterThan(50);
    for (const { name } of columns) {
      const sql = `SELECT "${name}" FROM test_all_types()`;
      expect(await outcome(client.rows(sql, undefined, form)), `${name}`).toStrictEqual(
        await expected(sql, form),
      );
    }
  });

  const cases = VALUE_FORMS.flatMap((form) => Object.keys(HARD_CASES).map((name) => ({ name, form })));
  // JSON's own text of -0 is 0, so the json form of a row has it over the service itself alone.
  it.each(cases.filter(({ name, form }) => name !== 'minus zero' || form !== 'json'))(
    '$name: as in-process, as $form',
    async ({ name, form }) => {
      const { client } = await contract.open();
      const expected = await inProcess();
      const sql = HARD_CASES[name] ?? '';
      const answer = await outcome(client.rows(sql, undefined, form));
      expect(answer).toStrictEqual(await expected(sql, form));
    },
  );

  it('a column called __proto__ is a column', async () => {
    const { client } = await contract.open();
    const [row] = await client.rows('SELECT 1 AS "__proto__", 2 AS b');
    expect(Object.entries(row ?? {})).toEqual([
      ['__proto__', 1],
      ['b', 2],
    ]);
  });

  it('values of DuckDB go round: what was read can be given as a parameter', async () => {
    const { client } = await contract.open();
    const sql = `SELECT DATE '2024-02-29' AS a, 1.5::DECIMAL(5,2) AS b, INTERVAL '1 day' AS c, '\\xAB'::BLOB AS d,
      TIMESTAMP '2024-01-01 12:00:00.123456' AS e, [1, 2] AS f, {x: 1} AS g,
      '550e8400-e29b-41d4-a716-446655440000'::UUID AS h`;
    const [row] = await client.rows(sql, undefined, 'duckdb');
    const names = Object.keys(row ?? {});
    const again = `SELECT ${names.map((name) => `$${name} AS ${name}`).join(', ')}`;
    expect(await client.rows(again, row, 'json')).toEqual(await client.rows(sql, undefined, 'json'));
  });

  it('results of many chunks arrive whole and in order', async () => {
    const { client } = await contract.open();
    const { rows } = await client.query('SELECT range::INT FROM range(10000) ORDER BY 1');
    expect(rows.map(([n]) => n)).toEqual(Array.from({ length: 10_000 }, (_, i) => i));
  });
}
