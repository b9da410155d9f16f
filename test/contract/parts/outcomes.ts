import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type Contract, ENDLESS } from '../place.ts';

/** What the errors of an owner report of the effect of their calls. */
export function outcomeContract(contract: Contract): void {
  const failing: readonly (readonly [what: string, sql: string, outcome: string, left: number])[] = [
    ['a text that does not parse', 'INSERT INTO t VALUES (2', 'not-committed', 0],
    ['a write that fails', 'INSERT INTO t VALUES (1)', 'not-committed', 0],
    ['a write that fails after a read', 'SELECT 1; INSERT INTO t VALUES (1)', 'not-committed', 0],
    ['a read that fails after a write', 'INSERT INTO t VALUES (2); SELECT missing', 'unknown', 1],
    ['a write that fails after another', 'INSERT INTO t VALUES (2); INSERT INTO t VALUES (1)', 'unknown', 1],
    ['a text that fails in its transaction', 'BEGIN; SELECT missing', 'not-committed', 0],
    ['a text that fails behind it', 'BEGIN; INSERT INTO t VALUES (2); COMMIT; SELECT missing', 'unknown', 1],
    ['an EXPLAIN that would commit', 'EXPLAIN ANALYZE COMMIT', 'not-committed', 0],
    ['one in a text', 'EXPLAIN /* a */ (ANALYZE) ROLLBACK; SELECT 1', 'not-committed', 0],
  ];
  it.each(failing)('%s', async (_, sql, outcome, left) => {
    const { client, another } = await contract.open({ client: 'a' });
    await client.run('CREATE TABLE t (n INT PRIMARY KEY); INSERT INTO t VALUES (1)');
    await expect(client.call('run', { sql, call: 9 })).rejects.toMatchObject({ data: { outcome } });
    const other = await another();
    expect(await other.rows('SELECT count(*)::INT AS n FROM t')).toEqual([{ n: 1 + left }]);
  });

  it('what no transaction takes back is announced inside one, and unknown when it fails', async () => {
    const { client, place } = await contract.open({ client: 'a' });
    await client.run('BEGIN');
    const sql = `COPY (SELECT CASE WHEN range < 5000000 THEN '1' ELSE 'x' END::INT FROM range(5000001)) TO '${join(place.dir, 'out.csv')}'`;
    await expect(client.call('run', { sql, call: 7 })).rejects.toMatchObject({
      code: 'SQL',
      data: { outcome: 'unknown' },
    });
    await client.session.began(7);
  });

  it('an EXPLAIN of a statement that is no COMMIT runs, whatever its words', async () => {
    const { client } = await contract.open({ client: 'a' });
    await client.run('CREATE TABLE t (n INT)');
    await client.query("EXPLAIN ANALYZE SELECT CASE WHEN n = 1 THEN 2 END, 'analyze commit' FROM t");
    await client.query('EXPLAIN ANALYZE INSERT INTO t VALUES (1) -- commit');
    expect(await client.rows('SELECT n FROM t')).toEqual([{ n: 1 }]);
  });

  it('a call that an earlier owner may have done is unknown until it is looked up', async () => {
    const { client, another, place } = await contract.open({ client: 'a' });
    await client.run('CREATE TABLE t (n INT)');
    await client.call('run', { sql: 'INSERT INTO t VALUES (1)', call: 5 });
    await place.restart();
    const next = await another({ client: 'a' });
    const [first, second] = [new AbortController(), new AbortController()];
    const running = next.query(ENDLESS, undefined, {}, first.signal);
    const resent = { sql: 'INSERT INTO t VALUES (1)', call: 5, sent: 'before' as const };
    const queued = next.call('run', resent, second.signal);
    await next.call('ping', {});
    second.abort();
    await expect(queued).rejects.toMatchObject({ code: 'ABORTED', data: { outcome: 'unknown' } });
    first.abort();
    await expect(running).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await next.rows('SELECT n FROM t')).toEqual([{ n: 1 }]);
  });

  it('a session that begins anew has nothing of what it had', async () => {
    const { client, another } = await contract.open({ client: 'a' });
    await client.run('CREATE SCHEMA other; CREATE TABLE t (n INT); CREATE TEMP TABLE mine (n INT)');
    await client.run("SET VARIABLE v = 1; USE other; PREPARE p AS SELECT 1; SET search_path = 'other'");
    await client.run('CREATE TEMP MACRO seven() AS 7');
    await client.run('BEGIN; INSERT INTO memory.t VALUES (1)').catch(() => undefined);
    expect(await client.call('run', { sql: 'BEGIN', call: 20, fresh: true })).toMatchObject({
      inTransaction: true,
    });
    expect(await client.rows('SELECT n FROM t')).toEqual([]);
    expect(await client.rows("SELECT getvariable('v') AS v, current_schema() AS s")).toEqual([
      { v: null, s: 'main' },
    ]);
    for (const sql of ['FROM mine', 'EXECUTE p', 'SELECT seven()'])
      await expect(client.query(sql)).rejects.toMatchObject({ code: 'SQL' });
    await client.run('ROLLBACK');
    // What it had open is rolled back, and holds nobody up.
    await (await another({ client: 'b' })).call('run', { sql: 'DROP TABLE t', call: 1 });
  });
}
