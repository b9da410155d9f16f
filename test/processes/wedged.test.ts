import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { ownerFirst, type Peer, until, World } from '../support/world.ts';

const ENDLESS = 'SELECT sum(a.range * b.range % 7) FROM range(10000000) a, range(10000000) b';
/** One task of DuckDB's for as long as it runs: a row costs a second and more. */
const COSTLY =
  'SELECT sum(list_sum(list_transform(range(2000000), lambda x: (x * i) % 7))) FROM range(50000) t(i)';

describe('an owner whose DuckDB is stuck in endless queries', () => {
  it('greets, tells its status, answers others, and cancels', async () => {
    const world = new World();
    const file = world.path('app.duckdb');
    const peers = await world.peers(3, file);
    const [owner, stuck, other] = await ownerFirst(peers);
    await other.ask('run', 'CREATE TABLE t AS SELECT 7 AS n');
    // More than libuv has threads, and more than DuckDB has.
    const endless = Array.from({ length: 6 }, () => stuck.ask('queryAlone', file, ENDLESS));
    for (const query of endless) query.catch(() => undefined);
    await until(
      async () =>
        (await other.ask('status')).clients.filter((c: { in_flight: number }) => c.in_flight > 0).length >= 6,
    );
    const [newcomer] = (await world.peers(1, file)) as [Peer];
    expect(await newcomer.ask('query', 'SELECT n FROM t')).toEqual([{ n: 7 }]);
    expect(await newcomer.ask('run', 'INSERT INTO t VALUES (8)')).toMatchObject({ rowsChanged: 1 });
    expect((await other.ask('status')).owner).toMatchObject({ pid: owner.pid });
    await stuck.ask('abortAll');
    for (const query of endless) await expect(query).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await stuck.ask('query', 'SELECT count(*)::INTEGER AS n FROM t')).toEqual([{ n: 2 }]);
  });
});

describe('an owner whose DuckDB is at a single task for minutes', () => {
  it('answers others, and cancels', async () => {
    const world = new World();
    const file = world.path('app.duckdb');
    const peers = await world.peers(3, file, { timeout: 5_000 });
    const [owner, stuck, other] = await ownerFirst(peers);
    await other.ask('run', 'CREATE TABLE t AS SELECT 7 AS n');
    const endless = Array.from({ length: 2 }, () => stuck.ask('queryAlone', file, COSTLY));
    for (const query of endless) query.catch(() => undefined);
    await until(
      async () =>
        (await other.ask('status')).clients.filter((c: { in_flight: number }) => c.in_flight > 0).length >= 2,
    );
    for (let i = 0; i < 20; i++) expect(await other.ask('query', 'SELECT n FROM t')).toEqual([{ n: 7 }]);
    expect((await other.ask('status')).owner).toMatchObject({ pid: owner.pid });
    await stuck.ask('abortAll');
    for (const query of endless) await expect(query).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

describe('an owner that answers a query of millions of rows', () => {
  it('answers others all the while', async () => {
    const world = new World();
    const file = world.path('app.duckdb');
    const [, reader, other] = await ownerFirst(await world.peers(3, file));
    let isOver = false;
    const large = reader.ask('queryCount', 'SELECT range AS i FROM range(2000000)').finally(() => {
      isOver = true;
    });
    let answers = 0;
    while (!isOver) {
      await other.ask('query', 'SELECT 1 AS one');
      answers++;
    }
    expect(await large).toBe(2_000_000);
    // Between its chunks, and not before and after it alone.
    expect(answers).toBeGreaterThan(20);
  });
});

describe('statements that wait for a pipe, which no interrupt reaches', () => {
  it.each([
    ['read_csv', (pipe: string) => `INSERT INTO t SELECT n FROM read_csv('${pipe}')`],
    ['a COPY', (pipe: string) => `COPY t FROM '${pipe}'`],
    ['a path alone', (pipe: string) => `SELECT * FROM '${pipe}'`],
  ])('block nobody, where %s reads it', async (_what, sql) => {
    const world = new World();
    const file = world.path('app.duckdb');
    const pipe = world.path('pipe.csv');
    execFileSync('mkfifo', [pipe]);
    const peers = await world.peers(3, file, { timeout: 5_000 });
    const [owner, stuck, other] = await ownerFirst(peers);
    await other.ask('run', 'CREATE TABLE t AS SELECT 7 AS n');
    // More than libuv has threads.
    const endless = Array.from({ length: 6 }, () => stuck.ask('queryAlone', file, sql(pipe)));
    for (const query of endless) query.catch(() => undefined);
    await until(
      async () =>
        (await other.ask('status')).clients.filter((c: { in_flight: number }) => c.in_flight > 0).length >= 6,
    );
    for (let i = 0; i < 5; i++) {
      expect(await other.ask('query', 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
      expect(await other.ask('run', 'INSERT INTO t VALUES ($1)', [i])).toMatchObject({ rowsChanged: 1 });
      expect(await other.ask('run', 'UPDATE t SET n = abs(n)')).toMatchObject({ rowsChanged: i + 2 });
      expect(await other.ask('query', 'SELECT count(*)::INTEGER AS n FROM t')).toEqual([{ n: i + 2 }]);
    }
    expect(
      await other.refusal('query', sql(pipe), [], { timeout: 200 }),
      'one more has its answer by its deadline',
    ).toMatchObject({ code: 'TIMEOUT', data: { outcome: 'not-committed' } });
    expect((await other.ask('status')).owner).toMatchObject({ pid: owner.pid });
    await stuck.ask('abortAll');
    for (const query of endless) await expect(query).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

describe('a program that asks for thousands of things at once', () => {
  it('gets them all, and its owner never has more than its share', async () => {
    const world = new World();
    const [owner, reader] = await ownerFirst(await world.peers(2, world.path('app.duckdb')));
    await reader.ask('run', 'CREATE TABLE t (n INTEGER)');
    expect(await reader.ask('flood', 3000, 'INSERT INTO t VALUES ($1)')).toBe(3000);
    expect(await owner.ask('query', 'SELECT count(DISTINCT n)::INTEGER AS n FROM t')).toEqual([{ n: 3000 }]);
  });
});
