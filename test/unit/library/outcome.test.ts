import { describe, expect, it, onTestFinished } from 'vitest';
import { open } from '../../../src/pond.ts';
import { servedPlace } from '../../contract/served.ts';

describe('a write that found no owner in time', () => {
  it('was not committed', async () => {
    const { place, end } = await servedPlace();
    const db = await open(place.database.path, { candidate: 'never', timeout: 200 });
    onTestFinished(() => db.close());
    const lost = new Promise((gone) => db.on('owner-lost', gone));
    end();
    await lost;
    const notCommitted = { code: 'TIMEOUT', data: { outcome: 'not-committed' } };
    await expect(db.run('CREATE TABLE t (n INT)')).rejects.toMatchObject(notCommitted);
    await expect(db.stream('CREATE TABLE t (n INT)').next()).rejects.toMatchObject(notCommitted);
    await expect(db.status()).rejects.toMatchObject({ code: 'TIMEOUT' });
    await expect(db.status()).rejects.not.toHaveProperty('data.outcome');
  });
});
