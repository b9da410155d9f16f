import { describe, expect, it, onTestFinished } from 'vitest';
import { open, type Pond } from '../../../src/pond.ts';
import { servedPlace } from '../../contract/served.ts';

async function opened(): Promise<Pond> {
  const { place } = await servedPlace();
  const db = await open(place.database.path, { candidate: 'never' });
  onTestFinished(() => db.close());
  return db;
}

const LONG = 'SELECT sum(a.range * b.range % 7) FROM range(10000000) a, range(10000000) b';

describe('a handle that is closed', () => {
  it.each(['before its first batch', 'in the middle'])('ends its stream %s', async (when) => {
    const db = await opened();
    const rows = db.stream(when === 'in the middle' ? 'FROM range(1000000)' : LONG);
    if (when === 'in the middle') await rows.next();
    const rest = (async () => {
      for await (const _ of rows);
    })();
    await db.status();
    await db.close();
    await expect(rest).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('ends a call under way, and does not know what became of it', async () => {
    const db = await opened();
    const call = db.query(LONG);
    await db.status();
    await db.close();
    await expect(call).rejects.toMatchObject({ code: 'CLOSED', data: { outcome: 'unknown' } });
  });

  it('begins no transaction', async () => {
    const db = await opened();
    await db.close();
    const ran = db.transaction((tx) => tx.query('SELECT 1'));
    await expect(ran).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('ends the transaction that was open', async () => {
    const db = await opened();
    await db.run('CREATE TABLE t (n INT)');
    const ran = db.transaction(async (tx) => {
      await tx.run('INSERT INTO t VALUES (1)');
      await db.close();
      await tx.run('INSERT INTO t VALUES (2)');
    });
    await expect(ran).rejects.toMatchObject({ code: 'CLOSED' });
  });
});
