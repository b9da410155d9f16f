import { expect, it } from 'vitest';
import type { Client, Contract } from '../place.ts';

async function open(client: Client, sql: string): Promise<number> {
  return (await client.call('stream/open', { sql })).cursor;
}

/** All batches of a cursor. */
async function drain(client: Client, cursor: number, batchSize: number): Promise<unknown[][]> {
  const batches: unknown[][] = [];
  for (;;) {
    const { rows, done } = await client.call('stream/next', { cursor, batchSize });
    if (rows.length > 0) batches.push(rows.map(([value]) => value));
    if (done) return batches;
  }
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

export function streamContract(contract: Contract): void {
  it.each([1, 7, 2048, 5000, 1_000_000])(
    'gives all rows in their order, in batches of %i',
    async (batchSize) => {
      const { client } = await contract.open();
      const rows = batchSize === 1 ? 50 : 10_000;
      const cursor = await open(client, `SELECT range::INT FROM range(${rows})`);
      const batches = await drain(client, cursor, batchSize);
      expect(batches.flat()).toEqual(numbers(0, rows));
      expect(Math.max(...batches.map((batch) => batch.length))).toBe(Math.min(batchSize, rows));
    },
  );

  it('an empty result ends at once', async () => {
    const { client } = await contract.open();
    const { cursor, names } = await client.call('stream/open', { sql: 'SELECT 1 AS a WHERE false' });
    expect(names).toEqual(['a']);
    expect(await client.call('stream/next', { cursor, batchSize: 10 })).toEqual({ rows: [], done: true });
  });

  it('takes params and the form of values', async () => {
    const { client } = await contract.open();
    const { cursor } = await client.call('stream/open', {
      sql: 'SELECT 1::BIGINT + ? AS a',
      params: [2],
      values: 'json',
    });
    expect(await client.call('stream/next', { cursor, batchSize: 10 })).toEqual({
      rows: [['3']],
      done: true,
    });
  });

  it('an endless result gives its first rows, and is closed early', async () => {
    const { client } = await contract.open();
    const cursor = await open(client, 'SELECT range FROM range(1000000000000)');
    const { rows, done } = await client.call('stream/next', { cursor, batchSize: 10 });
    expect(rows).toHaveLength(10);
    expect(done).toBe(false);
    await client.call('stream/close', { cursor });
    await expect(client.call('stream/next', { cursor, batchSize: 1 })).rejects.toMatchObject({
      code: 'INVALID',
    });
  });

  it('a batch of wide rows ends before the message grows large', async () => {
    const { client } = await contract.open();
    const cursor = await open(client, "SELECT repeat('x', 1000000) FROM range(20)");
    const batches = await drain(client, cursor, 1000);
    expect(batches.flat()).toHaveLength(20);
    expect(batches.length).toBeGreaterThan(2);
  });

  it('two streams of one session are read by turns', async () => {
    const { client } = await contract.open();
    const first = await open(client, 'SELECT range::INT FROM range(5000)');
    const second = await open(client, 'SELECT (10000 + range)::INT FROM range(5000)');
    const read: Record<number, unknown[]> = { [first]: [], [second]: [] };
    for (let round = 0; round < 5; round++) {
      for (const cursor of [first, second]) {
        const { rows } = await client.call('stream/next', { cursor, batchSize: 1000 });
        read[cursor]?.push(...rows.flat());
      }
    }
    expect(read[first]).toEqual(numbers(0, 5000));
    expect(read[second]).toEqual(numbers(10_000, 15_000));
  });

  it('queries and changes of the same session go on beside a stream, which sees none of them', async () => {
    const { client } = await contract.open();
    await client.run('CREATE TABLE t AS SELECT range::INT AS n FROM range(10000)');
    const cursor = await open(client, 'SELECT n FROM t ORDER BY n');
    const { rows } = await client.call('stream/next', { cursor, batchSize: 100 });
    await client.run('DELETE FROM t');
    expect(await client.rows('SELECT count(*)::INT AS n FROM t')).toEqual([{ n: 0 }]);
    const rest = await drain(client, cursor, 3000);
    expect([...rows.flat(), ...rest.flat()]).toEqual(numbers(0, 10_000));
  });

  it('many open streams do not keep a query from its answer', async () => {
    const { client } = await contract.open();
    const cursors = await Promise.all(
      numbers(0, 12).map(() => open(client, 'SELECT range::INT FROM range(100000000)')),
    );
    const batches = cursors.map((cursor) => client.call('stream/next', { cursor, batchSize: 5000 }));
    expect(await client.rows('SELECT 1 AS a')).toEqual([{ a: 1 }]);
    expect((await Promise.all(batches)).every(({ rows }) => rows.length === 5000)).toBe(true);
  });

  it('an error in the middle ends the stream with its kind', async () => {
    const { client } = await contract.open();
    const sql = "SELECT CASE WHEN range < 50000 THEN 1 ELSE error('stop here') END FROM range(60000)";
    // DuckDB computes ahead: it may meet the row before the first batch is asked for.
    const read = async (): Promise<unknown> => drain(client, await open(client, sql), 1000);
    await expect(read()).rejects.toMatchObject({
      code: 'SQL',
      message: expect.stringContaining('stop here'),
    });
    expect(await client.rows('SELECT 1 AS a')).toEqual([{ a: 1 }]);
  });

  it('an error that comes late ends the stream too, in the words of DuckDB', async () => {
    const { client } = await contract.open();
    const late = "SELECT CASE WHEN range = 500000 THEN error('boom') ELSE 'x' END AS a FROM range(600000)";
    const cursor = await open(client, late);
    await expect(drain(client, cursor, 100_000)).rejects.toMatchObject({
      code: 'SQL',
      message: expect.stringContaining('boom'),
    });
  });

  it('an abort in the middle of a batch is no end', async () => {
    const { client, another } = await contract.open();
    const slow =
      'SELECT list_sum(list_transform(range(3000), lambda x: (x * i) % 7)) AS a FROM range(1000000) t(i)';
    const cursor = await open(client, slow);
    const stop = new AbortController();
    const batch = client.call('stream/next', { cursor, batchSize: 1_000_000 }, stop.signal);
    await (await another()).rows('SELECT 1');
    stop.abort();
    await expect(batch).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('of text has each value as SQL writes it, and the types of its columns', async () => {
    const { client } = await contract.open();
    const sql = "SELECT INTERVAL '1 day' AS i, [1, NULL] AS l, NULL AS n, 1.0::DOUBLE AS d";
    const { cursor, ...columns } = await client.call('stream/open', { sql, values: 'text' });
    const types = ['INTERVAL', 'INTEGER[]', 'INTEGER', 'DOUBLE'];
    expect(columns).toEqual({ names: ['i', 'l', 'n', 'd'], types });
    const rows = [['1 day', '[1, NULL]', null, '1.0']];
    expect(await client.call('stream/next', { cursor, batchSize: 10 })).toEqual({ rows, done: true });
    expect(await client.call('query', { sql, values: 'text' })).toMatchObject({ rows, types });
  });

  it.each([
    'INSERT INTO t VALUES (1) RETURNING n',
    "SELECT nextval('s')",
    'EXPLAIN ANALYZE INSERT INTO t VALUES (1)',
    'CREATE TABLE u (n INTEGER)',
    'SET VARIABLE x = 1',
  ])('that is to read alone refuses %s before it runs', async (sql) => {
    const { client } = await contract.open();
    await client.call('run', { sql: 'CREATE TABLE t (n INTEGER); CREATE SEQUENCE s', call: 1 });
    await expect(client.call('stream/open', { sql, call: 2, onlyReads: true })).rejects.toMatchObject({
      code: 'READ_ONLY',
    });
    expect(
      await client.call('query', { sql: "SELECT count(*)::INT, nextval('s')::INT FROM t", call: 3 }),
    ).toMatchObject({
      rows: [[0, 1]],
    });
  });

  it('an unknown cursor is INVALID, and closing one is no error', async () => {
    const { client, another } = await contract.open();
    await expect(client.call('stream/next', { cursor: 99, batchSize: 1 })).rejects.toMatchObject({
      code: 'INVALID',
    });
    expect(await client.call('stream/close', { cursor: 99 })).toEqual({});
    const cursor = await open(client, 'SELECT 1');
    const stranger = await another();
    await expect(stranger.call('stream/next', { cursor, batchSize: 1 })).rejects.toMatchObject({
      code: 'INVALID',
    });
  });
}
