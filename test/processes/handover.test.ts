import { describe, expect, it } from 'vitest';
import { libraryOfVersion, ownerOf, type Peer, successorOf, until, World } from '../support/world.ts';
import { RawClient, socketOf } from '../wire/raw-client.ts';

/** Waits until the owner has told everybody where its successor listens. */
async function announced(file: string): Promise<void> {
  const client = await RawClient.connect(socketOf(file));
  await client.hello(file);
  const isTold = ({ method, params }: { method?: string; params?: unknown }): boolean =>
    method === '$/successor' && (params as { socket: string | null }).socket !== null;
  await client.until(isTold);
  client.socket.destroy();
}

describe('a handover', () => {
  it('fails no call: reads and writes of the readers go on while one owner after the other leaves', async () => {
    const world = new World();
    const peers = await world.peers(5, world.path('app.duckdb'));
    await peers[0]?.ask('run', 'CREATE TABLE t (who INTEGER, n INTEGER)');
    const steady = peers.slice(0, 2);
    const leaving = peers.slice(2);
    let isOver = false;
    const work = steady.map(async (peer, who) => {
      let n = 0;
      for (; !isOver; n++) {
        await peer.ask('run', `INSERT INTO t VALUES (${who}, ${n})`);
        await peer.ask('query', 'SELECT count(*)::INTEGER AS n FROM t');
      }
      return n;
    });
    for (const peer of leaving) {
      await until(async () => (await peer.ask('state')).role !== 'electing');
      await peer.ask('close');
    }
    isOver = true;
    const done = await Promise.all(work);
    const rows = await steady[0]?.ask(
      'query',
      'SELECT who, count(*)::INTEGER AS n, count(DISTINCT n)::INTEGER AS d FROM t GROUP BY who ORDER BY who',
    );
    expect(rows).toEqual(done.map((n, who) => ({ who, n, d: n })));
  });

  it('goes to one that prefers it, before those that came earlier', async () => {
    const world = new World();
    const file = world.path('app.duckdb');
    const [owner, willing, preferring] = (await Promise.all([1, 2, 3].map(() => world.peer()))) as [
      Peer,
      Peer,
      Peer,
    ];
    await owner.ask('open', file);
    await Promise.all([willing.ask('open', file), preferring.ask('open', file, { candidate: 'prefer' })]);
    expect(await successorOf([owner, willing, preferring])).toBe(preferring);
    await announced(file);
    await owner.ask('close');
    expect((await willing.ask('status')).owner).toMatchObject({ pid: preferring.pid, epoch: 2 });
  });
});

describe('a newer onepond that prefers to own', () => {
  it('takes the place of an older owner, whose calls go on', async () => {
    const world = new World();
    const file = world.path('app.duckdb');
    const [owner, reader] = (await world.peers(2, file)) as [Peer, Peer];
    await owner.ask('run', 'CREATE TABLE t (n INTEGER)');
    const newer = await world.peer({ env: { ONEPOND_TEST_LIBRARY: libraryOfVersion('99.0.0') } });
    await newer.ask('open', file, { candidate: 'prefer' });
    let n = 0;
    await until(async () => {
      await reader.ask('run', `INSERT INTO t VALUES (${n++})`);
      return (await newer.ask('state')).role === 'owner';
    });
    expect((await reader.ask('status')).owner).toMatchObject({ pid: newer.pid, version: '99.0.0', epoch: 2 });
    expect(await owner.ask('query', 'SELECT count(*)::INTEGER AS n FROM t')).toEqual([{ n }]);
    expect((await ownerOf([owner, reader, newer])).pid).toBe(newer.pid);
  });
});
