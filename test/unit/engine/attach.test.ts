import { linkSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Database, openDatabase } from '../../../src/engine/database.ts';
import { PondError } from '../../../src/errors.ts';

interface Opened {
  readonly database: Database;
  readonly path: (name: string) => string;
  /** Names of the files that are claimed now, in the order in which they were. */
  readonly claimed: () => string[];
  readonly run: (sql: string) => Promise<unknown>;
  /** Another session. */
  readonly session: () => Promise<(sql: string) => Promise<unknown>>;
}

async function opened(): Promise<Opened> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'onepond-attach-')));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = (name: string): string => join(folder, name);
  const claims = new Set<{ file: string }>();
  const database = await openDatabase(path('app.duckdb'), {
    claim: async (file) => {
      const claim = { file };
      claims.add(claim);
      return { opened: async () => undefined, release: () => void claims.delete(claim) };
    },
  });
  await database.beginEpoch();
  onTestFinished(() => database.close());
  const session = async (): Promise<(sql: string) => Promise<unknown>> => {
    const sql = await database.openSession({
      readOnly: false,
      client: undefined,
      announce: async () => undefined,
    });
    onTestFinished(() => sql.close());
    return (text) => sql.query({ sql: text }, new AbortController().signal);
  };
  const claimed = (): string[] => [...claims].map(({ file }) => file.slice(folder.length + 1));
  return { database, path, claimed, run: await session(), session };
}

async function namesOf(database: Database): Promise<unknown[]> {
  const connection = await database.connect();
  const rows = await connection.all(
    "SELECT database_name AS name FROM duckdb_databases() WHERE NOT internal AND database_name <> 'app' ORDER BY 1",
  );
  connection.close();
  return rows.map(({ name }) => name);
}

describe('an attached file', () => {
  it('is attached once for all who name it at the same time', async () => {
    const { database, path, claimed } = await opened();
    const names = ['a', 'b', 'a', 'b', 'a', 'b', 'a', 'b'];
    await Promise.all(names.map((name) => database.attach(name, path(`${name}.duckdb`))));
    expect(await namesOf(database)).toEqual(['a', 'b']);
    expect(claimed()).toEqual(['a.duckdb', 'b.duckdb']);
    expect(database.hasForeign).toBe(true);
  });

  it('keeps its name, also while it is being attached', async () => {
    const { database, path } = await opened();
    const first = database.attach('a', path('a.duckdb'));
    await expect(database.attach('A', path('b.duckdb'))).rejects.toMatchObject({ code: 'INVALID' });
    await first;
  });

  it('that could not be attached may be attached later, and is not claimed meanwhile', async () => {
    const { database, path, claimed } = await opened();
    writeFileSync(path('a.duckdb'), 'x'.repeat(20_000));
    await expect(database.attach('a', path('a.duckdb'))).rejects.toMatchObject({ code: 'CORRUPT' });
    expect(claimed()).toEqual([]);
    await database.attach('a', path('b.duckdb'));
    expect(await namesOf(database)).toEqual(['a']);
  });

  it.each(['', ':memory:', 'a.duckdb', 'file:a.duckdb'])(
    'at %j is refused, and takes no name',
    async (file) => {
      const { database, path, claimed } = await opened();
      await expect(database.attach('a', file)).rejects.toMatchObject({ code: 'INVALID' });
      expect([await namesOf(database), claimed()]).toEqual([[], []]);
      await database.attach('a', path('b.duckdb'));
      expect(await namesOf(database)).toEqual(['a']);
    },
  );

  it('that SQL detached is attached again for who asks', async () => {
    const { database, path, claimed, run } = await opened();
    await database.attach('a', path('a.duckdb'));
    await run('DETACH a');
    expect([claimed(), database.hasForeign]).toEqual([[], false]);
    await database.attach('a', path('a.duckdb'));
    expect([await namesOf(database), claimed()]).toEqual([['a'], ['a.duckdb']]);
  });

  it('is not opened before it is claimed', async () => {
    const { path, run, claimed } = await opened();
    const owned = await openDatabase(path('main.duckdb'), {
      claim: () => Promise.reject(new PondError('OWNER_UNREACHABLE', 'held')),
    });
    onTestFinished(() => owned.close());
    await expect(owned.attach('a', path('a.duckdb'))).rejects.toMatchObject({ code: 'OWNER_UNREACHABLE' });
    expect(await namesOf(owned)).toEqual(['main_db']);
    await run(`ATTACH '${path('a.duckdb')}' AS a`);
    expect(claimed()).toEqual(['a.duckdb']);
  });
});

describe('an ATTACH', () => {
  it.each<[string, (path: (name: string) => string) => string]>([
    ['of the database itself', (path) => `ATTACH '${path('app.duckdb')}' AS x`],
    ['of the database by a link', (path) => `ATTACH '${path('soft.duckdb')}' AS x`],
    ['of the database by a hard link', (path) => `ATTACH '${path('hard.duckdb')}' AS x`],
    ['of the database by a URL', (path) => `ATTACH 'file://${path('app.duckdb')}' AS x`],
    ['of the database as another type', (path) => `ATTACH '${path('app.duckdb')}' AS x (TYPE sqlite)`],
    ['of the database by a prefix', (path) => `ATTACH 'sqlite:${path('hard.duckdb')}' AS x`],
    ['of a file that is attached', (path) => `ATTACH '${path('b.duckdb')}' AS x`],
    ['of a file that is attached, by a hard link', (path) => `ATTACH '${path('b2.duckdb')}' AS x`],
    ['IF NOT EXISTS of it under another name', (path) => `ATTACH IF NOT EXISTS '${path('b2.duckdb')}' AS x`],
    ['OR REPLACE of a file by itself', (path) => `ATTACH OR REPLACE '${path('b.duckdb')}' AS b`],
    ['of a type that opens DuckDB files by itself', (path) => `ATTACH 'ducklake:${path('c.duckdb')}' AS x`],
    ['of an unknown type', (path) => `ATTACH '${path('c.duckdb')}' AS x (TYPE 'ducklake')`],
    [
      'in a text that DuckDB makes more of',
      (path) => `PIVOT t ON n USING count(*); ATTACH '${path('c.duckdb')}' AS x`,
    ],
  ])('%s is refused, and opens nothing', async (_what, sql) => {
    const { database, path, claimed, run } = await opened();
    await run('CREATE TABLE t AS SELECT 1 AS n');
    symlinkSync(path('app.duckdb'), path('soft.duckdb'));
    linkSync(path('app.duckdb'), path('hard.duckdb'));
    await run(`ATTACH '${path('b.duckdb')}' AS b`);
    linkSync(path('b.duckdb'), path('b2.duckdb'));
    await expect(run(sql(path))).rejects.toMatchObject({ code: 'INVALID' });
    expect([await namesOf(database), claimed()]).toEqual([['b'], ['b.duckdb']]);
  });

  it.each<[string, (path: string) => string]>([
    ['by a literal', (path) => `ATTACH '${path}' AS c`],
    ['by an escaped literal', (path) => `attach e'\\x2f${path.slice(1)}' as "c"`],
    ['between dollars', (path) => `ATTACH DATABASE $a$${path}$a$ c`.replace(' c', ' AS c')],
    ['in two pieces', (path) => `ATTACH '${path.slice(0, 5)}'\n  '${path.slice(5)}' AS c -- so it goes`],
    ['without a name', (path) => `/* one /* two */ */ ATTACH '${path}'`],
    ['with a type', (path) => `ATTACH '${path}' AS c (TYPE duckdb, BLOCK_SIZE 262144)`],
    ['with its type before it', (path) => `ATTACH 'duckdb:${path}' AS c`],
    ['among other statements', (path) => `SELECT ';' ; ; ATTACH '${path}' AS c; SELECT 1`],
    ['where it is not there yet', (path) => `ATTACH IF NOT EXISTS '${path}' AS c`],
    ['in the place of another', (path) => `ATTACH OR REPLACE '${path}' AS b`],
  ])('%s claims its file', async (_how, sql) => {
    const { database, path, claimed, run } = await opened();
    await run(`ATTACH '${path('b.duckdb')}' AS b`);
    await run(sql(path('c.duckdb')));
    const isReplaced = sql('').includes('REPLACE');
    expect(claimed()).toEqual(isReplaced ? ['c.duckdb'] : ['b.duckdb', 'c.duckdb']);
    expect(await namesOf(database)).toEqual(isReplaced ? ['b'] : ['b', 'c']);
  });

  it('IF NOT EXISTS of a name that is there opens nothing', async () => {
    const { path, claimed, run } = await opened();
    await run(`ATTACH '${path('b.duckdb')}'`);
    await run(`ATTACH IF NOT EXISTS '${path('b.duckdb')}'`);
    await run(`ATTACH IF NOT EXISTS '${path('other.duckdb')}' AS b`);
    expect(claimed()).toEqual(['b.duckdb']);
  });

  it('of no file claims nothing, and is known to be written to', async () => {
    const { database, claimed, run } = await opened();
    await run("ATTACH ':memory:' AS m");
    expect([claimed(), database.hasForeign]).toEqual([[], true]);
    await run('DETACH m');
    expect(database.hasForeign).toBe(false);
  });

  it('that is read-only is not written to', async () => {
    const { database, path, claimed, run } = await opened();
    await run(`ATTACH '${path('b.duckdb')}' AS b; DETACH b; ATTACH '${path('b.duckdb')}' AS b (READ_ONLY)`);
    expect([claimed(), database.hasForeign]).toEqual([['b.duckdb'], false]);
  });

  it('is known at once, and let go of where its transaction is rolled back', async () => {
    const { database, path, claimed, run } = await opened();
    await run(`BEGIN; ATTACH '${path('b.duckdb')}' AS b`);
    expect([claimed(), database.hasForeign]).toEqual([['b.duckdb'], true]);
    await run('ROLLBACK');
    expect([claimed(), database.hasForeign]).toEqual([[], false]);
    await run(`BEGIN; ATTACH '${path('b.duckdb')}' AS b; COMMIT`);
    expect([claimed(), database.hasForeign]).toEqual([['b.duckdb'], true]);
  });

  it('that failed lets go, and one that failed after another keeps the other', async () => {
    const { path, claimed, run } = await opened();
    writeFileSync(path('bad.duckdb'), 'x'.repeat(20_000));
    await expect(run(`ATTACH '${path('bad.duckdb')}' AS bad`)).rejects.toMatchObject({ code: 'CORRUPT' });
    await run(`ATTACH '${path('b.duckdb')}' AS b`);
    await expect(run(`ATTACH '${path('c.duckdb')}' AS b`)).rejects.toMatchObject({ code: 'SQL' });
    expect(claimed()).toEqual(['b.duckdb']);
  });

  it.each([
    ['DETACH app', () => 'DETACH app'],
    ['DETACH in another spelling', () => '/* it */ detach database if exists "APP"'],
    ['DETACH behind another statement', () => 'SELECT 1; DETACH App'],
    ['another name for it', () => 'ALTER /* /* */ */ DATABASE app SET ALIAS TO x'],
    ['its name for another', () => 'ALTER DATABASE o SET ALIAS TO app'],
    ['a file in its place', (file: string) => `ATTACH OR REPLACE '${file}' AS app`],
    [
      'a file of the same name',
      (file: string) => `ATTACH OR REPLACE '${file.replace('b.', 'app.x/../app.')}'`,
    ],
    ['memory in its place', () => `ATTACH OR REPLACE ':memory:' AS "App"`],
  ])('never takes the database itself away: %s', async (_, statement) => {
    const { database, path, run } = await opened();
    await run(`CREATE TABLE app.t AS SELECT 1 AS n; ATTACH ':memory:' AS o; USE o`);
    await expect(run(statement(path('b.duckdb')))).rejects.toMatchObject({ code: 'INVALID' });
    expect(await run('FROM app.t')).toMatchObject({ rows: [[1]] });
    expect(await namesOf(database)).not.toContain('app');
  });

  it('in a stream is refused', async () => {
    const { database, path, claimed } = await opened();
    const sql = await database.openSession({
      readOnly: false,
      client: undefined,
      announce: async () => undefined,
    });
    onTestFinished(() => sql.close());
    const cursor = sql.openCursor({ sql: `ATTACH '${path('b.duckdb')}' AS b` }, new AbortController().signal);
    await expect(cursor).rejects.toMatchObject({ code: 'INVALID' });
    expect(claimed()).toEqual([]);
  });

  it('has its file watched until another session detaches it, a transaction on it or not', async () => {
    const { path, claimed, run, session } = await opened();
    const other = await session();
    await run(`ATTACH '${path('b.duckdb')}' AS b; CREATE TABLE b.t AS SELECT 1 AS n`);
    await other('BEGIN; FROM b.t');
    await run('DETACH b');
    expect(claimed()).toEqual([]);
    await other('COMMIT');
  });
});
