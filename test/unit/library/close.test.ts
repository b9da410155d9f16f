import { describe, expect, it, onTestFinished } from 'vitest';
import { open, type Pond } from '../../../src/pond.ts';
import { servedPlace } from '../../contract/served.ts';

async function opened(): Promise<Pond> {
  const { place } = await servedPlace();
  const db = await open(place.database.path, { candidate: 'never' });
  onTestFinished(() => db.close());
  return db;
}

describe('a handle that was closed', () => {
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
