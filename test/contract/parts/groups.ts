import { expect, it } from 'vitest';
import type { Client, Contract } from '../place.ts';

/** Writes of several sessions share a transaction, and none of them can tell. */
export function groupContract(contract: Contract): void {
  async function crowd(size: number): Promise<{ clients: Client[]; client: Client }> {
    const { client, another } = await contract.open({ client: 'first' });
    const clients = await Promise.all(Array.from({ length: size }, (_, i) => another({ client: `c${i}` })));
    return { clients, client };
  }

  it('each is done, and answered for itself', async () => {
    const { client, clients } = await crowd(20);
    await client.run('CREATE TABLE t (n INT, who INT)');
    const answers = await Promise.all(
      clients.map((one, i) =>
        one.call('query', {
          sql: `INSERT INTO t SELECT range, ${i} FROM range(${i}) RETURNING n + 0 AS n`,
          call: 1,
        }),
      ),
    );
    expect(answers.map(({ rows }) => rows.length)).toEqual(clients.map((_, i) => i));
    expect(await client.rows('SELECT who, count(*)::INT AS n FROM t GROUP BY who ORDER BY who')).toEqual(
      clients.slice(1).map((_, i) => ({ who: i + 1, n: i + 1 })),
    );
  });

  it('one that fails fails alone', async () => {
    const { client, clients } = await crowd(12);
    await client.run('CREATE TABLE t (n INT PRIMARY KEY); INSERT INTO t VALUES (100)');
    const FAILS = new Map([
      [2, 'INSERT INTO t VALUES (100)'],
      [5, "INSERT INTO t VALUES ('x')"],
      [6, 'INSERT INTO missing VALUES (1)'],
      [11, 'INSERT INTO t VALUES (7), (100)'],
    ]);
    const ends = await Promise.allSettled(
      clients.map((one, i) =>
        one.call('run', { sql: FAILS.get(i) ?? `INSERT INTO t VALUES (${i})`, call: 1 }),
      ),
    );
    const failed = ends.flatMap(({ status }, i) => (status === 'rejected' ? [i] : []));
    expect(failed).toEqual([...FAILS.keys()]);
    const rows = await client.rows('SELECT n FROM t WHERE n < 100 ORDER BY n');
    expect(rows).toEqual(clients.flatMap((_, i) => (FAILS.has(i) ? [] : [{ n: i }])));
    // Nothing is recorded of those that failed.
    expect(await client.rows("SELECT call FROM _onepond.ledger WHERE client LIKE 'c%'")).toHaveLength(
      rows.length,
    );
  });

  it('changes of one row never meet', async () => {
    const { client, clients } = await crowd(10);
    await client.run('CREATE TABLE t AS SELECT 0 AS n');
    await Promise.all(
      clients.map(async (one) => {
        for (let call = 1; call <= 5; call++) await one.call('run', { sql: 'UPDATE t SET n = n + 1', call });
      }),
    );
    expect(await client.rows('SELECT n FROM t')).toEqual([{ n: 50 }]);
  });

  it('a table is made by all at once, where it is not there', async () => {
    const { client, clients } = await crowd(10);
    const sql = 'CREATE TABLE IF NOT EXISTS t (n INT); INSERT INTO t VALUES (1)';
    await Promise.all(clients.map((one) => one.call('run', { sql, call: 1 })));
    expect(await client.rows('SELECT n FROM t')).toHaveLength(10);
  });

  it('a slow one does not hold the others', async () => {
    const { client, clients } = await crowd(2);
    const [slow, quick] = clients as [Client, Client];
    await client.run('CREATE TABLE t (n BIGINT)');
    const stop = new AbortController();
    const sql = 'INSERT INTO t SELECT sum(a.range * b.range % 7) FROM range(10000000) a, range(10000000) b';
    const endless = slow.call('run', { sql, call: 1 }, stop.signal);
    for (let call = 1; call <= 20; call++) await quick.call('run', { sql: `INSERT INTO t VALUES (1)`, call });
    stop.abort();
    await expect(endless).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await client.rows('SELECT n FROM t')).toHaveLength(20);
  });

  it('a session with settings of its own keeps them', async () => {
    const { client, clients } = await crowd(3);
    const [own] = clients as [Client];
    await own.run(
      'SET VARIABLE v = 42; CREATE TEMP TABLE mine (n INT); CREATE SCHEMA s; USE s; CREATE TABLE t (n INT)',
    );
    await client.run('CREATE TABLE t (n INT)');
    await Promise.all([
      own.call('run', { sql: "INSERT INTO t VALUES (getvariable('v'))", call: 5 }),
      own.call('run', { sql: 'INSERT INTO mine VALUES (7)', call: 6 }),
      client.call('run', { sql: 'INSERT INTO t VALUES (1)', call: 5 }),
    ]);
    expect(await client.rows('SELECT n FROM s.t')).toEqual([{ n: 42 }]);
    expect(await client.rows('SELECT n FROM main.t')).toEqual([{ n: 1 }]);
    expect(await own.rows('SELECT n FROM mine')).toEqual([{ n: 7 }]);
  });
}
