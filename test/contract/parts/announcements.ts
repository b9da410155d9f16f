import { expect, it } from 'vitest';
import type { Contract } from '../place.ts';

/** `$/began`: what the owner says before it does what no ledger records. */
export function announcementContract(contract: Contract): void {
  it('announces a call that changes data, before it does, and no other', async () => {
    const { client } = await contract.open();
    const { session } = client;
    await client.call('run', { sql: 'CREATE TABLE t (n INT)', call: 1 });
    await client.call('query', { sql: 'SELECT * FROM t', call: 2 });
    await client.call('run', { sql: 'INSERT INTO t VALUES (1)', call: 3 });
    await session.began(1);
    await session.began(3);
    const second = await Promise.race([session.began(2).then(() => 'announced'), client.call('ping', {})]);
    expect(second).toEqual({});
  });

  it('announces nothing for a read-only client', async () => {
    const { client, another } = await contract.open();
    await client.run('CREATE TABLE t (n INT)');
    const reader = await another({ readOnly: true });
    await reader.call('run', { sql: 'INSERT INTO t VALUES (1)', call: 1 }).catch(() => undefined);
    const first = await Promise.race([
      reader.session.began(1).then(() => 'announced'),
      reader.call('ping', {}),
    ]);
    expect(first).toEqual({});
  });
}
