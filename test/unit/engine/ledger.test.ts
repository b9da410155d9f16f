import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Database, openDatabase } from '../../../src/engine/database.ts';
import type { CallId } from '../../../src/engine/ledger.ts';

/** A database in its fifth ownership, with a row of each of these epochs and ages in days. */
async function withRows(rows: readonly (readonly [epoch: number, days: number])[]): Promise<Database> {
  const folder = mkdtempSync(join(tmpdir(), 'onepond-ledger-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'app.duckdb');
  for (let epoch = 1; epoch < 5; epoch++) {
    const earlier = await openDatabase(file);
    await earlier.beginEpoch();
    earlier.close();
  }
  const database = await openDatabase(file);
  onTestFinished(() => database.close());
  expect(await database.beginEpoch()).toBe(5);
  const connection = await database.connect();
  for (const [epoch, days] of rows) {
    await connection.run(
      `INSERT INTO _onepond.ledger SELECT 'someone', ${epoch}, 0, true, '{}', ${epoch},
        now() AT TIME ZONE 'UTC' - INTERVAL ${days} DAY`,
    );
  }
  connection.close();
  return database;
}

async function epochsLeft(database: Database): Promise<number[]> {
  await database.ledger.prune();
  const connection = await database.connect();
  const rows = await connection.all('SELECT epoch FROM _onepond.ledger ORDER BY epoch');
  connection.close();
  return rows.map(({ epoch }) => Number(epoch));
}

describe('the ledger', () => {
  it('forgets what is older than a day', async () => {
    const database = await withRows([
      [1, 2],
      [2, 2],
      [3, 0],
    ]);
    expect(await epochsLeft(database)).toEqual([3]);
  });

  it('keeps what the last owners wrote, however old a clock that was set makes it', async () => {
    const database = await withRows([
      [3, 400],
      [4, 400],
      [5, 400],
    ]);
    expect(await epochsLeft(database)).toEqual([4, 5]);
  });

  it('keeps the rows of the last ownership until this one has lasted a day, and its own for ever', async () => {
    const database = await withRows([
      [3, 400],
      [4, 400],
      [5, 400],
    ]);
    const now = performance.now();
    vi.spyOn(performance, 'now').mockImplementation(() => now + 2 * 86_400_000);
    onTestFinished(() => void vi.restoreAllMocks());
    expect(await epochsLeft(database)).toEqual([5]);
  });
});

describe('a call that the ledger does not know', () => {
  const call = (firstEpoch?: number, sent: CallId['sent'] = 'before'): CallId => ({
    client: 'late',
    call: 1,
    settled: 0,
    sent,
    firstEpoch,
  });
  const look = (database: Database, id: CallId): Promise<unknown> =>
    database.ledger.once(id, async (done) => done);
  const unknown = { code: 'OWNER_LOST', data: { outcome: 'unknown' } };

  it('runs where nothing was forgotten', async () => {
    const database = await withRows([[3, 0]]);
    for (const id of [call(), call(1), call(5)]) expect(await look(database, id)).toBeNull();
  });

  it('is unknown where rows as old as it were forgotten, also to the next owner', async () => {
    const database = await withRows([
      [2, 2],
      [3, 2],
    ]);
    expect(await epochsLeft(database)).toEqual([]);
    const check = async (current: Database): Promise<void> => {
      for (const id of [call(), call(1), call(3), call(3, 'in-transaction')])
        await expect(look(current, id)).rejects.toMatchObject(unknown);
      for (const id of [call(4), call(5)]) expect(await look(current, id)).toBeNull();
    };
    await check(database);
    database.close();
    const next = await openDatabase(database.path);
    onTestFinished(() => next.close());
    await next.beginEpoch();
    await check(next);
  });

  it('runs where only settled rows were removed', async () => {
    const database = await withRows([]);
    const id = { client: 'someone', call: 7, settled: 6 };
    const connection = await database.connect();
    await connection.run("INSERT INTO ledger SELECT 'someone', 6, 0, true, '{}', 2, TIMESTAMP '2000-01-01'");
    connection.close();
    database.ledger.committed([
      { id, part: 0, isLast: true, outcome: { rowsChanged: 1, names: [], rows: [] } },
    ]);
    expect(await epochsLeft(database)).toEqual([]);
    expect(await look(database, call(2))).toBeNull();
  });

  it('is unknown where it was first sent to an owner that this file has not had', async () => {
    const database = await withRows([]);
    await expect(look(database, call(6))).rejects.toMatchObject(unknown);
  });
});
