import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Contract } from '../place.ts';

const SETUP = `CREATE TABLE t AS SELECT range::INT AS n FROM range(3); CREATE SEQUENCE s; CREATE VIEW v AS SELECT 1 AS a`;

/** `FILE` stands for a path that must not come to be. */
const REFUSED: readonly string[] = [
  'INSERT INTO t VALUES (1)',
  'UPDATE t SET n = 1',
  'DELETE FROM t',
  'MERGE INTO t USING (SELECT 9 AS n) AS u ON t.n = u.n WHEN NOT MATCHED THEN INSERT VALUES (u.n)',
  'TRUNCATE t',
  'CREATE TABLE u (n INT)',
  'CREATE TABLE u AS SELECT 1',
  'CREATE OR REPLACE VIEW v AS SELECT 2 AS a',
  'CREATE SCHEMA u',
  'DROP TABLE t',
  'ALTER TABLE t ADD COLUMN x INT',
  "COMMENT ON TABLE t IS 'x'",
  "COPY t TO 'FILE'",
  "COPY (SELECT 1) TO 'FILE' (FORMAT parquet)",
  "COPY t FROM 'FILE'",
  "EXPORT DATABASE 'FILE'",
  "IMPORT DATABASE 'FILE'",
  "ATTACH 'FILE' AS u",
  "ATTACH ':memory:' AS u",
  'DETACH test',
  'COMMIT',
  'BEGIN',
  'ROLLBACK',
  'COMMIT; INSERT INTO t VALUES (1)',
  'ROLLBACK; BEGIN; INSERT INTO t VALUES (1); COMMIT',
  'SELECT 1; COMMIT; INSERT INTO t VALUES (1)',
  'SELECT 1; INSERT INTO t VALUES (1)',
  'WITH w AS (SELECT 5 AS n) INSERT INTO t SELECT n FROM w',
  "SELECT nextval('s')",
  'EXPLAIN ANALYZE INSERT INTO t VALUES (1)',
  "EXPLAIN ANALYZE COPY t TO 'FILE'",
  'PREPARE p AS INSERT INTO t VALUES (1); EXECUTE p',
  "PREPARE p AS COPY t TO 'FILE'; EXECUTE p",
  'EXPLAIN ANALYZE COMMIT; DROP TABLE t',
  'EXPLAIN ANALYZE COMMIT',
  'EXPLAIN ANALYSE INSERT INTO t VALUES (1)',
  "SET profiling_output = 'FILE'",
  "SET log_query_path = 'FILE'",
  "CALL enable_logging(storage = 'file', storage_path = 'FILE')",
  "FROM enable_logging(storage = 'file', storage_path = 'FILE')",
  "SELECT 1; EXPORT DATABASE 'FILE'",
  "SELECT 1; COPY t TO 'FILE'",
  '/* ; */ -- ;\n SELECT \';\', $$;$$, ";" FROM (SELECT 1 AS ";"); EXPORT DATABASE \'FILE\'',
  'SET GLOBAL integer_division = true',
  "SET default_order = 'desc'",
  'SET threads = 2',
  'RESET GLOBAL threads',
  'PRAGMA threads = 2',
  'PRAGMA enable_profiling',
  'CREATE SECRET u (TYPE s3)',
  'CHECKPOINT',
  'FORCE CHECKPOINT',
  'FROM force_checkpoint()',
  "SELECT write_log('x')",
  "FROM range(nextval('s'))",
  "SET VARIABLE w = nextval('s')",
  "FROM query('FROM enable_' || 'logging()')",
  'INSTALL httpfs',
  'LOAD httpfs',
  'VACUUM',
];

export function readOnlyContract(contract: Contract): void {
  it.each(REFUSED)('refuses %s', async (sql) => {
    const { client, another, place } = await contract.open();
    await client.run(SETUP);
    const reader = await another({ readOnly: true });
    const file = join(place.dir, 'written');
    const text = sql.replace('FILE', file);
    await expect(reader.run(text)).rejects.toMatchObject({ code: 'READ_ONLY' });
    await expect(reader.query(text)).rejects.toMatchObject({ code: 'READ_ONLY' });
    expect(existsSync(file)).toBe(false);
    expect(await client.rows('SELECT n FROM t ORDER BY n')).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }]);
    expect(await reader.rows('SELECT count(*)::INT AS n FROM t')).toEqual([{ n: 3 }]);
  });

  it.each(['INSERT INTO t VALUES (1) RETURNING n', 'CREATE TABLE u AS SELECT 1', "COPY t TO 'FILE'"])(
    'refuses to stream %s',
    async (sql) => {
      const { client, another, place } = await contract.open();
      await client.run(SETUP);
      const reader = await another({ readOnly: true });
      const file = join(place.dir, 'written');
      const call = (async () => {
        const { cursor } = await reader.call('stream/open', { sql: sql.replace('FILE', file) });
        await reader.call('stream/next', { cursor, batchSize: 10 });
      })();
      await expect(call).rejects.toMatchObject({ code: 'READ_ONLY' });
      expect(existsSync(file)).toBe(false);
      expect(await client.rows('SELECT count(*)::INT AS n FROM t')).toEqual([{ n: 3 }]);
    },
  );

  it.each([
    "SET TimeZone = 'UTC'; SELECT 1",
    "SET TIME ZONE 'UTC'; SELECT 1",
    "SET SESSION default_order = 'desc'; RESET SESSION default_order; SELECT 1",
    "SET VARIABLE w = (SELECT 1); SELECT getvariable('w')",
    'USE test; VALUES (1)',
    "FROM query('SELECT 1')",
    "FROM query_table('v')",
    'PREPARE p AS SELECT $1::INT; EXECUTE p(1)',
    'PREPARE p AS SELECT 1; EXPLAIN EXECUTE p; EXECUTE p',
    ';; SELECT 2; -- two\n SELECT 1;',
    'WITH nextval AS (SELECT 1 AS a) FROM nextval',
    'SELECT n AS a FROM t WHERE n = 1',
    'WITH w AS (SELECT 1 AS a) SELECT * FROM w',
    'FROM v',
    'VALUES (1)',
    'PREPARE p AS SELECT 1 AS a; EXECUTE p',
  ])('may %s', async (sql) => {
    const { client, another } = await contract.open();
    await client.run(SETUP);
    const reader = await another({ readOnly: true });
    const [row] = await reader.rows(sql);
    expect(Object.values(row ?? {})).toEqual([1]);
  });

  it.each([
    'EXPLAIN SELECT * FROM t',
    'EXPLAIN ANALYZE SELECT * FROM t',
    'DESCRIBE t',
    'SHOW TABLES',
    'SUMMARIZE t',
    "PRAGMA table_info('t')",
  ])('may ask: %s', async (sql) => {
    const { client, another } = await contract.open();
    await client.run(SETUP);
    const reader = await another({ readOnly: true });
    expect((await reader.rows(sql)).length).toBeGreaterThan(0);
  });

  it('may stream, and sees what others commit', async () => {
    const { client, another } = await contract.open();
    await client.run(SETUP);
    const reader = await another({ readOnly: true });
    const { cursor } = await reader.call('stream/open', { sql: 'SELECT n FROM t ORDER BY n' });
    expect(await reader.call('stream/next', { cursor, batchSize: 10 })).toMatchObject({
      rows: [[0], [1], [2]],
    });
    await client.run('INSERT INTO t VALUES (3)');
    expect(await reader.rows('SELECT max(n) AS n FROM t')).toEqual([{ n: 3 }]);
  });

  it('keeps what a reader sets for its session, and nobody hears of it', async () => {
    const { client, another } = await contract.open();
    const [reader, other] = [await another({ readOnly: true }), await another({ readOnly: true })];
    await reader.run("SET integer_division = true; SET VARIABLE w = 1; SET SESSION default_order = 'desc'");
    const sql = "SELECT 7 / 2 AS a, getvariable('w') AS w, current_setting('default_order') AS o";
    expect(await reader.rows(sql)).toEqual([{ a: 3, w: 1, o: 'DESC' }]);
    for (const one of [client, other])
      expect(await one.rows(sql)).toEqual([{ a: 3.5, w: null, o: 'ASCENDING' }]);
  });

  it.each([
    ['a view', "CREATE OR REPLACE VIEW v AS SELECT nextval('s') AS a", 'FROM v'],
    ['a macro', "CREATE OR REPLACE MACRO m() AS nextval('s')", 'FROM range(m())'],
  ])('asks anew when somebody changes %s', async (_, change, sql) => {
    const { client, another } = await contract.open();
    await client.run(`${SETUP}; CREATE MACRO m() AS 1`);
    const reader = await another({ readOnly: true });
    await reader.run(`PREPARE p AS ${sql}`);
    const open = async (text: string): Promise<unknown> => reader.call('stream/open', { sql: text });
    for (const text of [sql, 'EXECUTE p']) await reader.rows(text);
    await open(sql);
    await client.run(`BEGIN; ${change}; COMMIT`);
    for (const text of [sql, 'EXECUTE p'])
      await expect(reader.rows(text)).rejects.toMatchObject({ code: 'READ_ONLY' });
    await expect(open(sql)).rejects.toMatchObject({ code: 'READ_ONLY' });
  });

  it('an error of a reader has its place in the whole text', async () => {
    const { another } = await contract.open();
    const reader = await another({ readOnly: true });
    await expect(reader.rows('SELECT 1;\nSELECT missing')).rejects.toMatchObject({
      data: { kind: 'Binder', position: 17 },
    });
  });

  it('a stream of a writer may ask to be refused what does more than read', async () => {
    const { client } = await contract.open();
    await client.run(SETUP);
    const open = (sql: string): Promise<unknown> => client.call('stream/open', { sql, onlyReads: true });
    await open('SELECT 1; FROM t');
    for (const sql of [
      'INSERT INTO t VALUES (9) RETURNING n',
      'SELECT 1; DELETE FROM t',
      "FROM range(nextval('s'))",
    ])
      await expect(open(sql)).rejects.toMatchObject({ code: 'READ_ONLY' });
    expect(await client.rows('SELECT count(*)::INT AS n FROM t')).toEqual([{ n: 3 }]);
  });

  it('may not change the index', async () => {
    const { place, another } = await contract.open();
    const reader = await another({ readOnly: true });
    await expect(reader.call('index/update', { root: place.dir })).rejects.toMatchObject({
      code: 'READ_ONLY',
    });
    await expect(reader.call('index/watch', { root: place.dir })).rejects.toMatchObject({
      code: 'READ_ONLY',
    });
    expect(await reader.call('index/status', {})).toBeNull();
  });
}
