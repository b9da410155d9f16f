import { runInNewContext } from 'node:vm';
import { decimalValue, listValue } from '@duckdb/node-api';
import { expect, it } from 'vitest';
import { MAX_PARAM_DEPTH } from '../../../src/values.ts';
import type { Contract } from '../place.ts';

/** Lists inside each other, so many, as a caller and as the wire have them. */
function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

const NAMES = ['constructor', 'prototype', '__proto__', 'toString', 'hasOwnProperty', '$'];
const named = (value: unknown): object => Object.fromEntries(NAMES.map((name) => [name, value]));

export function paramContract(contract: Contract): void {
  it('takes positional params as ? and as $1', async () => {
    const { client } = await contract.open();
    expect(await client.rows('SELECT ?::INT AS a, ? AS b', [1, 'x'])).toEqual([{ a: 1, b: 'x' }]);
    expect(await client.rows('SELECT $2 AS a, $1 AS b, $2 AS c', ['x', 'y'])).toEqual([
      { a: 'y', b: 'x', c: 'y' },
    ]);
  });

  it('takes named params in any order', async () => {
    const { client } = await contract.open();
    expect(await client.rows('SELECT $a AS a, $b AS b, $a AS c', { b: 'y', a: 'x' })).toEqual([
      { a: 'x', b: 'y', c: 'x' },
    ]);
  });

  it('takes every value that a JavaScript program has', async () => {
    const { client } = await contract.open();
    const day = new Date('2024-02-29T12:34:56.789Z');
    const given = {
      null_: null,
      flag: true,
      number: 1.5,
      big: 9223372036854775807n,
      text: "it's 😀",
      day,
      bytes: new Uint8Array([0, 255, 128]),
      list: [1, 2, null],
      struct: { a: 'x', b: [true] },
      dollars: { $: 'bigint', v: 'x' },
      nan: Number.NaN,
      infinite: Number.NEGATIVE_INFINITY,
    };
    const names = Object.keys(given);
    const [row] = await client.rows(`SELECT ${names.map((name) => `$${name} AS ${name}`).join(', ')}`, given);
    // Bytes come as the driver gives them.
    expect(row).toEqual({ ...given, bytes: Buffer.from(given.bytes) });
  });

  it('a Date becomes the type of its parameter', async () => {
    const { client } = await contract.open();
    await client.run('CREATE TABLE days (d DATE, t TIMESTAMP, z TIMESTAMPTZ)');
    const day = new Date('1969-12-31T23:00:00Z');
    await client.run('INSERT INTO days VALUES (?, ?, ?)', [day, day, day]);
    expect(await client.rows('SELECT d::VARCHAR AS d, t::VARCHAR AS t, epoch_ms(z) AS z FROM days')).toEqual([
      { d: '1969-12-31', t: '1969-12-31 23:00:00', z: BigInt(day.getTime()) },
    ]);
  });

  it.each<[name: string, type: string, given: unknown, stored: unknown]>([
    ['nulls first', 'INTEGER[]', [null, 1, 2], [null, 1, 2]],
    [
      'holes and undefined',
      'INTEGER[]',
      Object.assign(new Array(4), [1, undefined], { 3: 2 }),
      [1, null, null, 2],
    ],
    ['whole numbers before fractions', 'DOUBLE[]', [0, 0.5], [0, 0.5]],
    ['numbers and bigints', 'HUGEINT[]', [1, 2n ** 70n], [1n, 2n ** 70n]],
    ['an empty list', 'INTEGER[]', [], []],
    ['an empty list before others', 'INTEGER[][]', [[], [1]], [[], [1]]],
    [
      'structs with fields of their own',
      'STRUCT(a INTEGER, b VARCHAR)[]',
      [{ a: 1 }, { b: 'x' }, null],
      [{ a: 1, b: null }, { a: null, b: 'x' }, null],
    ],
    ['a struct without all fields', 'STRUCT(a INTEGER, b VARCHAR)', { b: 'x' }, { a: null, b: 'x' }],
    [
      'an object as a map',
      'MAP(VARCHAR, DOUBLE)',
      { a: 1, b: 0.5 },
      [
        { key: 'a', value: 1 },
        { key: 'b', value: 0.5 },
      ],
    ],
    [
      'a Map',
      'MAP(INTEGER, VARCHAR)',
      new Map([
        [1, 'x'],
        [2, null],
      ]),
      [
        { key: 1, value: 'x' },
        { key: 2, value: null },
      ],
    ],
    ['dates in a list', 'DATE[]', [null, new Date('1969-12-31T23:00:00Z')], [null, new Date('1969-12-31')]],
    ['bytes in a list', 'BLOB[]', [null, new Uint8Array([0, 255])], [null, Buffer.from([0, 255])]],
    ['a typed array', 'SMALLINT[]', new Int16Array([1, -2]), [1, -2]],
    [
      'a typed array of fractions',
      'DOUBLE[]',
      new Float64Array([0.1, -0, Number.NaN]),
      [0.1, -0, Number.NaN],
    ],
    ['a typed array of bigints', 'UBIGINT[]', new BigUint64Array([2n ** 64n - 1n]), [2n ** 64n - 1n]],
    ['bytes as a list', 'UTINYINT[]', new Uint8Array([0, 255]), [0, 255]],
    [
      'decimals of different widths',
      'DECIMAL(9, 3)[]',
      [decimalValue(15n, 2, 1), 2, decimalValue(1234n, 4, 3)],
      [1.5, 2, 1.234],
    ],
    ['a list of the driver', 'INTEGER[]', listValue([null, 1]), [null, 1]],
  ])('%s are stored as they are: %s', async (_, type, given, stored) => {
    const { client } = await contract.open();
    await client.run(`CREATE TABLE t (v ${type})`);
    await client.run('INSERT INTO t VALUES ($1)', [given]);
    await client.run(`INSERT INTO t SELECT unnest($1::${type}[])`, [[null, given]]);
    expect(await client.rows('SELECT v FROM t')).toEqual([{ v: stored }, { v: null }, { v: stored }]);
  });

  it.each<[given: unknown, type: string]>([
    [-0, 'DOUBLE'],
    [1e300, 'DOUBLE'],
    [2 ** 63, 'DOUBLE'],
    [2n ** 127n, 'UHUGEINT'],
    [-(2n ** 200n), 'BIGNUM'],
  ])('%d loses nothing', async (given, type) => {
    const { client } = await contract.open();
    const [row] = await client.rows('SELECT $1 AS v, typeof($1) AS type', [given]);
    expect(row).toEqual({ v: given, type });
  });

  it('takes values that were made in another realm', async () => {
    const { client } = await contract.open();
    const [list, bytes, map, day] = runInNewContext(
      '[[{ a: 1 }], new Uint8Array([1]), new Map([[1, 2]]), new Date(0)]',
    );
    const [row] = await client.rows('SELECT $1 AS list, $2 AS bytes, $3 AS map, $4 AS day', [
      list,
      bytes,
      map,
      day,
    ]);
    expect(row).toEqual({
      list: [{ a: 1 }],
      bytes: Buffer.from([1]),
      map: [{ key: 1, value: 2 }],
      day: new Date(0),
    });
  });

  it('takes params of every name', async () => {
    const { client } = await contract.open();
    // DuckDB takes no parameter called `$`.
    const { $: _, ...params } = named('x') as Record<string, unknown>;
    const sql = `SELECT ${Object.keys(params)
      .map((name) => `$${name}`)
      .join(' || ')} AS all`;
    expect(await client.rows(sql, params)).toEqual([{ all: 'x'.repeat(NAMES.length - 1) }]);
  });

  it.each([
    ['a field of every name', named(1)],
    ['lists as deep as they may be', nested(MAX_PARAM_DEPTH)],
  ])('%s: comes back', async (_, value) => {
    const { client } = await contract.open();
    const [row] = await client.rows('SELECT $1::JSON::VARCHAR AS v', [value]);
    // The driver cannot read a field called __proto__.
    expect(JSON.parse(row?.v as string)).toEqual(JSON.parse(JSON.stringify(value)));
  });

  it.each([MAX_PARAM_DEPTH + 1, 1_000, 30_000])('lists %d deep: INVALID', async (depth) => {
    const { client } = await contract.open();
    for (const params of [[nested(depth)], { a: nested(depth) }]) {
      const asked = async (): Promise<unknown> => client.query('SELECT $a', params);
      await expect(asked()).rejects.toMatchObject({ code: 'INVALID' });
    }
  });

  it('undefined is NULL', async () => {
    const { client } = await contract.open();
    expect(await client.rows('SELECT ? AS a', [undefined])).toEqual([{ a: null }]);
  });

  it.each<[name: string, sql: string, params: unknown]>([
    ['too few', 'SELECT ?, ?', [1]],
    ['too many', 'SELECT ?', [1, 2]],
    ['some where none are taken', 'SELECT 1', [1]],
    ['none where some are taken', 'SELECT ?', undefined],
    ['a missing name', 'SELECT $a, $b', { a: 1 }],
    ['an unknown name', 'SELECT $a', { a: 1, b: 2 }],
    ['a name from the prototype', 'SELECT $constructor', {}],
    ['an invalid Date', 'SELECT ?', [new Date(Number.NaN)]],
    ['a list of numbers and strings', 'SELECT ?', [[1, 'a']]],
    ['a list of a struct and a number', 'SELECT ?', [[{ a: 1 }, 1]]],
    ['a bigint beside a fraction that would round it', 'SELECT ?', [[2n ** 60n + 1n, 0.5]]],
    ['a field that the struct does not have', 'SELECT ?::STRUCT(a INTEGER)', [{ a: 1, z: 2 }]],
    ['half of a surrogate pair', 'SELECT ?', ['\ud800']],
    ['a field whose name holds a NUL', 'SELECT ?', [{ 'a\0b': 1 }]],
  ])('%s: INVALID', async (_, sql, params) => {
    const { client } = await contract.open();
    await expect(client.query(sql, params)).rejects.toMatchObject({ code: 'INVALID' });
    await expect(client.run(sql, params)).rejects.toMatchObject({ code: 'INVALID' });
    expect(await client.rows('SELECT 1 AS a')).toEqual([{ a: 1 }]);
  });

  it.each<[name: string, value: unknown]>([
    ['an unknown tag', { $: 'nothing', v: 1 }],
    ['a tag without a value', { $: 'object' }],
    ['a bigint that is none', { $: 'bigint', v: 'x' }],
    ['a class that the driver does not have', { $: 'DuckDBNothingValue', v: {} }],
    ['a class of the driver with strange fields', { $: 'DuckDBDateValue', v: { days: 'x' } }],
    ['a list of the driver without items', { $: 'DuckDBListValue', v: {} }],
    ...['constructor', 'toString', '__proto__', 'hasOwnProperty', 'valueOf'].map(
      (name): [string, unknown] => [`the tag ${name}`, { $: name, v: 'x' }],
    ),
    ['a tag that is no string', { $: ['bigint'], v: '1' }],
    ['bytes that are no string', { $: 'bytes', v: { length: 1e9 } }],
    ['a number that is an object', { $: 'number', v: {} }],
    ['a date that is no number', { $: 'date', v: 'x' }],
    ['a map of no pairs', { $: 'map', v: [[1]] }],
    ['a typed array of half an element', { $: 'Int32Array', v: 'AAA=' }],
    ['a bigint of a million digits', { $: 'bigint', v: '9'.repeat(1e6) }],
    ['lists inside each other without end', nested(1_000)],
    ['a type of the driver', { $: 'DuckDBIntegerType', v: { typeId: 4 } }],
    [
      'fields that change the prototype',
      { $: 'DuckDBDateValue', v: JSON.parse('{"__proto__": {}, "days": 1}') },
    ],
  ])('%s in the wire form: INVALID', async (_, value) => {
    const { client } = await contract.open();
    const call = client.call('query', { sql: 'SELECT ? AS a', params: [value] });
    await expect(call).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.not.stringContaining('internal'),
    });
    expect(await client.rows('SELECT 1 AS a')).toEqual([{ a: 1 }]);
  });

  it('params go to the last statement of several', async () => {
    const { client } = await contract.open();
    expect(
      await client.rows(
        'CREATE TABLE t (n INT); INSERT INTO t VALUES (1), (2); SELECT * FROM t WHERE n > ?',
        [1],
      ),
    ).toEqual([{ n: 2 }]);
  });
}
