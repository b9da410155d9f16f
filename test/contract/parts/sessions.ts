import { expect, it } from 'vitest';
import type { Contract } from '../place.ts';

export function sessionContract(contract: Contract): void {
  it("a temporary table is its session's own", async () => {
    const { client, another } = await contract.open();
    const other = await another();
    await client.run('CREATE TEMP TABLE mine AS SELECT 1 AS a');
    expect(await client.rows('SELECT * FROM mine')).toEqual([{ a: 1 }]);
    await expect(other.query('SELECT * FROM mine')).rejects.toMatchObject({ data: { kind: 'Catalog' } });
  });

  it("settings, variables and prepared statements are the session's own", async () => {
    const { client, another } = await contract.open();
    const other = await another();
    await client.run("SET VARIABLE who = 'me'; SET SESSION schema = 'main'; PREPARE p AS SELECT 1 AS a");
    expect(await client.rows("SELECT getvariable('who') AS who")).toEqual([{ who: 'me' }]);
    expect(await other.rows("SELECT getvariable('who') AS who")).toEqual([{ who: null }]);
    expect(await client.rows('EXECUTE p')).toEqual([{ a: 1 }]);
    await expect(other.query('EXECUTE p')).rejects.toMatchObject({ code: 'SQL' });
  });

  it.each([
    'COPY FROM DATABASE nowhere TO elsewhere',
    'SELECT 1; COPY FROM DATABASE nowhere TO elsewhere',
    "PRAGMA copy_database('nowhere', 'elsewhere')",
  ])('%s fails, and leaves no transaction behind', async (sql) => {
    const { client, another } = await contract.open();
    await client.run('CREATE TABLE t (n INT)');
    await expect(client.run(sql)).rejects.toMatchObject({ data: { kind: 'Binder' } });
    expect(await client.rows('FROM t')).toEqual([]);
    await expect(client.run(sql)).rejects.toMatchObject({ data: { kind: 'Binder' } });
    for (const text of ['BEGIN', 'INSERT INTO t VALUES (1)', 'COMMIT']) await client.run(text);
    expect(await (await another()).rows('FROM t')).toEqual([{ n: 1 }]);
  });

  it('a table is seen by all sessions at once', async () => {
    const { client, another } = await contract.open();
    const others = await Promise.all([another(), another(), another()]);
    await client.run('CREATE TABLE t (n INT)');
    await Promise.all(others.map((other, i) => other.run('INSERT INTO t VALUES (?)', [i])));
    for (const each of [client, ...others]) {
      expect(await each.rows('SELECT n FROM t ORDER BY n')).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }]);
    }
  });

  it('the end of one session ends no other', async () => {
    const { client, another } = await contract.open();
    const other = await another();
    await other.rows('SELECT 1');
    await other.session.close();
    expect(await client.rows('SELECT 1 AS a')).toEqual([{ a: 1 }]);
  });

  it('status names the file and its owner', async () => {
    const { client, place } = await contract.open();
    const status = await client.call('status', {});
    expect(status).toMatchObject({
      db: place.database.path,
      owner: { pid: process.pid, epoch: place.database.epoch, socket: place.socket },
      index: null,
    });
  });

  it('a ping is answered while a query runs', async () => {
    const { client } = await contract.open();
    const slow = client.rows('SELECT sum(range)::DOUBLE AS n FROM range(20000000)');
    expect(await client.call('ping', {})).toEqual({});
    expect(await slow).toEqual([{ n: 199999990000000 }]);
  });
}
