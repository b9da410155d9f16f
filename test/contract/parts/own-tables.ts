import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Client, Contract, Place } from '../place.ts';

/** Statements of one session, run in another place than that of its file or with other words than DuckDB's own. */
const SESSIONS: readonly (readonly [what: string, statements: string])[] = [
  ['in another attached file', 'USE other'],
  ['in a schema of another attached file', 'USE other._onepond'],
  ['with a search path of its own', "SET search_path = 'other._onepond,other.main'"],
  ['with a schema of its own', "SET schema = 'elsewhere'"],
  [
    'with temporary tables of our names',
    'CREATE TEMP TABLE ledger (n INT); CREATE TEMP TABLE ownership (n INT)',
  ],
  [
    'with a temporary schema of our name',
    'CREATE TEMP TABLE files (n INT); CREATE TEMP VIEW chunks AS SELECT 1',
  ],
];

/** What replaces DuckDB's own functions and operators for everybody in whose search path it stands. */
const MACROS = [
  'now() AS 1',
  'timezone(a, b) AS 1',
  'max(a) AS 1',
  'count(a) AS 1',
  'count_star() AS 1',
  'avg(a) AS 1',
  'sum(a) AS 1',
  'min(a) AS 1',
  'unnest(a) AS 1',
  'list_value(a) AS 1',
  'greatest(a, b) AS 1',
  'ln(a) AS 1',
  'any_value(a) AS 1',
  'string_agg(a, b) AS 1',
  'strftime(a, b) AS 1',
  'chr(a) AS 1',
  'current_database() AS 1',
  'contains(a, b) AS true',
  '"+"(a, b) AS 42',
  '"="(a, b) AS false',
  '"<="(a, b) AS false',
  '"||"(a, b) AS 1',
  'duckdb_databases() AS TABLE SELECT 1',
  'duckdb_settings() AS TABLE SELECT 1',
];

async function attachOther(client: Client, { dir }: Place): Promise<void> {
  await client.run(`ATTACH '${join(dir, 'other.duckdb')}' AS other`);
  await client.run(`CREATE SCHEMA IF NOT EXISTS other._onepond; CREATE SCHEMA IF NOT EXISTS test.elsewhere;
    CREATE TABLE IF NOT EXISTS other._onepond.ledger AS FROM test._onepond.ledger LIMIT 0`);
}

/** Nothing that a session defines or sets, and nothing that is attached, reaches the tables of our own. */
export function ownTablesContract(contract: Contract): void {
  it.each(SESSIONS)(
    'a write of a session %s is recorded in the file, and done once',
    async (_, statements) => {
      const { client, another, place } = await contract.open({ client: 'a' });
      await client.run('CREATE TABLE t (n INT)');
      await attachOther(client, place);
      await client.run(statements);
      const call = { sql: 'INSERT INTO test.main.t VALUES (1)', call: 1 };
      await client.call('run', call);
      await place.restart();
      const next = await another({ client: 'a' });
      await attachOther(next, place);
      await next.run(statements);
      expect(await next.call('run', { ...call, sent: 'before' })).toMatchObject({ replayed: true });
      expect(await next.rows('SELECT n FROM test.main.t')).toEqual([{ n: 1 }]);
      expect(await next.rows('SELECT * FROM other._onepond.ledger')).toEqual([]);
    },
  );

  it('a file attached as _onepond stays what it is, and the ledger too', async () => {
    const { client, another, place } = await contract.open({ client: 'a' });
    await client.run('CREATE TABLE t (n INT)');
    const attach = `ATTACH '${join(place.dir, 'other.duckdb')}' AS _onepond`;
    await client.run(attach);
    await client.run('CREATE TABLE IF NOT EXISTS _onepond.main.ledger AS FROM test._onepond.ledger LIMIT 0');
    const call = { sql: 'INSERT INTO t VALUES (1)', call: 1 };
    await client.call('run', call);
    await place.restart();
    const next = await another({ client: 'a' });
    await next.run(attach);
    expect(await next.call('run', { ...call, sent: 'before' })).toMatchObject({ replayed: true });
    expect(await next.rows('SELECT * FROM _onepond.main.ledger')).toEqual([]);
    expect(await next.rows('SELECT n FROM t')).toEqual([{ n: 1 }]);
  });

  it("macros in place of DuckDB's functions and operators change nothing of ours", async () => {
    const { client, another, place } = await contract.open({ client: 'a' });
    await client.run('CREATE TABLE t (n INT)');
    const call = { sql: 'INSERT INTO t VALUES (1)', call: 1 };
    await client.call('run', call);
    for (const macro of MACROS) await client.run(`CREATE MACRO ${macro}`);
    await client.call('run', { sql: 'INSERT INTO t VALUES (2)', call: 2, settled: 1 });
    const { database } = place;
    await database.writer.finish();
    await place.restart();
    expect(place.database.epoch).toBe(database.epoch + 1);
    const next = await another({ client: 'a' });
    expect(
      await next.call('run', { sql: 'INSERT INTO t VALUES (2)', call: 2, sent: 'before' }),
    ).toMatchObject({
      replayed: true,
    });
    expect(await next.rows('SELECT n FROM t ORDER BY n')).toEqual([{ n: 1 }, { n: 2 }]);
    expect(await next.rows('SELECT call::INT AS call FROM _onepond.ledger')).toEqual([{ call: 2 }]);
  });

  it('settings that are made for everybody change nothing of ours', async () => {
    const { client, another, place } = await contract.open({ client: 'A' });
    await client.run(`SET GLOBAL default_collation = 'nocase'; SET GLOBAL default_order = 'DESC';
      SET GLOBAL integer_division = true; SET GLOBAL default_null_order = 'NULLS_FIRST'`);
    await client.run('CREATE TABLE t (n INT)');
    await client.call('run', { sql: 'INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)', call: 1 });
    await place.restart();
    const other = await another({ client: 'a' });
    const call = { sql: 'INSERT INTO t VALUES (3)', call: 1, sent: 'before' as const };
    expect(await other.call('run', call)).toMatchObject({ replayed: false });
    expect(await other.rows('SELECT count(*)::INT AS n FROM t')).toEqual([{ n: 3 }]);
  });
}
