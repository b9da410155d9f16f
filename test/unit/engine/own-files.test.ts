import { linkSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, it, onTestFinished } from 'vitest';
import { kernelLockHolder } from '../../../src/election/kernel-lock.ts';
import { openDatabase } from '../../../src/engine/database.ts';
import type { WireParams } from '../../../src/protocol.ts';
import { encode } from '../../../src/values.ts';

interface Files {
  /** The database. */
  readonly own: string;
  readonly dir: string;
  /** A link to it with a name of its own. */
  readonly link: string;
  readonly other: string;
}

type Statements = (files: Files) => readonly (string | readonly [sql: string, params: unknown])[];

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** The last statement of each is the one that would open the file. */
const READS: readonly (readonly [what: string, statements: Statements])[] = [
  ...[
    'read_blob',
    'read_text',
    'read_csv',
    'read_csv_auto',
    'read_json',
    'read_json_auto',
    'read_json_objects',
    'read_ndjson',
    'read_parquet',
    'parquet_scan',
    'parquet_metadata',
    'parquet_schema',
    'sniff_csv',
    'read_duckdb',
    'query_table',
  ].map((name) => [name, ({ own }: Files) => [`FROM ${name}('${own}')`]] as const),
  ['a list', ({ own }) => [`FROM read_blob(['/none', '${own}'])`]],
  ['FROM a string', ({ link }) => [`FROM '${link}'`]],
  ['FROM a quoted name', ({ link }) => [`SELECT * FROM "${link}"`]],
  ['a join', ({ link }) => [`SELECT 1 FROM range(3) r, '${link}' x`]],
  ['a join with a condition', ({ link }) => [`SELECT 1 FROM range(3) r JOIN '${link}' ON true`]],
  ['a subquery', ({ link }) => [`SELECT (SELECT count(*) FROM '${link}')`]],
  ['a link', ({ link }) => [`FROM read_blob('${link}')`]],
  ['a hard link', ({ dir }) => [`FROM read_blob('${dir}/hard.csv')`]],
  ['a way round', ({ own, dir }) => [`FROM read_blob('${dir}/../${own.slice(dir.lastIndexOf('/') + 1)}')`]],
  ['a glob', ({ dir }) => [`FROM read_blob('${dir}/*.duckdb')`]],
  ['a deep glob', ({ dir }) => [`FROM read_text('${dir}/**')`]],
  ['a class', ({ own }) => [`FROM read_blob('${own.slice(0, -1)}[b]')`]],
  ['a URL', ({ own }) => [`FROM read_blob('file://${own}')`]],
  ['a short URL', ({ own }) => [`FROM read_blob('file:${own}')`]],
  ['a URL with a host', ({ own }) => [`FROM read_blob('file://localhost${own}')`]],
  ['its log', ({ own }) => [`FROM read_blob('${own}.wal')`]],
  ['an attached file', ({ other }) => [`FROM read_blob('${other}')`]],
  ['an escaped string', ({ own }) => [`FROM read_blob(e'\\x2f${own.slice(1)}')`]],
  ['dollars', ({ own }) => [`FROM read_blob($x$${own}$x$)`]],
  ['a string in two pieces', ({ own }) => [`FROM read_blob('${own.slice(0, 4)}'\n'${own.slice(4)}')`]],
  ['behind comments', ({ own }) => [`FROM read_blob /* ( /* ' */ */ ( -- '\n '${own}' )`]],
  ['a quoted function', ({ own }) => [`FROM "read_blob"('${own}')`]],
  ['a qualified function', ({ own }) => [`FROM system.main.read_blob('${own}')`]],
  ['a parameter', ({ own }) => [['FROM read_blob($1)', [own]]]],
  ['a parameter by its turn', ({ own }) => [['SELECT ? FROM read_blob(?)', ['x', own]]]],
  ['a named parameter', ({ own }) => [['FROM read_blob($file)', { file: own }]]],
  ['a list of parameters', ({ own }) => [['FROM read_blob([$1, $2])', ['/none', own]]]],
  ['a parameter that is a list', ({ own }) => [['FROM read_blob($1::VARCHAR[])', [['/none', own]]]]],
  ['a sum', ({ own }) => [`FROM read_blob('${own.slice(0, 5)}' || '${own.slice(5)}')`]],
  ['a sum with a parameter', ({ own }) => [[`FROM read_blob('${own.slice(0, 5)}' || ?)`, [own.slice(5)]]]],
  ['a function', ({ own }) => [`FROM read_blob(concat('${own.slice(0, 5)}', '${own.slice(5)}'))`]],
  ['a variable', ({ own }) => [`SET VARIABLE f = '${own}'`, "FROM read_blob(getvariable('f'))"]],
  [
    'a variable of the same text',
    ({ own }) => [`SET VARIABLE f = '${own}'; FROM read_blob(getvariable('f'))`],
  ],
  ['query()', ({ own }) => [`FROM query('FROM read_blob(''${own}'')')`]],
  ['a computed query()', ({ own }) => [`FROM query('FROM read_' || 'blob(''${own}'')')`]],
  ['query() by a parameter', ({ own }) => [['FROM query($1)', [`FROM read_blob('${own}')`]]]],
  [
    'query() in query()',
    ({ own }) => [`FROM query(${quoted(`FROM query(${quoted(`FROM read_blob(${quoted(own)})`)})`)})`],
  ],
  [
    'serialized SQL',
    ({ own }) => [`FROM json_execute_serialized_sql(json_serialize_sql('FROM read_blob(''${own}'')'))`],
  ],
  ['EXPLAIN', ({ own }) => [`EXPLAIN FROM read_csv('${own}')`]],
  ['EXPLAIN ANALYZE', ({ own }) => [`EXPLAIN ANALYZE FROM read_csv('${own}')`]],
  ['DESCRIBE', ({ link }) => [`DESCRIBE '${link}'`]],
  ['SUMMARIZE', ({ link }) => [`SUMMARIZE '${link}'`]],
  ['the second statement', ({ own }) => [`SELECT 1; FROM read_blob('${own}')`]],
  [
    'beside a PIVOT',
    ({ own }) => [`PIVOT (SELECT 1 AS a, 2 AS b) ON a USING sum(b); FROM read_blob('${own}')`],
  ],
  [
    'a search path',
    ({ dir, own }) => [`SET file_search_path = '${dir}'`, `FROM read_blob('${own.slice(dir.length + 1)}')`],
  ],
];

const WRITES: readonly (readonly [what: string, statements: Statements])[] = [
  ['COPY FROM', ({ own }) => ['CREATE TABLE c (a VARCHAR)', `COPY c FROM '${own}'`]],
  [
    'COPY FROM a sum',
    ({ own }) => ['CREATE TABLE c (a VARCHAR)', `COPY c FROM ('${own.slice(0, 4)}' || '${own.slice(4)}')`],
  ],
  ['COPY TO', ({ own }) => [`COPY (SELECT 1) TO '${own}' (FORMAT csv)`]],
  ['COPY TO a sum', ({ own }) => [`COPY (SELECT 1) TO ('${own.slice(0, 4)}' || '${own.slice(4)}')`]],
  ['COPY TO a parameter', ({ own }) => [['COPY (SELECT 1) TO $1', [own]]]],
  ['COPY TO the log', ({ own }) => [`COPY (SELECT 1) TO '${own}.wal' (FORMAT csv)`]],
  ['COPY of it to another', ({ own, dir }) => [`COPY (FROM read_blob('${own}')) TO '${dir}/copy.parquet'`]],
  [
    'COPY over its folder',
    ({ dir }) => [`COPY (SELECT 1 AS a, 2 AS b) TO '${dir}' (FORMAT csv, PARTITION_BY (a), OVERWRITE)`],
  ],
  [
    'INSERT',
    ({ own }) => ['CREATE TABLE i (a BLOB)', `INSERT INTO i SELECT content FROM read_blob('${own}')`],
  ],
  ['UPDATE', ({ own }) => ['CREATE TABLE u (a BLOB)', `UPDATE u SET a = content FROM read_blob('${own}')`]],
  ['DELETE', ({ link }) => ['CREATE TABLE d (a INT)', `DELETE FROM d USING '${link}' x`]],
  ['CREATE TABLE AS', ({ own }) => [`CREATE TABLE t2 AS FROM read_text('${own}')`]],
  ['CREATE VIEW', ({ own }) => [`CREATE VIEW v AS FROM read_csv('${own}')`]],
  [
    'a view over a glob',
    ({ dir }) => [`CREATE VIEW v AS FROM read_blob('${dir}/*.none')`, `FROM read_blob('${dir}/*.csv')`],
  ],
  [
    'a view of a variable',
    ({ own }) => [
      "CREATE VIEW v AS FROM read_text(coalesce(getvariable('f'), '/dev/null'))",
      `SET VARIABLE f = '${own}'`,
      'FROM v',
    ],
  ],
  [
    'a view of a view',
    ({ own }) => [
      "CREATE TEMP VIEW v AS FROM read_text(coalesce(getvariable('f'), '/dev/null'))",
      'CREATE TEMP VIEW w AS FROM v',
      `SET VARIABLE f = '${own}'`,
      'SELECT * FROM w',
    ],
  ],
  ['a macro', ({ own }) => ['CREATE MACRO m(x) AS TABLE FROM read_blob(x)', `FROM m('${own}')`]],
  [
    'a macro that adds',
    ({ own, dir }) => [
      `CREATE MACRO m(x) AS TABLE FROM read_blob('${dir}/' || x)`,
      `FROM m('${own.slice(dir.length + 1)}')`,
    ],
  ],
  [
    'a macro without arguments',
    ({ own }) => [`CREATE MACRO m() AS TABLE FROM read_blob('${own}')`, 'FROM m()'],
  ],
  [
    'a scalar macro',
    ({ own }) => ['CREATE MACRO m(x) AS (SELECT content FROM read_text(x))', `SELECT m('${own}')`],
  ],
  [
    'a macro of the same text',
    ({ own }) => [`CREATE MACRO m(x) AS TABLE FROM read_blob(x); FROM m('${own}')`],
  ],
  [
    'a macro by a parameter',
    ({ own }) => ['CREATE MACRO m(x) AS TABLE FROM read_blob(x)', ['FROM m($1)', [own]]],
  ],
  [
    'a macro in a transaction',
    ({ own }) => ['BEGIN', 'CREATE MACRO m(x) AS TABLE FROM read_blob(x)', `FROM m('${own}')`],
  ],
  ['PREPARE', ({ own }) => [`PREPARE p AS FROM read_csv('${own}')`]],
  ['EXECUTE', ({ own }) => ['PREPARE p AS FROM read_blob($1)', `EXECUTE p('${own}')`]],
  [
    'EXECUTE of a sum',
    ({ own }) => ['PREPARE p AS FROM read_blob($1)', `EXECUTE p('${own.slice(0, 4)}' || '${own.slice(4)}')`],
  ],
  ['a prepared variable', () => ["PREPARE p AS FROM read_blob(getvariable('f'))"]],
  ['a log of queries', ({ own }) => [`SET log_query_path = '${own}'`]],
  ['a log by a sum', ({ own }) => [`SET GLOBAL log_query_path = '${own.slice(0, 4)}' || '${own.slice(4)}'`]],
  ['a log by PRAGMA', ({ own }) => [`PRAGMA log_query_path = '${own}'`]],
  ['a profile', ({ own }) => [`SET profiling_output = '${own}'`]],
  ['a log of DuckDB', ({ own }) => [`CALL enable_logging(storage = 'file', storage_path = '${own}')`]],
  ['LOAD', ({ own }) => [`LOAD '${own}'`]],
  ['INSTALL', ({ own }) => [`INSTALL '${own}'`]],
  ['IMPORT of a folder with it', ({ dir }) => [`IMPORT DATABASE '${dir}/import'`]],
  ['IMPORT that reads it', ({ dir }) => [`IMPORT DATABASE '${dir}/reads'`]],
  ['another parser', () => ['CALL enable_peg_parser()']],
];

const HARMLESS: readonly (readonly [what: string, statements: Statements])[] = [
  ['as a value', ({ own }) => [`SELECT '${own}' AS a`]],
  ['as a condition', ({ own }) => [`SELECT * FROM t WHERE path = '${own}'`]],
  ['in a list of values', ({ own }) => [`SELECT * FROM t WHERE path IN ('x', '${own}')`]],
  ['as a value to insert', ({ own }) => [`INSERT INTO t (path) VALUES ('${own}')`]],
  ['as a parameter', ({ own }) => [['INSERT INTO t VALUES ($1)', [own]]]],
  [
    'as a parameter beside a file',
    ({ own, dir }) => [[`SELECT * FROM read_csv('${dir}/data.tsv') WHERE '' <> $1`, [own]]],
  ],
  ['in an update', ({ own }) => [`UPDATE t SET path = '${own}' WHERE path <> '${own}'`]],
  ['as a default', ({ own }) => [`ALTER TABLE t ADD COLUMN b VARCHAR DEFAULT '${own}'`]],
  ['as a comment', ({ own }) => [`COMMENT ON TABLE t IS '${own}'`]],
  ['in a variable', ({ own }) => [`SET VARIABLE f = '${own}'`, "SELECT getvariable('f')"]],
  [
    'for EXECUTE of an insert',
    ({ own }) => ['PREPARE p AS INSERT INTO t VALUES ($1)', `EXECUTE p('${own}')`],
  ],
  ['in a glob that only lists', ({ dir }) => [`FROM glob('${dir}/*')`]],
  [
    'beside other files',
    ({ dir }) => [`FROM read_csv('${dir}/*.tsv', delim = '\t')`, `FROM '${dir}/data.tsv'`],
  ],
  [
    'with a macro over another file',
    ({ dir }) => [`CREATE MACRO m(x) AS TABLE FROM read_text('${dir}/' || x)`, "FROM m('data.tsv')"],
  ],
  ['with a computed name', ({ dir }) => [`FROM read_text('${dir}/' || 'data' || '.tsv')`]],
  ['a copy to another file', ({ dir }) => [`COPY t TO '${dir}/out.csv'`, `COPY t FROM '${dir}/out.csv'`]],
  ['an export', ({ dir }) => [`EXPORT DATABASE '${dir}/export'`]],
];

interface Client {
  query(sql: string, params?: unknown): Promise<unknown>;
  stream(sql: string): Promise<unknown>;
}

interface Scene {
  readonly client: Client;
  readonly files: Files;
  readonly another: (readOnly?: boolean) => Promise<Client>;
}

async function scene(config: Record<string, string> = {}): Promise<Scene> {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'onepond-files-')));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const own = join(dir, 'app.duckdb');
  const database = await openDatabase(own, { config });
  onTestFinished(() => database.close());
  await database.beginEpoch();
  const another = async (readOnly = false): Promise<Client> => {
    const session = await database.openSession({
      readOnly,
      client: undefined,
      announce: async () => undefined,
    });
    onTestFinished(() => session.close());
    const { signal } = new AbortController();
    return {
      query: (sql, params = []) => session.query({ sql, params: encode(params) as WireParams }, signal),
      stream: (sql) => session.openCursor({ sql }, signal),
    };
  };
  const client = await another();
  const files = { own, dir, link: join(dir, 'link.parquet'), other: join(dir, 'other.duckdb') };
  await client.query(`CREATE TABLE t (path VARCHAR); ATTACH '${files.other}' AS other`);
  symlinkSync(own, files.link);
  linkSync(own, join(dir, 'hard.csv'));
  writeFileSync(join(dir, 'data.tsv'), 'a\n1\n');
  for (const name of ['import', 'reads']) mkdirSync(join(dir, name));
  symlinkSync(own, join(dir, 'import', 'schema.sql'));
  writeFileSync(join(dir, 'reads', 'schema.sql'), '');
  writeFileSync(join(dir, 'reads', 'load.sql'), `COPY t FROM '${own}';`);
  return { client, files, another };
}

const query = (client: Client, statement: string | readonly [string, unknown]): Promise<unknown> =>
  typeof statement === 'string' ? client.query(statement) : client.query(...statement);

const isLocked = ({ own, other }: Files): void =>
  expect([own, other].map(kernelLockHolder)).toEqual([process.pid, process.pid]);

const refused = { code: 'INVALID', hint: expect.any(String) };

describe('the database', () => {
  it.each([...READS, ...WRITES])('is not opened as a file by %s', async (_what, statements) => {
    const { client, files } = await scene();
    const all = statements(files);
    for (const statement of all.slice(0, -1)) await query(client, statement);
    await expect(query(client, all.at(-1) ?? '')).rejects.toMatchObject(refused);
    isLocked(files);
  });

  it.each(READS)('is not opened as a file by a read-only client with %s', async (_what, statements) => {
    const { another, files } = await scene();
    const reader = await another(true);
    const all = statements(files);
    // Such a client may not make every setting that comes before: then the statement itself names no file of ours.
    for (const statement of all.slice(0, -1)) await query(reader, statement).catch(() => undefined);
    const ended = await query(reader, all.at(-1) ?? '').then(
      () => null,
      ({ code }) => code,
    );
    if (all.length === 1) expect(['INVALID', 'READ_ONLY']).toContain(ended);
    isLocked(files);
  });

  it.each(HARMLESS)('may be named %s', async (_what, statements) => {
    const { client, files } = await scene();
    for (const statement of statements(files)) await query(client, statement);
    isLocked(files);
  });

  it('is not opened as a file by a stream', async () => {
    const { client, files } = await scene();
    await expect(client.stream(`FROM read_blob('${files.own}')`)).rejects.toMatchObject(refused);
    isLocked(files);
  });

  it('is not opened by what another session has defined and committed', async () => {
    const { client, another, files } = await scene();
    const other = await another();
    await other.query('SELECT count(*) FROM t');
    await client.query('BEGIN; CREATE MACRO m(x) AS TABLE FROM read_blob(x)');
    await other.query('SELECT count(*) FROM t');
    await client.query('COMMIT');
    await expect(other.query(`FROM m('${files.own}')`)).rejects.toMatchObject(refused);
    isLocked(files);
  });

  it('is not opened by what an attached file brings', async () => {
    const { client, files } = await scene();
    const path = join(files.dir, 'views.duckdb');
    const instance = await DuckDBInstance.create(path);
    const connection = await instance.connect();
    await connection.run('CREATE MACRO m(x) AS TABLE FROM read_blob(x)');
    connection.closeSync();
    instance.closeSync();
    await client.query('SELECT count(*) FROM t');
    await client.query(`ATTACH '${path}' AS more`);
    await expect(client.query(`FROM more.m('${files.own}')`)).rejects.toMatchObject(refused);
    isLocked(files);
  });

  it('is not opened by a setting it is opened with', async () => {
    const { files } = await scene();
    const path = join(files.dir, 'second.duckdb');
    (await openDatabase(path)).close();
    const opened = openDatabase(path, { config: { log_query_path: path } });
    await expect(opened).rejects.toMatchObject(refused);
  });
});
