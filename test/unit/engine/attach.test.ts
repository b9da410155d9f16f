import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Database, openDatabase } from '../../../src/engine/database.ts';

async function opened(): Promise<{ database: Database; path: (name: string) => string }> {
  const folder = mkdtempSync(join(tmpdir(), 'onepond-attach-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = (name: string): string => join(folder, name);
  const database = await openDatabase(path('app.duckdb'));
  onTestFinished(() => database.close());
  return { database, path };
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
    const { database, path } = await opened();
    const names = ['a', 'b', 'a', 'b', 'a', 'b', 'a', 'b'];
    await Promise.all(names.map((name) => database.attach(name, path(`${name}.duckdb`))));
    expect(await namesOf(database)).toEqual(['a', 'b']);
    expect(database.hasForeign).toBe(true);
  });

  it('keeps its name, also while it is being attached', async () => {
    const { database, path } = await opened();
    const first = database.attach('a', path('a.duckdb'));
    await expect(database.attach('a', path('b.duckdb'))).rejects.toMatchObject({ code: 'INVALID' });
    await first;
  });

  it('that could not be attached may be attached later', async () => {
    const { database, path } = await opened();
    writeFileSync(path('a.duckdb'), 'x'.repeat(20_000));
    await expect(database.attach('a', path('a.duckdb'))).rejects.toMatchObject({ code: 'CORRUPT' });
    await database.attach('a', path('b.duckdb'));
    expect(await namesOf(database)).toEqual(['a']);
  });
});
