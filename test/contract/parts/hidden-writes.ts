import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Client, Contract } from '../place.ts';

const SETUP = `CREATE TABLE t (n INT DEFAULT 7, m INT); CREATE SEQUENCE s;
  CREATE MACRO next_one() AS nextval('s');
  CREATE MACRO next_of_next() AS next_one() + 0;
  CREATE MACRO next_rows() AS TABLE SELECT nextval('s') AS a;
  CREATE VIEW v AS SELECT nextval('s') AS a;
  CREATE VIEW w AS FROM v;
  CREATE VIEW in_binding AS SELECT * FROM range(nextval('s') + 1);
  CREATE TABLE generated (a INT, b BIGINT AS (nextval('s')));
  INSERT INTO generated (a) VALUES (1)`;

const INSERT = 'INSERT INTO t (m) VALUES (1)';

/** Texts whose type says that they read, and that write once. */
const HIDDEN: readonly string[] = [
  "SELECT nextval('s')",
  "select NEXTVAL('s')",
  `SELECT "nextval"('s')`,
  "SELECT /* c */ nextval -- c\n ('s')",
  "FROM (SELECT nextval('s'))",
  "VALUES (nextval('s'))",
  'SELECT next_one()',
  'SELECT next_of_next()',
  'FROM next_rows()',
  'FROM v',
  'SELECT a + 0 FROM w',
  "FROM query('SELECT nextval(''s'')')",
  "FROM query('SELECT next' || 'val(''s'')')",
  "FROM query_table('v')",
  'SELECT b FROM generated',
  'WITH a AS MATERIALIZED (FROM v) FROM a',
  "SELECT list_transform([1], x -> nextval('s'))",
  "SELECT 1 LIMIT nextval('s')",
  "PREPARE p AS SELECT nextval('s'); EXECUTE p",
  `PREPARE "an odd""name" AS SELECT next_one(); EXECUTE "an odd""name"`,
  `PREPARE p AS ${INSERT}; EXECUTE p`,
  "PREPARE p AS SELECT nextval('s') + $1; EXECUTE p(1)",
  ...[
    'EXPLAIN ANALYZE',
    'EXPLAIN ANALYSE',
    'explain analyse',
    'EXPLAIN /* c */ ANALYZE',
    'EXPLAIN -- c\n ANALYSE',
    'EXPLAIN (ANALYZE)',
    'EXPLAIN (ANALYSE)',
    'EXPLAIN (FORMAT json, ANALYZE)',
    'EXPLAIN ( /* c */ ANALYSE true, FORMAT json)',
    '/* c */ EXPLAIN ANALYZE',
    'EXPLAIN\u200bANALYSE\u2060\u00a0',
  ].flatMap((head) => [`${head} ${INSERT}`, `${head} SELECT next_one()`]),
  `PREPARE p AS ${INSERT}; EXPLAIN ANALYZE EXECUTE p`,
  `SELECT 1; EXPLAIN ANALYSE ${INSERT}`,
  'SELECT 1; FROM v',
];

/** The same, where DuckDB calls the sequence in preparing the statement. */
const IN_BINDING: readonly string[] = [
  "FROM range(nextval('s') + 1)",
  'FROM range(next_one())',
  'FROM in_binding',
  'EXPLAIN FROM in_binding',
  "FROM query('SELECT ' || nextval('s'))",
];

/** Texts whose type says that they read, and that change something which no transaction takes back. */
const OUTSIDE: readonly string[] = [
  'FROM enable_logging()',
  'FROM disable_logging()',
  "SELECT write_log('x')",
  'SELECT "write_log" /* c */ (\'x\')',
  "FROM query('FROM truncate_duckdb_logs()')",
  "EXPLAIN ANALYSE SELECT write_log('x')",
  "EXPLAIN ANALYZE COPY t TO 'FILE'",
  "PREPARE p AS COPY t TO 'FILE'; EXECUTE p",
];

const state = async (client: Client): Promise<{ rows: unknown; sequence: unknown }> => ({
  rows: await client.rows('SELECT count(*)::INT AS n FROM t'),
  sequence: await client.rows("SELECT last_value FROM duckdb_sequences() WHERE sequence_name = 's'"),
});

/** What a statement's type does not say: it reads by its type, and writes all the same. */
export function hiddenWriteContract(contract: Contract): void {
  it.each([...HIDDEN, ...IN_BINDING])('is done once, however often it is sent: %s', async (sql) => {
    const { client, another, place } = await contract.open({ client: 'a' });
    await client.call('run', { sql: SETUP, call: 1 });
    const before = await state(client);
    const answer = await client.call('query', { sql, call: 2 });
    const after = await state(client);
    expect(after).not.toEqual(before);
    const late = await another({ client: 'a' });
    expect((await late.call('query', { sql, call: 2 })).rows).toEqual(answer.rows);
    expect(await state(client)).toEqual(after);
    await place.restart();
    const next = await another({ client: 'a' });
    const again = { sql, call: 2, sent: 'before' } as const;
    expect((await next.call('query', again)).rows).toEqual(answer.rows);
    expect(await next.call('run', again)).toMatchObject({ replayed: true });
    expect((await state(next)).rows).toEqual(after.rows);
  });

  it.each([...HIDDEN, ...OUTSIDE])('is announced by a stream: %s', async (sql) => {
    const { client, another, place } = await contract.open({ client: 'a' });
    await client.call('run', { sql: SETUP, call: 1 });
    const streams = await another({ client: 'b' });
    const text = sql.replace('FILE', join(place.dir, 'written'));
    const { cursor } = await streams.call('stream/open', { sql: text, call: 2 });
    await streams.session.began(2);
    for (let done = false; !done; ) ({ done } = await streams.call('stream/next', { cursor, batchSize: 10 }));
  });

  it.each(OUTSIDE)('is announced: %s', async (sql) => {
    const { client, place } = await contract.open({ client: 'a' });
    await client.call('run', { sql: SETUP, call: 1 });
    await client.call('query', { sql: sql.replace('FILE', join(place.dir, 'written')), call: 2 });
    await client.session.began(2);
  });

  it.each(['', 'EXPLAIN ', 'EXPLAIN ANALYZE ', 'EXPLAIN (ANALYSE, FORMAT json) ', 'PREPARE p AS '])(
    'what reads is neither recorded nor announced: %sSELECT',
    async (head) => {
      const { client } = await contract.open({ client: 'a' });
      await client.call('run', { sql: SETUP, call: 1 });
      const sql = `${head}SELECT count(*) FROM t WHERE 'nextval(' <> 'write_log'`;
      await client.call('query', { sql, call: 2 });
      await client.call('query', { sql: 'SELECT n AS nextval FROM t', call: 3 });
      const { cursor } = await client.call('stream/open', { sql: 'FROM t', call: 4 });
      await client.call('stream/next', { cursor, batchSize: 10 });
      expect(await client.rows('SELECT call FROM _onepond.ledger WHERE call > 1')).toEqual([]);
      const began = Promise.race([2, 3, 4].map((call) => client.session.began(call).then(() => 'announced')));
      expect(await Promise.race([began, client.call('ping', {})])).toEqual({});
    },
  );

  it('a statement with parameters is known anew when a definition has changed', async () => {
    const { client, another } = await contract.open({ client: 'a' });
    await client.call('run', { sql: `${SETUP}; CREATE MACRO m(x) AS x`, call: 1 });
    const sql = 'SELECT m(?::BIGINT)';
    for (const call of [2, 3]) await client.call('query', { sql, params: [1], call });
    expect(await client.rows('SELECT call FROM _onepond.ledger WHERE call > 1')).toEqual([]);
    const other = await another({ client: 'b' });
    await other.run("BEGIN; CREATE OR REPLACE MACRO m(x) AS x + nextval('s'); COMMIT");
    await client.call('query', { sql, params: [1], call: 4 });
    expect(
      await client.rows("SELECT call::INT AS call FROM _onepond.ledger WHERE client = 'a' AND call > 1"),
    ).toEqual([{ call: 4 }]);
  });

  it.each(['BEGIN', 'COMMIT', 'ROLLBACK', 'START TRANSACTION', 'ABORT', 'END'])(
    'EXPLAIN ANALYZE may not %s: nobody would know of it',
    async (sql) => {
      const { client } = await contract.open({ client: 'a' });
      await client.run('CREATE TABLE t (n INT); BEGIN; INSERT INTO t VALUES (1)');
      for (const head of ['EXPLAIN ANALYZE', 'EXPLAIN (ANALYSE)', 'EXPLAIN/**/ANALYZE'])
        await expect(client.run(`${head} ${sql}`)).rejects.toMatchObject({ code: 'INVALID' });
      expect(await client.run('ROLLBACK')).toMatchObject({ inTransaction: false });
      expect(await client.rows('FROM t')).toEqual([]);
    },
  );
}
