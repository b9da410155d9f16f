import { expect, it } from 'vitest';
import type { Contract } from '../place.ts';

export function transactionContract(contract: Contract): void {
  it('every answer tells whether a transaction is open', async () => {
    const { client } = await contract.open();
    expect(await client.run('CREATE TABLE t (n INT)')).toMatchObject({ inTransaction: false });
    expect(await client.run('BEGIN')).toMatchObject({ inTransaction: true });
    expect(await client.run('INSERT INTO t VALUES (1)')).toMatchObject({ inTransaction: true });
    expect(await client.query('SELECT * FROM t')).toMatchObject({ inTransaction: true, rows: [[1]] });
    expect(await client.run('COMMIT')).toMatchObject({ inTransaction: false });
    expect(await client.query('SELECT * FROM t')).toMatchObject({ inTransaction: false, rows: [[1]] });
  });

  it.each([
    ['BEGIN TRANSACTION', 'ROLLBACK'],
    ['START TRANSACTION', 'ABORT'],
    ['begin; INSERT INTO t VALUES (1)', 'end'],
    ['/* a */ BEGIN -- b', 'COMMIT TRANSACTION'],
  ])('%j opens one and %j ends it', async (begin, end) => {
    const { client } = await contract.open();
    await client.run('CREATE TABLE t (n INT)');
    expect(await client.run(begin)).toMatchObject({ inTransaction: true });
    expect(await client.run(end)).toMatchObject({ inTransaction: false });
    expect(await client.run('BEGIN; INSERT INTO t VALUES (1); COMMIT')).toMatchObject({
      inTransaction: false,
    });
  });

  it('what is rolled back is gone, and what is committed is seen by all', async () => {
    const { client, another } = await contract.open();
    const other = await another();
    await client.run('CREATE TABLE t (n INT); BEGIN; INSERT INTO t VALUES (1)');
    expect(await other.rows('SELECT * FROM t')).toEqual([]);
    await client.run('ROLLBACK');
    await client.run('BEGIN; INSERT INTO t VALUES (2)');
    await client.run('COMMIT');
    expect(await other.rows('SELECT * FROM t')).toEqual([{ n: 2 }]);
  });

  it('BEGIN inside a transaction and COMMIT outside are errors that change nothing', async () => {
    const { client } = await contract.open();
    await expect(client.run('COMMIT')).rejects.toMatchObject({ code: 'SQL', data: { kind: 'Transaction' } });
    await client.run('BEGIN');
    await expect(client.run('BEGIN')).rejects.toMatchObject({ code: 'SQL' });
    expect(await client.run('ROLLBACK')).toMatchObject({ inTransaction: false });
  });

  it('after an error DuckDB takes nothing but ROLLBACK, and the session goes on after it', async () => {
    const { client } = await contract.open();
    await client.run('CREATE TABLE t (n INT PRIMARY KEY); INSERT INTO t VALUES (1); BEGIN');
    await expect(client.run('INSERT INTO t VALUES (1)')).rejects.toMatchObject({
      data: { kind: 'Constraint' },
    });
    await expect(client.query('SELECT 1')).rejects.toMatchObject({
      code: 'SQL',
      data: { kind: 'Transaction' },
    });
    expect(await client.run('ROLLBACK')).toMatchObject({ inTransaction: false });
    expect(await client.rows('SELECT * FROM t')).toEqual([{ n: 1 }]);
  });

  it('of two transactions that change one row one is refused', async () => {
    const { client, another } = await contract.open();
    const other = await another();
    await client.run('CREATE TABLE t AS SELECT 1 AS n; BEGIN; UPDATE t SET n = 2');
    await other.run('BEGIN');
    await expect(other.run('UPDATE t SET n = 3')).rejects.toMatchObject({
      code: 'SQL',
      data: { kind: 'Transaction' },
    });
    await other.run('ROLLBACK');
    await client.run('COMMIT');
    expect(await other.rows('SELECT n FROM t')).toEqual([{ n: 2 }]);
  });

  it('a COMMIT that fails has ended its transaction', async () => {
    const { client, another } = await contract.open();
    const other = await another();
    await client.run('CREATE TABLE t (n INT PRIMARY KEY)');
    await client.run('BEGIN; INSERT INTO t VALUES (1)');
    await other.run('BEGIN; INSERT INTO t VALUES (1)');
    await client.run('COMMIT');
    await expect(other.run('COMMIT')).rejects.toMatchObject({ code: 'SQL' });
    expect(await other.query('SELECT n FROM t')).toMatchObject({ rows: [[1]], inTransaction: false });
    expect(await other.run('BEGIN')).toMatchObject({ inTransaction: true });
  });

  it('a session that goes rolls its transaction back', async () => {
    const { client, another } = await contract.open();
    const other = await another();
    await client.run('CREATE TABLE t AS SELECT 1 AS n');
    await other.run('BEGIN; UPDATE t SET n = 2');
    await other.session.close();
    // Refused while the other's transaction stands, which on a wire it does for a moment yet.
    while (
      await client.run('UPDATE t SET n = n + 10').then(
        () => false,
        () => true,
      )
    );
    expect(await client.rows('SELECT n FROM t')).toEqual([{ n: 11 }]);
  });

  it.each<[what: string, statements: readonly string[], there: string]>([
    ['a temporary table', ['CREATE TEMP TABLE u AS SELECT 1 AS n'], 'SELECT n FROM u'],
    [
      'a secret',
      ["CREATE SECRET s (TYPE http, SCOPE 'x')"],
      "SELECT 1 AS n FROM duckdb_secrets() WHERE name = 's'",
    ],
    ['a setting', ['SET VARIABLE v = 1'], "SELECT getvariable('v') AS n"],
    ['a write after a setting', ["SET TimeZone = 'UTC'", 'INSERT INTO t VALUES (1)'], 'SELECT n FROM t'],
    ['nothing', ['SELECT 1'], 'SELECT 1 AS n'],
  ])('a COMMIT of %s is one', async (_, statements, there) => {
    const { client } = await contract.open({ client: 'a' });
    await client.run('CREATE TABLE t (n INT)');
    for (const sql of ['BEGIN', ...statements]) await client.run(sql);
    expect(await client.run('COMMIT')).toMatchObject({ inTransaction: false });
    expect(await client.rows(there)).toEqual([{ n: 1 }]);
    const { inTransaction } = await client.run(
      `BEGIN; ${statements.at(-1)?.replace(/\bu\b|\bs\b/, 'w')}; COMMIT`,
    );
    expect(inTransaction).toBe(false);
  });

  it.each(['BEGIN READ ONLY', 'START TRANSACTION READ ONLY', 'begin transaction read /* so */ only'])(
    '%j is read-only, and its COMMIT keeps what is temporary',
    async (begin) => {
      const { client } = await contract.open({ client: 'a' });
      await client.run('CREATE TABLE t (n INT)');
      await client.run(begin);
      await client.run('CREATE TEMP TABLE u AS SELECT 1 AS n');
      expect(await client.run('COMMIT')).toMatchObject({ inTransaction: false });
      expect(await client.rows('SELECT n FROM u')).toEqual([{ n: 1 }]);
    },
  );

  it.each(['COMMIT', 'COMMIT WORK', 'end', '/* a */ END -- b', 'SELECT 1; COMMIT; SELECT 2'])(
    'by %j a transaction that has failed commits nothing, and the error says so',
    async (end) => {
      const { client } = await contract.open({ client: 'a' });
      await client.run('CREATE TABLE t (n INT PRIMARY KEY)');
      await client.run('BEGIN; INSERT INTO t VALUES (1)');
      await expect(client.run('INSERT INTO t VALUES (1)')).rejects.toMatchObject({ code: 'SQL' });
      await expect(client.run(end)).rejects.toMatchObject({ code: 'SQL' });
      if (end.startsWith('SELECT')) await client.run('ROLLBACK');
      expect(await client.query('SELECT n FROM t')).toMatchObject({ rows: [], inTransaction: false });
    },
  );

  it('a text of several transactions ends each of them', async () => {
    const { client } = await contract.open({ client: 'a' });
    await client.run('CREATE TABLE t (n INT)');
    const sql = `BEGIN; INSERT INTO t VALUES (1); COMMIT; START TRANSACTION; INSERT INTO t VALUES (2); ABORT;
      INSERT INTO t VALUES (3); BEGIN; INSERT INTO t VALUES (4); END; BEGIN; INSERT INTO t VALUES (5)`;
    expect(await client.run(sql)).toMatchObject({ inTransaction: true });
    await client.run('ROLLBACK');
    expect(await client.rows('SELECT n FROM t ORDER BY n')).toEqual([{ n: 1 }, { n: 3 }, { n: 4 }]);
  });
}
