import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StatementType } from '@duckdb/node-api';
import fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import type { SqlSession } from '../../src/engine/sql-session.ts';
import { openPlace, type Place } from '../contract/place.ts';

const SETUP = `CREATE TABLE t AS SELECT range::INT AS n FROM range(3); CREATE SEQUENCE s; CREATE SCHEMA o;
  CREATE MACRO next_one() AS nextval('s'); CREATE MACRO twice() AS next_one() + next_one();
  CREATE MACRO logged() AS TABLE FROM enable_logging(); CREATE VIEW v AS SELECT 1 AS a;
  CREATE VIEW next_view AS SELECT nextval('s') AS a; CREATE VIEW "odd ""view" AS FROM next_view;
  CREATE VIEW logging AS FROM enable_logging(); CREATE VIEW through AS FROM logged();
  CREATE TABLE generated (a INT, b BIGINT AS (nextval('s'))); INSERT INTO generated (a) VALUES (1);
  CREATE MACRO "||"(a, b) AS nextval('s')::VARCHAR; CREATE MACRO list_extract(a, b) AS nextval('s');
  CREATE VIEW binding AS FROM range(nextval('s') + 1);
  ATTACH ':memory:' AS x; CREATE TABLE x.t AS SELECT 1 AS n; ATTACH ':memory:' AS y`;

/** `NEW` is a path that must not come to be, `OLD` a file that must stay as it is. */
const TEXTS: Readonly<Record<keyof typeof StatementType, readonly string[]>> = {
  SELECT: [
    "SELECT nextval('s')",
    'SELECT twice()',
    'FROM next_view',
    'FROM "odd ""view"',
    'DESCRIBE next_view',
    'FROM logging',
    'FROM through',
    'FROM logged()',
    'SELECT b FROM generated',
    "FROM range(nextval('s'))",
    'FROM range(next_one())',
    "FROM query('SELECT ' || nextval('s'))",
    "FROM query('FROM next' || '_view')",
    "FROM query_table('next' || '_view')",
    "FROM query_table(['v', 'next_view'])",
    "FROM pragma_table_info('next_view')",
    "SELECT json_serialize_plan('FROM range(nextval(''s''))')",
    "FROM json_execute_serialized_sql(json_serialize_sql('FROM enable_logging()'))",
    'FROM binding',
    'DESCRIBE binding',
    'SUMMARIZE binding',
    "FROM query_table('binding')",
    "FROM query_table('bind' || 'ing')",
    'FROM range(1 || 2)',
    "FROM read_text('a' || 'b')",
    "FROM range(nextval\u200b('s'))",
    "FROM\u2060range(nextval\u00a0('s'))",
    "FROM pragma_table_info('bind' || 'ing')",
    'SHOW ALL TABLES',
    'FROM duckdb_columns()',
    'FROM information_schema.columns',
    'FROM enable_logging()',
    "FROM enable_logging(storage = 'file', storage_path = 'NEW')",
    'FROM disable_logging()',
    'FROM truncate_duckdb_logs()',
    'FROM enable_profiling()',
    'FROM enable_peg_parser()',
    'FROM checkpoint()',
    'FROM force_checkpoint()',
    "SELECT write_log('x')",
    "PIVOT (SELECT n, nextval('s') AS a FROM t) ON n USING sum(a)",
    "PIVOT t ON n USING sum(nextval('s'))",
  ],
  INSERT: [
    'INSERT INTO t VALUES (9)',
    'INSERT INTO x.t VALUES (9)',
    'WITH w AS (SELECT 9) INSERT INTO t FROM w',
  ],
  UPDATE: ['UPDATE t SET n = 9'],
  DELETE: ['DELETE FROM t', 'TRUNCATE t'],
  MERGE_INTO: [
    'MERGE INTO t USING (SELECT 9 AS n) AS u ON t.n = u.n WHEN NOT MATCHED THEN INSERT VALUES (u.n)',
  ],
  EXPLAIN: ['EXPLAIN ANALYZE COMMIT', 'EXPLAIN ANALYSE INSERT INTO t VALUES (9)'],
  PREPARE: ['PREPARE q AS INSERT INTO t VALUES (9)', "PREPARE q AS SELECT nextval('s')"],
  EXECUTE: ["EXECUTE ok(nextval('s'))", 'EXECUTE ok(next_one())'],
  CREATE: [
    'CREATE TABLE u (n INT)',
    'CREATE OR REPLACE VIEW v AS SELECT 2 AS a',
    'CREATE SCHEMA u',
    'CREATE OR REPLACE MACRO next_one() AS 1',
    'CREATE SECRET u (TYPE s3)',
    "CREATE TYPE u AS ENUM ('a')",
    'CREATE INDEX u ON t (n)',
    'CREATE SEQUENCE u',
  ],
  CREATE_FUNC: ['CREATE FUNCTION u() AS 1'],
  ALTER: ['ALTER TABLE t ADD COLUMN x INT', "COMMENT ON TABLE t IS 'x'", 'ALTER DATABASE x RENAME TO z'],
  DROP: ['DROP TABLE t', 'DROP VIEW v', 'DROP SEQUENCE s CASCADE'],
  TRANSACTION: ['BEGIN', 'COMMIT', 'ROLLBACK', 'ABORT', 'END', 'START TRANSACTION'],
  COPY: [
    "COPY t TO 'NEW'",
    "COPY t TO 'OLD'",
    "COPY (SELECT 1) TO 'NEW' (FORMAT parquet)",
    "COPY t FROM 'OLD'",
    "COPY t TO 'NEW' (HEADER nextval('s'))",
  ],
  EXPORT: ["EXPORT DATABASE 'NEW'"],
  COPY_DATABASE: ['COPY FROM DATABASE x TO y'],
  ANALYZE: ['ANALYZE'],
  VACUUM: ['VACUUM', 'VACUUM t'],
  VARIABLE_SET: ["SET VARIABLE w = nextval('s')", 'SET VARIABLE w = (FROM next_view)'],
  SET: [
    'SET GLOBAL integer_division = true',
    'SET threads = 3',
    "SET profiling_output = 'OLD'",
    "SET enable_profiling = 'json'",
    "SET log_query_path = 'OLD'",
    "SET default_order = 'desc'",
    'SET GLOBAL errors_as_json = true',
    "SET TimeZone = (SELECT nextval('s'))",
    'RESET GLOBAL threads',
    'RESET threads',
  ],
  PRAGMA: [
    'PRAGMA threads = 3',
    'PRAGMA enable_profiling',
    "PRAGMA profiling_output = 'OLD'",
    'PRAGMA disable_checkpoint_on_shutdown',
    "PRAGMA table_info(nextval('s')::VARCHAR)",
    "PRAGMA table_info('binding')",
    "IMPORT DATABASE 'OLD'",
    'PRAGMA enable_verification',
  ],
  CALL: [
    'CALL enable_logging()',
    "CALL enable_logging(storage = 'file', storage_path = 'NEW')",
    'CHECKPOINT',
    'FORCE CHECKPOINT',
  ],
  LOAD: ['LOAD httpfs', 'INSTALL httpfs', "INSTALL 'OLD'"],
  EXTENSION: [],
  UPDATE_EXTENSIONS: ['UPDATE EXTENSIONS'],
  ATTACH: ["ATTACH 'NEW' AS u", "ATTACH ':memory:' AS u", "ATTACH OR REPLACE ':memory:' AS x"],
  DETACH: ['DETACH x', 'DETACH y'],
  // DuckDB makes these of others.
  INVALID: [],
  RELATION: [],
  LOGICAL_PLAN: [],
  MULTI: [],
};

const quoted = (sql: string): string => sql.replaceAll("'", "''");

const CARRIERS: readonly ((sql: string) => string)[] = [
  (sql) => sql,
  (sql) => `/* c */ ${sql} -- d`,
  (sql) => `;; ${sql};`,
  (sql) => `SELECT 1; ${sql}`,
  (sql) => `${sql}; SELECT 1`,
  (sql) => `COMMIT; ${sql}`,
  (sql) => `ROLLBACK; BEGIN; ${sql}; COMMIT`,
  (sql) => `EXPLAIN ANALYZE COMMIT; ${sql}`,
  (sql) => `EXPLAIN ${sql}`,
  (sql) => `EXPLAIN ANALYZE ${sql}`,
  (sql) => `EXPLAIN /**/ ANALYSE ${sql}`,
  (sql) => `\u200bEXPLAIN\u2060ANALYSE\u00a0${sql}`,
  (sql) => `EXPLAIN (FORMAT json, ANALYSE) ${sql}`,
  (sql) => `PREPARE p AS ${sql}; EXECUTE p`,
  (sql) => `PREPARE p AS ${sql}; EXPLAIN ANALYZE EXECUTE p`,
  (sql) => `FROM query('${quoted(sql)}')`,
  (sql) => `EXPLAIN FROM query('${quoted(sql)}')`,
  (sql) => `SELECT * FROM (${sql})`,
  (sql) => `WITH a AS MATERIALIZED (${sql}) SELECT 1 FROM a`,
  (sql) => `SELECT 'a;b' AS "c;d", $$;$$ /* ; /* ; */ ; */ ; ${sql}`,
  (sql) => `SELECT E'\\'; SELECT 1; ${sql}; --'`,
];

const signal = new AbortController().signal;

/** All that a reader might change, as another session sees it. */
async function world(place: Place, other: SqlSession): Promise<unknown> {
  const all = async (sql: string): Promise<unknown> =>
    (await other.query({ sql, values: 'json' }, signal)).rows;
  const files = readdirSync(place.dir, { recursive: true }).map(String).sort();
  return {
    files: files.map((name) => {
      const path = join(place.dir, name);
      const isOurs = name.includes('test.duckdb') || name.endsWith('.sock') || statSync(path).isDirectory();
      return [name, isOurs ? null : readFileSync(path, 'utf8')];
    }),
    rows: await all('FROM t ORDER BY n'),
    attached: await all('FROM x.t'),
    view: await all('FROM v'),
    tables: await all('SELECT database_name, table_name, sql, comment FROM duckdb_tables() ORDER BY ALL'),
    views: await all('SELECT view_name, sql FROM duckdb_views() WHERE NOT internal ORDER BY ALL'),
    macros: await all(
      'SELECT function_name, macro_definition FROM duckdb_functions() WHERE NOT internal ORDER BY ALL',
    ),
    schemas: await all('SELECT database_name, schema_name FROM duckdb_schemas() ORDER BY ALL'),
    types: await all('SELECT type_name FROM duckdb_types() WHERE NOT internal ORDER BY ALL'),
    indexes: await all('SELECT index_name FROM duckdb_indexes() ORDER BY ALL'),
    sequences: await all('SELECT sequence_name, last_value FROM duckdb_sequences() ORDER BY ALL'),
    databases: await all('SELECT database_name, path FROM duckdb_databases() ORDER BY ALL'),
    secrets: await all('SELECT name FROM duckdb_secrets()'),
    extensions: await all('SELECT extension_name FROM duckdb_extensions() WHERE loaded ORDER BY ALL'),
    settings: await all('SELECT name, value FROM duckdb_settings() ORDER BY ALL'),
    prepared: await all('SELECT name FROM duckdb_prepared_statements()'),
    variables: await all('SELECT name FROM duckdb_variables()'),
  };
}

async function openSession({ database }: Place, readOnly: boolean): Promise<SqlSession> {
  const session = await database.openSession({
    readOnly,
    client: 'c',
    announce: async () => undefined,
  });
  onTestFinished(() => session.close());
  return session;
}

/** Well or not: what counts is what has changed. */
async function attempt(reader: SqlSession, sql: string): Promise<void> {
  await reader.query({ sql }, signal).catch(() => undefined);
  await reader
    .openCursor({ sql }, signal)
    .then(async ({ cursor }) => {
      await reader.nextBatch(cursor, 10, signal).catch(() => undefined);
      await reader.closeCursor(cursor);
    })
    .catch(() => undefined);
}

async function readOnlyWorld() {
  const place = await openPlace();
  const old = join(place.dir, 'old');
  writeFileSync(old, 'stays');
  mkdirSync(join(place.dir, 'folder'));
  const other = await openSession(place, false);
  await other.run({ sql: SETUP, call: 1 }, signal);
  const reader = await openSession(place, true);
  await reader.run({ sql: 'PREPARE ok AS SELECT $1' }, signal);
  const placed = (sql: string): string =>
    sql.replaceAll('NEW', join(place.dir, 'new')).replaceAll('OLD', old);
  return { place, other, reader, placed };
}

it.each(Object.entries(TEXTS).filter(([, texts]) => texts.length > 0))(
  'a reader changes nothing by %s, whatever carries it',
  async (_, texts) => {
    const { place, other, reader, placed } = await readOnlyWorld();
    const before = await world(place, other);
    for (const text of texts) {
      for (const carry of CARRIERS) await attempt(reader, placed(carry(text)));
      expect({ text, after: await world(place, other) }).toEqual({ text, after: before });
    }
    expect((await reader.query({ sql: 'SELECT max(n) FROM t' }, signal)).rows).toEqual([[2]]);
  },
);

it('nor by any two of them, one carried by another', async () => {
  const { place, other, reader, placed } = await readOnlyWorld();
  const before = await world(place, other);
  const text = fc.constantFrom(...Object.values(TEXTS).flat());
  const carrier = fc.constantFrom(...CARRIERS);
  await fc.assert(
    fc.asyncProperty(text, text, carrier, carrier, async (first, second, outer, inner) => {
      await attempt(reader, placed(outer(`${first}; ${inner(second)}`)));
      await attempt(reader, placed(outer(inner(first))));
      expect(await world(place, other)).toEqual(before);
    }),
    { numRuns: 40 },
  );
});
