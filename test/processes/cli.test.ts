import { spawnSync } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { project, SOURCES, serve } from '../support/project.ts';
import { BIN, until, World } from '../support/world.ts';

const HIT_FIELDS = ['path', 'start_line', 'end_line', 'score', 'lang', 'symbol', 'snippet', 'match_lines'];

describe('onepond index', () => {
  it('prints what it did, and the second time that nothing changed', async () => {
    const world = new World();
    const cwd = project(world);
    const first = await world.cli(['index', '--json'], { cwd });
    expect(first).toMatchObject({ code: 0, stderr: '' });
    const { db, ms, ...fields } = JSON.parse(first.stdout);
    expect(db.startsWith(world.path('cache'))).toBe(true);
    expect(ms).toBeGreaterThanOrEqual(0);
    const bytes = Object.values(SOURCES).join('').length;
    const counts = { files: 3, removed: 0, skipped: 0, chunks: 3, bytes, generation: 1 };
    expect(fields).toEqual({ root: cwd, ...counts, added: 3, changed: 0, unchanged: 0 });
    const second = JSON.parse((await world.cli(['index', '--json'], { cwd })).stdout);
    expect(second).toMatchObject({ ...counts, added: 0, changed: 0, unchanged: 3 });
  });

  it('indexes a named folder into a named database', async () => {
    const world = new World();
    const root = project(world);
    const db = world.path('elsewhere.duckdb');
    expect((await world.cli(['--db', db, 'index', root])).code).toBe(0);
    const found = await world.cli(['--db', db, '--json', 'search', 'start server']);
    expect(JSON.parse(found.stdout).hits[0].path).toBe('src/server.py');
  });

  it.each([
    ['nowhere', 'NOT_FOUND'],
    ['project/src/parser.ts', 'INVALID'],
  ])('says in one line why it cannot index %s', async (path, code) => {
    const world = new World();
    project(world);
    const { code: status, stdout, stderr } = await world.cli(['index', path]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr.split('\n')[0]).toContain(`(${code})`);
  });
});

describe('onepond search', () => {
  it('makes the index first, and ranks what it finds', async () => {
    const world = new World();
    const cwd = project(world);
    const { code, stdout, stderr } = await world.cli(['search', '--json', 'parse', 'header'], {
      cwd: `${cwd}/src`,
    });
    expect(code).toBe(0);
    expect(stderr).toMatch(/^onepond: indexing .* first\nonepond: indexed 3 files in \d+\.\d s\n$/);
    const { hits, ...rest } = JSON.parse(stdout);
    expect(rest).toEqual({
      query: 'parse header',
      root: cwd,
      generation: 1,
      pending: 0,
      watching: false,
      checked_at: expect.stringMatching(/^\d{4}-.*Z$/),
      ms: expect.any(Number),
    });
    expect(hits.map(({ path }: { path: string }) => path)).toEqual(['src/parser.ts', 'docs/guide.md']);
    for (const hit of hits) expect(Object.keys(hit)).toEqual(expect.arrayContaining(HIT_FIELDS));
    expect(hits[0]).toMatchObject({
      start_line: 1,
      lang: 'typescript',
      symbol: 'parseHeader',
      match_lines: [1],
    });
  });

  it('says nothing of that with --quiet', async () => {
    const world = new World();
    const cwd = project(world);
    expect(await world.cli(['search', '--quiet', 'header'], { cwd })).toMatchObject({ code: 0, stderr: '' });
  });

  it('gives the same hits to a lone process, to the owner and to its readers', async () => {
    const world = new World();
    const cwd = project(world);
    const hits = async (): Promise<string> => {
      const { stdout } = await world.cli(['search', '--json', 'parse header'], { cwd });
      return stdout.slice(stdout.indexOf('"hits"'));
    };
    await world.cli(['index'], { cwd });
    const alone = await hits();
    await serve(world, cwd);
    expect(await Promise.all([hits(), hits(), hits()])).toEqual([alone, alone, alone]);
  });

  it('exits with 1 where nothing is found', async () => {
    const world = new World();
    const cwd = project(world);
    const { code, stdout } = await world.cli(['search', '--json', 'zebra'], { cwd });
    expect({ code, hits: JSON.parse(stdout).hits }).toEqual({ code: 1, hits: [] });
  });

  it('says of nothing found that --fresh looks at what is new, unless it has', async () => {
    const world = new World();
    const cwd = project(world);
    await world.cli(['index'], { cwd });
    const nothing = 'onepond: nothing found for "zebra"';
    expect((await world.cli(['search', 'zebra'], { cwd })).stderr).toBe(
      `${nothing}; --fresh brings the index up to date first\n`,
    );
    expect((await world.cli(['search', '--fresh', 'zebra'], { cwd })).stderr).toBe(`${nothing}\n`);
  });

  it('filters by path and language, and limits', async () => {
    const world = new World();
    const cwd = project(world);
    const paths = async (...flags: string[]): Promise<string[]> => {
      const { stdout } = await world.cli(['search', '--json', ...flags, 'parse header'], { cwd });
      return JSON.parse(stdout).hits.map(({ path }: { path: string }) => path);
    };
    expect(await paths('--path', 'docs/**')).toEqual(['docs/guide.md']);
    expect(await paths('--lang', 'typescript')).toEqual(['src/parser.ts']);
    expect(await paths('-n', '1')).toEqual(['src/parser.ts']);
    expect(await paths('--literal')).toEqual([]);
  });

  it('prints for editors, and finds what changed with --fresh', async () => {
    const world = new World();
    const cwd = project(world);
    await world.cli(['index'], { cwd });
    writeFileSync(`${cwd}/src/new.ts`, '// first\nexport const zebraCrossing = 1;\n');
    const { code, stdout } = await world.cli(['search', '--fresh', '--format', 'vimgrep', 'zebra'], { cwd });
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'src/new.ts:2:1:export const zebraCrossing = 1;\n' });
  });
});

describe('onepond sql', () => {
  it('prints rows in every format, wide integers as strings in JSON', async () => {
    const world = new World();
    const sql = "SELECT 1 AS a, 9007199254740993::BIGINT AS b, 1.50::DECIMAL(4,2) AS c, 'x,y' AS d";
    const out = async (...flags: string[]): Promise<string> =>
      (await world.cli(['--db', 'a.duckdb', 'sql', ...flags, sql])).stdout;
    const row = { a: 1, b: '9007199254740993', c: '1.50', d: 'x,y' };
    expect(JSON.parse(await out('--json'))).toEqual([row]);
    expect(JSON.parse(await out('--format', 'ndjson'))).toEqual(row);
    expect(await out('--format', 'csv')).toBe('a,b,c,d\n1,9007199254740993,1.50,"x,y"\n');
    expect(await out()).toContain('9007199254740993');
  });

  it('takes params, reads stdin, and prints [] for no rows', async () => {
    const world = new World();
    const run = (args: string[], input?: string) =>
      world.cli(['--db', 'a.duckdb', '--json', 'sql', ...args], { input: input ?? '' });
    const params = ['--param', '41', '--param', 'x'];
    expect(JSON.parse((await run(['SELECT $1 + 1 AS n, $2 AS s', ...params])).stdout)).toEqual([
      { n: 42, s: 'x' },
    ]);
    expect(JSON.parse((await run(['-'], 'SELECT 1 AS one')).stdout)).toEqual([{ one: 1 }]);
    expect((await run(['SELECT 1 WHERE false'])).stdout).toBe('[]\n');
  });

  it('names the columns where there are no rows, and prints nothing where there is no result', async () => {
    const world = new World();
    const out = async (...args: string[]) => {
      const { code, stdout, stderr } = await world.cli(['--db', 'a.duckdb', 'sql', ...args]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      return stdout;
    };
    expect(await out('CREATE TABLE t (a INTEGER, "b,c" VARCHAR)')).toBe('');
    expect(await out('--format', 'csv', 'SELECT * FROM t WHERE false')).toBe('a,"b,c"\n');
    expect(await out('--format', 'csv', 'DELETE FROM t RETURNING a')).toBe('a\n');
    expect(await out('SELECT * FROM t')).toMatch(
      /^┌─+┬─+┐\n│ +a │ b,c +│\n│ INTEGER │ VARCHAR │\n└─+┴─+┘\n$/,
    );
    expect(await out('--format', 'ndjson', 'SELECT * FROM t')).toBe('');
  });

  it('writes exactly once, though the owner dies before it can answer', async () => {
    const world = new World();
    const file = world.path('app.duckdb');
    // The first commit is the table's.
    const owner = await world.peer({ env: { ONEPOND_FAILPOINTS: 'commit.done=kill#2' } });
    await owner.ask('open', file);
    await owner.ask('run', 'CREATE TABLE t (n INTEGER)');
    const sql = (...args: string[]) => world.cli(['--db', file, '--json', 'sql', ...args]);
    const written = await sql('INSERT INTO t VALUES ($1) RETURNING n', '--param', '7');
    expect(written).toEqual({ code: 0, stdout: '[{"n":7}]\n', stderr: '' });
    await owner.exited;
    expect((await sql('SELECT n FROM t')).stdout).toBe('[{"n":7}]\n');
  });

  it.each<[sql: string, then: string, left: string]>([
    ['EXPLAIN ANALYSE INSERT INTO t VALUES (7)', 'SELECT n FROM t', '[{"n":7}]\n'],
    ['/* c */ EXPLAIN (FORMAT json, ANALYSE) INSERT INTO t VALUES (7)', 'SELECT n FROM t', '[{"n":7}]\n'],
    ['SELECT m()', "SELECT nextval('s')::INT AS n", '[{"n":2}]\n'],
    ["FROM query('SELECT m' || '()')", "SELECT nextval('s')::INT AS n", '[{"n":2}]\n'],
  ])(
    'does once what is no write by its first word, though the owner dies: %s',
    async (statement, then, left) => {
      const world = new World();
      const file = world.path('app.duckdb');
      // Three commits are of what is defined.
      const owner = await world.peer({ env: { ONEPOND_FAILPOINTS: 'commit.done=kill#4' } });
      await owner.ask('open', file);
      await owner.ask(
        'run',
        "CREATE TABLE t (n INTEGER); CREATE SEQUENCE s; CREATE MACRO m() AS nextval('s')",
      );
      const sql = (text: string) => world.cli(['--db', file, '--json', 'sql', text]);
      expect(await sql(statement)).toMatchObject({ code: 0, stderr: '' });
      await owner.exited;
      expect((await sql(then)).stdout).toBe(left);
    },
  );

  it('says in one line, or in one JSON object, what DuckDB refused', async () => {
    const world = new World();
    const plain = await world.cli(['--db', 'a.duckdb', 'sql', 'SELEC 1']);
    expect(plain).toMatchObject({ code: 2, stdout: '' });
    expect(plain.stderr).toMatch(/^onepond: Parser Error: .*\(SQL\)\n/);
    const json = await world.cli(['--db', 'a.duckdb', '--json', 'sql', 'SELECT * FROM nowhere']);
    expect(JSON.parse(json.stderr).error).toMatchObject({
      code: 'SQL',
      data: { kind: 'Catalog', position: 14 },
    });
  });
});

describe('wrong usage', () => {
  it.each([
    [[]],
    [['dance']],
    [['search']],
    [['search', '--limit', 'many', 'x']],
    [['sql', 'SELECT 1', '--format', 'xml']],
    [['completion', 'tcsh']],
  ])('%j exits with 2 and says why', async (args) => {
    const { code, stdout, stderr } = await new World().cli(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).not.toBe('');
  });

  it('is one line and a hint, or with --json one JSON object', async () => {
    const world = new World();
    const plain = await world.cli(['serch', 'x']);
    expect(plain.stderr).toBe("onepond: unknown command 'serch' (INVALID)\n  hint: Did you mean search?\n");
    for (const args of [['sql', '--json'], ['--json', 'dance'], ['--json'], ['status', '--json', '--loud']]) {
      const { code, stdout, stderr } = await world.cli(args);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      const { error } = JSON.parse(stderr);
      expect(error).toEqual({ code: 'INVALID', message: expect.any(String), hint: expect.any(String) });
    }
  });

  it.each([
    [['search', '-n', '0', 'x'], '--limit must be 1 or more (INVALID)'],
    [['search', '-n', '-1', 'x'], '--limit must be 1 or more (INVALID)'],
    [['search', '-n', 'many', 'x'], '--limit must be a whole number (INVALID)'],
    [['sql', '-- count\nSELECT 1'], 'hint: put it behind --, or give a statement on stdin: onepond sql -'],
    [['--db', 'a.duckdb', 'sql', 'SELECT $1'], 'hint: give each with --param VALUE'],
    [['search', '--lmit', '3', 'x'], 'hint: Did you mean --limit?'],
    [['help', 'nosuch'], "unknown command 'nosuch'"],
    [['nosuch', '--help'], "unknown command 'nosuch'"],
  ])('%j says what was wrong', async (args, why) => {
    const { code, stdout, stderr } = await new World().cli(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(why);
  });

  it('is not a statement behind --, nor the help of a command', async () => {
    const world = new World();
    const { stdout } = await world.cli(['--db', 'a.duckdb', 'sql', '--json', '--', '-- note\nSELECT 1 AS a']);
    expect(stdout).toBe('[{"a":1}]\n');
    expect((await world.cli(['help', 'search'])).stdout).toContain('--fresh');
    expect((await world.cli(['sql', '--help'])).stdout).toContain('--param');
  });

  it('an interrupt ends a command with 130', async () => {
    const world = new World();
    const sql = 'SELECT count(*) FROM range(1000000000000) a, range(1000000) b WHERE a.range % 7 = b.range';
    const child = world.start([BIN, '--db', 'a.duckdb', 'sql', sql]);
    const ended = new Promise((end) => child.once('exit', end));
    await until(async () => {
      const { owner, clients } = JSON.parse(
        (await world.cli(['--db', 'a.duckdb', 'status', '--json'])).stdout,
      );
      return owner !== null && clients.some(({ in_flight }: { in_flight: number }) => in_flight > 0);
    });
    child.kill('SIGINT');
    expect(await ended).toBe(130);
  });
});

describe.runIf(process.platform === 'linux')('a full disk under stdout', () => {
  it('ends a command with 2 and says so', () => {
    const world = new World();
    const full = openSync('/dev/full', 'w');
    const { status, stderr } = spawnSync(
      process.execPath,
      [BIN, '--db', 'a.duckdb', '--json', 'sql', 'SELECT 1'],
      { env: world.env, cwd: world.dir, stdio: ['ignore', full, 'pipe'], encoding: 'utf8' },
    );
    closeSync(full);
    expect({ status, code: JSON.parse(stderr).error.code }).toEqual({ status: 2, code: 'DISK_FULL' });
  });
});
