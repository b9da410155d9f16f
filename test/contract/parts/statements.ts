import { expect, it } from 'vitest';
import { DEFAULT_BATCH_SIZE } from '../../../src/protocol.ts';
import type { Contract } from '../place.ts';

export function statementContract(contract: Contract): void {
  it('run tells how many rows changed, and under which epoch', async () => {
    const { client, place } = await contract.open();
    await client.run('CREATE TABLE t (n INT)');
    const inserted = await client.run('INSERT INTO t SELECT range FROM range(5)');
    expect(inserted).toEqual({
      rowsChanged: 5,
      epoch: place.database.epoch,
      replayed: false,
      inTransaction: false,
    });
    expect(await client.run('UPDATE t SET n = 9 WHERE n > 2')).toMatchObject({ rowsChanged: 2 });
    expect(await client.run('DELETE FROM t')).toMatchObject({ rowsChanged: 5 });
  });

  it('the epoch grows with every owner of the file', async () => {
    const { place } = await contract.open();
    expect(place.database.epoch).toBe(1);
    expect(await place.database.beginEpoch()).toBe(2);
  });

  it('several statements run in their order, and the last one answers', async () => {
    const { client } = await contract.open();
    const text =
      "CREATE TABLE t (s VARCHAR); INSERT INTO t VALUES ('a;b'); -- not; here\nSELECT s AS a FROM t;";
    expect(await client.rows(text)).toEqual([{ a: 'a;b' }]);
    expect(await client.run("INSERT INTO t VALUES ('x'); DELETE FROM t;")).toMatchObject({ rowsChanged: 2 });
  });

  it('a statement with parameters sees what has changed since it was last run', async () => {
    const { client, another } = await contract.open();
    const other = await another();
    await client.run('CREATE TABLE p (a INT, b INT); INSERT INTO p SELECT range, 1 FROM range(100)');
    const count = 'SELECT count(*)::INT AS n FROM p WHERE a > 1000 AND b IS NOT NULL AND b = $1';
    expect(await client.rows(count, [1])).toEqual([{ n: 0 }]);
    await other.run('INSERT INTO p VALUES (5000, 1), (6000, NULL)');
    expect(await client.rows(count, [1])).toEqual([{ n: 1 }]);
    await other.run('ALTER TABLE p ALTER b TYPE VARCHAR');
    expect(await client.rows(count, ['1'])).toEqual([{ n: 1 }]);
    await other.run('DROP TABLE p');
    await expect(client.rows(count, ['1'])).rejects.toMatchObject({ code: 'SQL', data: { kind: 'Catalog' } });
  });

  it('a failing statement ends the text there: what was before it stays', async () => {
    const { client } = await contract.open();
    const text =
      'CREATE TABLE t (n INT); INSERT INTO t VALUES (1); SELECT * FROM missing; INSERT INTO t VALUES (2)';
    await expect(client.run(text)).rejects.toMatchObject({ code: 'SQL' });
    expect(await client.rows('SELECT n FROM t')).toEqual([{ n: 1 }]);
  });

  it('a syntax error in any statement runs none of them', async () => {
    const { client } = await contract.open();
    await expect(client.run('CREATE TABLE t (n INT); SELEC 1')).rejects.toMatchObject({
      data: { kind: 'Parser' },
    });
    expect(
      await client.rows("SELECT count(*)::INT AS n FROM duckdb_tables() WHERE table_name = 't'"),
    ).toEqual([{ n: 0 }]);
  });

  it.each<[with_: string, condition: string, params: unknown[]]>([
    ['no parameter', 'a > 1000', []],
    ['a parameter', 'a > 1000 AND b = ?', [1]],
  ])(
    'a text with %s does not depend on what the table held when it ran first',
    async (_, condition, params) => {
      const { client, another } = await contract.open();
      const writer = await another();
      await writer.run('CREATE TABLE r AS SELECT range AS a, 1 AS b FROM range(100)');
      const count = `SELECT count(*)::INT AS n FROM r WHERE ${condition}`;
      expect(await client.rows(count, params)).toEqual([{ n: 0 }]);
      expect(await client.rows(count, params)).toEqual([{ n: 0 }]);
      await writer.run('INSERT INTO r SELECT 2000 + range, 1 FROM range(7)');
      expect(await client.rows(count, params)).toEqual([{ n: 7 }]);
    },
  );

  it.each<[what: string, before: string, text: string, params: unknown[], change: string]>([
    [
      'a view',
      'CREATE VIEW w AS SELECT 1 AS a',
      'SELECT a FROM w WHERE ?::INT = 1',
      [1],
      'CREATE OR REPLACE VIEW w AS SELECT 2 AS a',
    ],
    [
      'a macro',
      'CREATE MACRO m() AS 1',
      'SELECT m() * ?::INT AS a',
      [1],
      'BEGIN; CREATE OR REPLACE MACRO m() AS 2; COMMIT',
    ],
    ['a setting', 'SELECT 1', 'SELECT 7 / 2 + ?::INT AS a', [0], 'SET GLOBAL integer_division = true'],
    [
      'an order',
      'SELECT 1',
      'SELECT range AS a FROM range(3) WHERE range < ?::INT ORDER BY range',
      [2],
      "SET GLOBAL default_order = 'DESC'",
    ],
  ])('a text means what %s means now, whoever changed it', async (_, before, text, params, change) => {
    const { client, another } = await contract.open();
    const writer = await another();
    await writer.run(before);
    const first = await client.rows(text, params);
    await writer.run(change);
    const now = await (await another()).rows(text, params);
    expect(now).not.toEqual(first);
    expect(await client.rows(text, params)).toEqual(now);
  });

  it('a text means what the session has set since it ran first', async () => {
    const { client } = await contract.open();
    const text = "SELECT getvariable('v') AS a, 7 / 2 + ?::INT AS b";
    expect(await client.rows(text, [1])).toEqual([{ a: null, b: 4.5 }]);
    await client.run("SET VARIABLE v = 'now'; SET integer_division = true");
    expect(await client.rows(text, [1])).toEqual([{ a: 'now', b: 4 }]);
  });

  it('a table that was made anew answers with its new columns', async () => {
    const { client, another } = await contract.open();
    await client.run('CREATE TABLE t AS SELECT 1 AS a');
    expect(await client.rows('SELECT * FROM t')).toEqual([{ a: 1 }]);
    await (await another()).run("CREATE OR REPLACE TABLE t AS SELECT 'x' AS b, 2 AS c");
    expect(await client.rows('SELECT * FROM t')).toEqual([{ b: 'x', c: 2 }]);
  });

  it.each(['', 'SELECT 1; ', 'SELECT * FROM ('])('a PIVOT runs: %sPIVOT', async (before) => {
    const { client, another } = await contract.open();
    await client.run("CREATE TABLE p AS SELECT * FROM (VALUES ('a', 1), ('b', 2)) AS p(k, n)");
    const sql = `${before}PIVOT p ON k USING sum(n)${before.endsWith('(') ? ')' : ''}`;
    for (const who of [client, await another({ readOnly: true })]) {
      const rows = await who.rows(sql);
      expect(rows).toEqual([{ a: 1n, b: 2n }]);
      const { cursor } = await who.call('stream/open', { sql });
      expect((await who.call('stream/next', { cursor, batchSize: 10 })).rows).toHaveLength(1);
    }
  });

  it('maxRows is the most that a result may have', async () => {
    const { client } = await contract.open();
    const all = await client.query('SELECT * FROM range(5)', undefined, { maxRows: 5 });
    expect(all.rows).toHaveLength(5);
    for (const rows of [6, DEFAULT_BATCH_SIZE * 3]) {
      const call = client.query(`SELECT * FROM range(${rows})`, undefined, { maxRows: 5 });
      await expect(call).rejects.toMatchObject({
        code: 'TOO_LARGE',
        hint: expect.stringContaining('stream'),
      });
    }
    const none = client.query('SELECT 1', undefined, { maxRows: 0 });
    await expect(none).rejects.toMatchObject({ code: 'TOO_LARGE' });
  });

  it('a result over the size of a message is TOO_LARGE, and the session goes on', async () => {
    const { client } = await contract.open();
    const call = client.query("SELECT repeat('x', 1000000) AS a FROM range(70)");
    await expect(call).rejects.toMatchObject({ code: 'TOO_LARGE' });
    expect(await client.rows('SELECT 1 AS a')).toEqual([{ a: 1 }]);
  });

  it('calls of one session run in the order they came', async () => {
    const { client } = await contract.open();
    await client.run('CREATE SEQUENCE s');
    const calls = Array.from({ length: 20 }, () => client.rows("SELECT nextval('s')::INT AS n"));
    const order = (await Promise.all(calls)).map(([row]) => row?.n);
    expect(order).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  });
}
