import { expect, it } from 'vitest';
import type { Contract } from '../place.ts';

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
