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
