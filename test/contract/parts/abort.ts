import { expect, it } from 'vitest';
import { type Client, type Contract, ENDLESS } from '../place.ts';

/** Resolves once the calls sent before it on this session have been taken up. */
const takenUp = (client: Client): Promise<unknown> => client.call('ping', {});

export function abortContract(contract: Contract): void {
  it('ends an endless query within the engine', async () => {
    const { client } = await contract.open();
    const stop = new AbortController();
    const call = client.query(ENDLESS, undefined, {}, stop.signal);
    await takenUp(client);
    stop.abort();
    await expect(call).rejects.toMatchObject({ code: 'ABORTED', name: 'AbortError' });
    // On the same connection: it is free again, so the query is over.
    expect(await client.rows('SELECT 1 AS a')).toEqual([{ a: 1 }]);
  });

  it('ends an endless change, and nothing of it stays', async () => {
    const { client } = await contract.open();
    await client.run('CREATE TABLE t (n HUGEINT)');
    const stop = new AbortController();
    const call = client.call('run', { sql: `INSERT INTO t ${ENDLESS}`, call: 7 }, stop.signal);
    await client.session.began(7);
    stop.abort();
    await expect(call).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await client.rows('SELECT count(*)::INT AS n FROM t')).toEqual([{ n: 0 }]);
  });

  it('is told as unknown of a text whose first statement is done', async () => {
    const { client, another } = await contract.open();
    await client.run('CREATE TABLE t (n HUGEINT)');
    const stop = new AbortController();
    const call = client.run(`INSERT INTO t VALUES (-1); INSERT INTO t ${ENDLESS}`, undefined, stop.signal);
    call.catch(() => undefined);
    const other = await another();
    const begun = async (): Promise<boolean> => (await other.rows('SELECT n FROM t')).length > 0;
    while (!(await begun()));
    stop.abort();
    await expect(call).rejects.toMatchObject({ code: 'ABORTED', data: { outcome: 'unknown' } });
    expect(await other.rows('SELECT n::INT AS n FROM t')).toEqual([{ n: -1 }]);
  });

  it('ends the opening of a stream that has no first row yet', async () => {
    const { client } = await contract.open();
    const stop = new AbortController();
    const call = (async () => {
      const { cursor } = await client.call('stream/open', { sql: ENDLESS }, stop.signal);
      return client.call('stream/next', { cursor, batchSize: 1 }, stop.signal);
    })();
    await takenUp(client);
    stop.abort();
    await expect(call).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('a call that is aborted while it waits never runs', async () => {
    const { client } = await contract.open();
    await client.run('CREATE TABLE t (n INT)');
    const first = new AbortController();
    const second = new AbortController();
    const running = client.query(ENDLESS, undefined, {}, first.signal);
    const queued = client.run('INSERT INTO t VALUES (1)', undefined, second.signal);
    const behind = client.run('INSERT INTO t VALUES (2)');
    await takenUp(client);
    second.abort();
    await expect(queued).rejects.toMatchObject({ code: 'ABORTED', data: { outcome: 'not-committed' } });
    first.abort();
    await expect(running).rejects.toMatchObject({ code: 'ABORTED' });
    await behind;
    expect(await client.rows('SELECT n FROM t')).toEqual([{ n: 2 }]);
  });

  it('an abort of one session disturbs no other', async () => {
    const { client, another } = await contract.open();
    const other = await another();
    const stop = new AbortController();
    const endless = client.query(ENDLESS, undefined, {}, stop.signal);
    const slow = other.rows('SELECT sum(range)::BIGINT AS n FROM range(20000000)');
    await takenUp(other);
    stop.abort();
    await expect(endless).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await slow).toEqual([{ n: 199999990000000n }]);
  });

  it('an abort after the answer changes nothing', async () => {
    const { client } = await contract.open();
    const stop = new AbortController();
    await client.query('SELECT 1', undefined, {}, stop.signal);
    stop.abort();
    expect(await client.rows('SELECT 1 AS a')).toEqual([{ a: 1 }]);
  });

  it('queries of other sessions are answered beside several endless ones', async () => {
    const { client, another } = await contract.open();
    const stop = new AbortController();
    const others = await Promise.all(Array.from({ length: 6 }, () => another()));
    const endless = others.map((other) => other.query(ENDLESS, undefined, {}, stop.signal));
    await Promise.all(others.map(takenUp));
    expect(await client.rows('SELECT 1 AS a')).toEqual([{ a: 1 }]);
    stop.abort();
    const ends = await Promise.allSettled(endless);
    for (const end of ends) expect(end).toMatchObject({ status: 'rejected', reason: { code: 'ABORTED' } });
  });
}
