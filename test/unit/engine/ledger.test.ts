import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Database, openDatabase } from '../../../src/engine/database.ts';

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
});
