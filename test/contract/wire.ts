import { describe, expect, it } from 'vitest';
import { attachContract } from './parts/attach.ts';
import { type Connect, contractOver } from './place.ts';

/** What holds where the other side may say anything: both ways between processes or threads. */
export function describeWire(name: string, connect: Connect): void {
  const contract = contractOver(connect);

  describe(`strange calls over ${name}`, () => {
    const WRONG: readonly [method: string, params: unknown][] = [
      ['query', {}],
      ['query', { sql: 5 }],
      ['query', { sql: 'SELECT 1', extra: true }],
      ['query', { sql: 'SELECT 1', values: 'xml' }],
      ['query', { sql: 'SELECT 1', maxRows: -1 }],
      ['query', { sql: 'SELECT 1', call: 1.5 }],
      ['query', { sql: 'SELECT ?', params: 'a' }],
      ['query', ['SELECT 1']],
      ['run', null],
      ['stream/next', { cursor: 1, batchSize: 0 }],
      ['stream/next', { cursor: 1, batchSize: 1_000_001 }],
      ['index/search', { query: 'a', limit: 0 }],
      ['index/search', { query: 'a', limit: 1001 }],
      ['index/update', { root: ['a'] }],
      ['ping', { extra: 1 }],
    ];
    it.each(WRONG)('%s with the params %j is INVALID', async (method, params) => {
      const { client } = await contract.open();
      await expect(client.call(method as 'query', params as never)).rejects.toMatchObject({
        code: 'INVALID',
      });
      await expect(client.rows('SELECT 1 AS a')).resolves.toEqual([{ a: 1 }]);
    });

    it.each(
      Object.entries({
        'a query': { query: 'a '.repeat(40_000) },
        'a glob': { query: 'a', path: ['a'.repeat(5000)] },
        'a list of globs': { query: 'a', path: Array.from({ length: 1001 }, () => 'a') },
        'a language': { query: 'a', lang: ['a'.repeat(2000)] },
      }),
    )('%s without end is INVALID', async (_what, params) => {
      const { client } = await contract.open();
      await expect(client.call('index/search', params)).rejects.toMatchObject({ code: 'INVALID' });
    });

    it.each(['nothing', 'constructor', '__proto__', 'toString', ''])(
      'the method %j is unknown',
      async (method) => {
        const { client } = await contract.open();
        await expect(client.call(method as 'query', {} as never)).rejects.toMatchObject({ code: 'INVALID' });
        await expect(client.rows('SELECT 1 AS a')).resolves.toEqual([{ a: 1 }]);
      },
    );

    it('says which field is wrong', async () => {
      const { client } = await contract.open();
      await expect(client.call('query', { sql: 5 } as never)).rejects.toThrow(/^query: sql: /);
    });

    const LARGE = 'x'.repeat(69_000_000);
    it.each<[name: string, sql: string, params: unknown[]]>([
      ['a parameter', 'INSERT INTO t SELECT length($1)', [LARGE]],
      ['the elements of a list', 'INSERT INTO t SELECT len($1)', [new Array(9_000_000).fill(10_000_000)]],
      ['a statement', `INSERT INTO t SELECT length('${LARGE}')`, []],
    ])('%s over the limit of a message is TOO_LARGE before anything is done', async (_, sql, params) => {
      const { client } = await contract.open();
      await client.run('CREATE TABLE t (n BIGINT)');
      await expect(client.run(sql, params)).rejects.toMatchObject({
        code: 'TOO_LARGE',
        hint: expect.stringContaining('nothing was done'),
      });
      expect(await client.rows('SELECT count(*)::INTEGER AS n FROM t')).toEqual([{ n: 0 }]);
    });

    it('a parameter just below the limit arrives', async () => {
      const { client } = await contract.open();
      expect(await client.rows('SELECT length($1)::INTEGER AS n', ['\u001f'.repeat(11_000_000)])).toEqual([
        { n: 11_000_000 },
      ]);
    });

    it('keeps the hint and the data of an error', async () => {
      const { client } = await contract.open();
      await client.run('CREATE TABLE numbers (n INT)');
      await expect(client.query('SELECT * FROM numberz')).rejects.toMatchObject({
        name: 'PondError',
        code: 'SQL',
        hint: expect.stringContaining('numbers'),
        data: { kind: 'Catalog', position: 14 },
      });
    });
  });

  describe(`further files in a hello over ${name}`, () => attachContract(contract));
}
