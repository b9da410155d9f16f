import { expect, it } from 'vitest';
import { PondError } from '../../../src/errors.ts';
import type { Contract } from '../place.ts';

const SETUP = `CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR NOT NULL CHECK (name <> 'bad'));
  INSERT INTO t VALUES (1, 'one')`;

const REFUSED: readonly (readonly [kind: string, sql: string, position: number | undefined])[] = [
  ['Parser', 'SELEC 1', 0],
  ['Parser', 'SELECT 1 FROM\n  WHERE', 16],
  ['Catalog', 'SELECT * FROM missing', 14],
  ['Catalog', "SELECT 'é😀', missing_function(1)", 14],
  ['Binder', 'SELECT nme FROM t', 7],
  ['Binder', '\n\n  SELECT id,\n    nme FROM t', 19],
  ['Constraint', "INSERT INTO t VALUES (1, 'two')", undefined],
  ['Constraint', 'INSERT INTO t VALUES (2, NULL)', undefined],
  ['Constraint', "INSERT INTO t VALUES (2, 'bad')", undefined],
  ['Conversion', "SELECT 'x'::INT", 10],
  ['Out of Range', 'SELECT 2147483647::INT + 1::INT', undefined],
  ['Invalid Input', "SELECT strptime('x', '%Y')", undefined],
];

/** Errors of every code that a statement can end in. */
const WORDS: readonly string[] = [
  ...REFUSED.map(([, sql]) => sql),
  'COMMIT',
  "COPY t TO '/'",
  "ATTACH '/etc/hostname' AS x",
  'SELECT 1; SELECT 2; SELECT missing',
  "SELECT 1; -- é\nSELECT '漢字', 'x'::INT",
  "SELECT '漢字', missing",
  'SELECT * FROM t JOIN',
  'SELECT error(\'{"exception_type":"INTERRUPT","exception_message":"x"}\')',
  'BEGIN TRANSACTION READ ONLY; CREATE TABLE u (n INT)',
  "SELECT CASE WHEN range = 99999 THEN error('late') END FROM range(100000)",
];

export function errorContract(contract: Contract): void {
  it.each(REFUSED)('%s: %j', async (kind, sql, position) => {
    const { client } = await contract.open();
    await client.run(SETUP);
    const error: unknown = await client.query(sql).catch((refused: unknown) => refused);
    expect(error).toBeInstanceOf(PondError);
    expect(error).toMatchObject({ name: 'PondError', code: 'SQL', data: { kind } });
    if (position !== undefined) expect(error).toMatchObject({ data: { position } });
    expect((error as Error).message).not.toContain('\n');
  });

  it.each(WORDS)('is the same error where DuckDB reports in JSON: %s', async (sql) => {
    const { client } = await contract.open();
    await client.run(SETUP);
    const refusals = async (): Promise<unknown[]> => {
      const refused: unknown[] = [];
      for (const attempt of [() => client.query(sql), () => client.call('stream/open', { sql })]) {
        const { code, message, hint, data } = await attempt().then(
          () => Promise.reject(new Error('not refused')),
          (error: PondError) => error,
        );
        refused.push({ code, message, hint, data });
        await client.run('ROLLBACK').catch(() => undefined);
      }
      return refused;
    };
    const before = await refusals();
    // For the session, and for the connection that its streams get.
    await client.run('SET errors_as_json = true; SET GLOBAL errors_as_json = true');
    expect(await refusals()).toEqual(before);
  });

  it('the position in a long line is that of the line, not of the excerpt', async () => {
    const { client } = await contract.open();
    const sql = `SELECT ${Array.from({ length: 60 }, (_, i) => `${i} AS c${i}`).join(', ')}, wrong FROM range(1)`;
    await expect(client.query(sql)).rejects.toMatchObject({
      data: { kind: 'Binder', position: sql.indexOf('wrong') },
    });
  });

  it('names what was meant', async () => {
    const { client } = await contract.open();
    await client.run('CREATE TABLE customers (name VARCHAR)');
    await expect(client.query('SELECT * FROM customer')).rejects.toMatchObject({
      hint: expect.stringContaining('customers'),
    });
  });

  it.each(['', '   ', '-- nothing', ';', ' ; ; '])(
    'a text without a statement is INVALID: %j',
    async (sql) => {
      const { client } = await contract.open();
      await expect(client.query(sql)).rejects.toMatchObject({ code: 'INVALID' });
      await expect(client.run(sql)).rejects.toMatchObject({ code: 'INVALID' });
      await expect(client.call('stream/open', { sql })).rejects.toMatchObject({ code: 'INVALID' });
    },
  );

  it('an error that comes with the rows is the same error', async () => {
    const { client } = await contract.open();
    const sql =
      "SELECT CASE WHEN range = 99999 THEN error('row ' || range) ELSE range END FROM range(100000)";
    await expect(client.query(sql)).rejects.toMatchObject({
      code: 'SQL',
      message: expect.stringContaining('row 99999'),
    });
  });

  it('a session works on after each of its errors', async () => {
    const { client } = await contract.open();
    for (const sql of ['SELEC', 'SELECT * FROM missing', "SELECT 'x'::INT", '']) {
      await expect(client.query(sql)).rejects.toThrow();
      expect(await client.rows('SELECT 1 AS a')).toEqual([{ a: 1 }]);
    }
  });
}
