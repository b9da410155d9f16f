import { expect, test } from 'vitest';
import { openInMemory } from '../../../src/engine/memory.ts';
import { rehearse } from '../../../src/owner/rehearse.ts';
import { rehearse as searchAlone } from '../../../src/search/index.ts';

async function connected() {
  const database = await openInMemory();
  const connection = await database.connect();
  const end = () => {
    connection.close();
    database.close();
  };
  const tables = () => connection.all("SELECT 1 FROM duckdb_tables() WHERE schema_name = '_onepond'");
  return { connection, tables, end };
}

test('a rehearsal searches an index of its own, with something to find for every query', async () => {
  const { connection, end } = await connected();
  const ranked: number[] = [];
  const all: typeof connection.all = async (sql, params) => {
    const rows = await connection.all(sql, params);
    if (sql.includes('best')) ranked.push(rows.length);
    return rows;
  };
  await searchAlone({ ...connection, all }, new AbortController().signal);
  expect(ranked.length).toBeGreaterThan(3);
  expect(ranked.every((rows) => rows === 50)).toBe(true);
  end();
});

test('a rehearsal that is called off before it began touches nothing', async () => {
  const { connection, tables, end } = await connected();
  await searchAlone(connection, AbortSignal.abort());
  expect(await tables()).toEqual([]);
  end();
});

test('a rehearsal that is called off on its way ends, whether in peace or by its interrupt', async () => {
  const calledOff = new AbortController();
  const ending = rehearse(calledOff.signal).catch((error: unknown) => error);
  setImmediate(() => calledOff.abort());
  expect([undefined, 'ABORTED']).toContain(((await ending) as { code?: string } | undefined)?.code);
});
