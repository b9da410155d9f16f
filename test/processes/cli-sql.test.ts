import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { BIN, type Finished, until, World } from '../support/world.ts';

const FILE = 'a.duckdb';

function sql(world: World, text: string, ...flags: string[]): Promise<Finished> {
  return world.cli(['--db', FILE, 'sql', ...flags, '-'], { input: text });
}

async function errorOf(world: World, text: string) {
  const { code, stderr } = await sql(world, text, '--json');
  expect(code).not.toBe(0);
  return JSON.parse(stderr).error;
}

/** The cells of a table's rows, without its head. */
function cells(stdout: string): string[][] {
  const rows = stdout.split('\n').filter((line) => line.startsWith('│'));
  return rows.slice(2).map((row) =>
    row
      .split('│')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

describe('a long result', () => {
  it('is a table of its first and last rows, with the number of all', async () => {
    const world = new World();
    const { code, stdout } = await sql(world, 'SELECT i, i::VARCHAR AS s FROM range(300000) r(i)');
    expect(code).toBe(0);
    const rows = cells(stdout);
    expect(rows).toHaveLength(41);
    expect([rows[0], rows[19], rows[20], rows[21], rows[40]]).toEqual([
      ['0', '0'],
      ['19', '19'],
      ['·', '·'],
      ['299980', '299980'],
      ['299999', '299999'],
    ]);
    expect(stdout).toMatch(/\n300,000 rows \(40 shown\), 2 columns\n$/);
  });

  it.each(['csv', 'ndjson', 'json'])('has all its rows in %s', async (format) => {
    const world = new World();
    const { stdout } = await sql(
      world,
      'SELECT i, NULL AS n, $$$$ AS e FROM range(50000) r(i)',
      '--format',
      format,
    );
    const rows = stdout.trimEnd().split('\n');
    const last = {
      csv: '49999,,""',
      ndjson: '{"i":"49999","n":null,"e":""}',
      json: ' {"i":"49999","n":null,"e":""}]',
    };
    expect(rows.at(-1)).toBe(last[format as keyof typeof last]);
    expect(rows).toHaveLength(format === 'csv' ? 50_001 : 50_000);
  });

  it.each(['csv', 'ndjson', 'json'])(
    'in %s ends, and its query with it, when its reader has seen enough',
    async (format) => {
      const world = new World();
      const owner = await world.peer();
      await owner.ask('open', world.path(FILE));
      const pipe = `"$0" "$1" --db ${FILE} sql --format ${format} 'FROM range(100000000000)' | head -n 2; exit \${PIPESTATUS[0]}`;
      const { status, stdout, stderr } = spawnSync('bash', ['-c', pipe, process.execPath, BIN], {
        cwd: world.dir,
        env: world.env,
        encoding: 'utf8',
      });
      expect({ status, stderr, lines: stdout.trimEnd().split('\n').length }).toEqual({
        status: 0,
        stderr: '',
        lines: 2,
      });
      await until(async () => {
        const { clients } = await owner.ask('status');
        return clients.length === 1;
      });
    },
  );
});

describe('values', () => {
  it('are in a table and in CSV as SQL writes them', async () => {
    const world = new World();
    const values = {
      "INTERVAL '1 year 2 days 03:04:05'": '1 year 2 days 03:04:05',
      "DATE '2020-01-02'": '2020-01-02',
      "TIMESTAMP '2020-01-02 03:04:05'": '2020-01-02 03:04:05',
      '1.50::DECIMAL(4,2)': '1.50',
      "['a', NULL]": '[a, NULL]',
      "{'a': 1, 'b': 'x'}": "{'a': 1, 'b': x}",
      "MAP {'k': 1}": '{k=1}',
      "'\\xAA'::BLOB": '\\xAA',
      '2::DOUBLE': '2.0',
    };
    const select = `SELECT ${Object.keys(values).join(', ')}`;
    expect(cells((await sql(world, select)).stdout)).toEqual([Object.values(values)]);
    const csv = await sql(
      world,
      `COPY (${select}) TO '${world.path('out.csv')}' (HEADER false); ${select}`,
      '--format',
      'csv',
    );
    expect(csv.stdout).toContain('1 year 2 days 03:04:05,2020-01-02,');
  });

  it('of a column called __proto__, and the order of columns called by numbers, are kept in JSON', async () => {
    const { stdout } = await sql(new World(), 'SELECT 1 AS b, 2 AS "1", 3 AS "__proto__"', '--json');
    expect(stdout).toBe('[{"b":1,"1":2,"__proto__":3}]\n');
  });
});

describe.runIf(process.platform === 'linux' && !spawnSync('script', ['--version']).error)(
  'in a terminal',
  () => {
    const terminal = (world: World, columns: number, ...args: string[]): string => {
      const command = [process.execPath, BIN, '--db', FILE, ...args].map((word) => `'${word}'`).join(' ');
      const { stdout } = spawnSync('script', ['-qec', `stty cols ${columns}; ${command}`, '/dev/null'], {
        cwd: world.dir,
        env: world.env,
        encoding: 'utf8',
      });
      return stdout.replaceAll('\r\n', '\n');
    };

    it('a table is no wider than that, and shows control characters and newlines', () => {
      const world = new World();
      const shown = terminal(
        world,
        60,
        '--no-color',
        'sql',
        'SELECT repeat($$x$$, 500) AS long, chr(27) || $$[31m$$ || chr(10) AS evil',
      );
      const lines = shown.trimEnd().split('\n');
      expect(lines.map((line) => line.length)).toEqual(lines.map(() => 60));
      expect(shown).toContain('\\x1b[31m\\n');
      expect(shown.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
    });

    it.each(['csv', 'ndjson', 'json'])('%s sends no control characters', (format) => {
      const world = new World();
      const shown = terminal(
        world,
        60,
        'sql',
        '--format',
        format,
        'SELECT chr(27) || chr(155) || chr(127) AS evil',
      );
      expect(shown.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
    });
  },
);

describe('a script', () => {
  it('shows a table for each of its statements', async () => {
    const { stdout, stderr } = await sql(
      new World(),
      "CREATE TEMP TABLE t (s VARCHAR); -- ;\nINSERT INTO t VALUES (';'); SET VARIABLE x = 5;\nSELECT s FROM t; SELECT getvariable('x') AS x; -- the end;",
    );
    expect(stderr).toBe('');
    expect(stdout.match(/^┌/gm)).toHaveLength(3);
    expect(stdout).toMatch(/│ +Count[\s\S]*│ ; [\s\S]*│ +5 │/);
  });

  it.each([
    ['json', '[{"b":2}]\n'],
    ['ndjson', '{"b":2}\n'],
    ['csv', 'b\n2\n'],
  ])('has in %s the rows of its last statement alone', async (format, expected) => {
    const { stdout } = await sql(new World(), 'SELECT 1 AS a; SELECT 2 AS b;', '--format', format);
    expect(stdout).toBe(expected);
  });

  it('that fails says at which statement, line and column, and that the others are done', async () => {
    const world = new World();
    const text =
      'CREATE TABLE t (n INTEGER);\nINSERT INTO t VALUES (1);\n\n  SELECT n,\n  nothing FROM t;\nSELECT 1;';
    const plain = await sql(world, text);
    expect(plain.stderr).toMatch(
      /^onepond: statement 3 of 4, line 5: Binder Error: .* \(SQL\)\n {2}line 5: {3}nothing FROM t;\n {12}\^\n {2}hint: .*2 statements before it are done\n$/,
    );
    expect((await sql(world, 'FROM t', '--json')).stdout).toBe('[{"n":1}]\n');
    expect((await errorOf(world, `DROP TABLE t; ${text}`)).data).toMatchObject({
      kind: 'Binder',
      statement: 4,
      statements: 5,
      done: 3,
      line: 5,
      column: 3,
      position: `DROP TABLE t; ${text}`.indexOf('nothing'),
    });
  });

  it('that fails in its transaction says that it is rolled back', async () => {
    const world = new World();
    const text = 'CREATE TABLE t (n INTEGER); BEGIN; INSERT INTO t VALUES (1); SELEC 1; COMMIT;';
    const { stderr } = await sql(world, text);
    expect(stderr).toContain('statement 4 of 5, line 1: Parser Error');
    expect(stderr).toContain(
      '1 statement before it is done, 2 statements before it are rolled back with the open transaction',
    );
    expect((await sql(world, 'FROM t', '--json')).stdout).toBe('[]\n');
    expect((await errorOf(world, text.replace('CREATE', 'CREATE OR REPLACE'))).data).toMatchObject({
      done: 1,
      statement: 4,
    });
  });

  it('says so where it leaves its transaction open', async () => {
    const world = new World();
    const { code, stderr } = await sql(world, 'CREATE TABLE t (n INTEGER); BEGIN; INSERT INTO t VALUES (1);');
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: 'onepond: the transaction was not committed, and is rolled back\n',
    });
    expect((await sql(world, 'FROM t', '--json')).stdout).toBe('[]\n');
  });

  it('of one statement points at the place as well', async () => {
    const { stderr } = await sql(new World(), '-- é\nSELECT 中 FROM nowhere');
    expect(stderr).toContain('  line 2: SELECT 中 FROM nowhere\n                         ^\n');
  });

  it.each(['', ' ;; ', '-- nothing\n/* ; */'])('without a statement, %j, is refused', async (text) => {
    expect(await errorOf(new World(), text)).toMatchObject({
      code: 'INVALID',
      hint: expect.stringContaining('statement'),
    });
  });

  it('with a NUL in it is refused before anything is done', async () => {
    const world = new World();
    expect(await errorOf(world, 'CREATE TABLE t (n INTEGER); \0 DROP TABLE t')).toMatchObject({
      code: 'INVALID',
    });
    expect((await errorOf(world, 'FROM t')).data).toMatchObject({ kind: 'Catalog' });
  });
});

describe('an owner that dies in the middle of a script', () => {
  const dying = async (world: World, failpoints: string) => {
    const owner = await world.peer({ env: { ONEPOND_FAILPOINTS: failpoints } });
    await owner.ask('open', world.path(FILE));
    return owner;
  };

  it('is followed by the next one, and each statement is done once', async () => {
    const world = new World();
    const owner = await dying(world, 'commit.done=kill#2');
    const text =
      'CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (1); INSERT INTO t VALUES (2); FROM t ORDER BY n;';
    expect(await sql(world, text, '--json')).toEqual({
      code: 0,
      stdout: '[{"n":1},\n {"n":2}]\n',
      stderr: '',
    });
    await owner.exited;
  });

  it('ends a script that has settings of its own, instead of going on without them', async () => {
    const world = new World();
    const owner = await dying(world, 'commit.done=kill#1');
    const error = await errorOf(
      world,
      "SET VARIABLE x = 5; CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (getvariable('x'));",
    );
    await owner.exited;
    expect(error).toMatchObject({ code: 'OWNER_LOST', data: { outcome: 'unknown', statement: 2, done: 1 } });
    expect((await sql(world, 'FROM t', '--json')).stdout).toBe('[]\n');
  });

  it('does not have a SELECT that writes done twice', async () => {
    const world = new World();
    const owner = await dying(world, 'commit.done=kill#2');
    await owner.ask('run', 'CREATE SEQUENCE s');
    expect((await sql(world, "SELECT nextval('s')::INTEGER AS n", '--json')).stdout).toBe('[{"n":1}]\n');
    await owner.exited;
    expect((await sql(world, "SELECT nextval('s')::INTEGER AS n", '--json')).stdout).toBe('[{"n":2}]\n');
  });
});
