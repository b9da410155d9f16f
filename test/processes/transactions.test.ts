import { describe, expect, it } from 'vitest';
import { ownerOf, type Peer, World } from '../support/world.ts';

const valueIn = async (peer: Peer): Promise<number> =>
  (await peer.ask('query', 'SELECT n::INTEGER AS n FROM counter'))[0].n;

async function withCounter(count: number): Promise<{ peers: Peer[]; value: () => Promise<number> }> {
  const world = new World();
  const peers = await world.peers(count, world.path('app.duckdb'));
  await peers[0]?.ask('run', 'CREATE TABLE counter AS SELECT 0 AS n');
  return { peers, value: () => valueIn(peers.at(-1) as Peer) };
}

describe('transaction()', () => {
  it('runs again where it met another, so that no change is lost', async () => {
    const { peers, value } = await withCounter(4);
    await Promise.all(peers.map((peer) => peer.ask('count', 10, { tries: 1000 })));
    expect(await value()).toBe(40);
  });

  it('runs again where its owner is killed', async () => {
    const { peers } = await withCounter(5);
    const counts = new Map(peers.map((peer) => [peer, peer.ask('count', 25, { tries: 1000 })]));
    for (const count of counts.values()) count.catch(() => undefined);
    let lost = 0;
    for (let kills = 0; kills < 2; kills++) {
      const living = [...counts.keys()];
      const owner = await ownerOf(living.reverse());
      await owner.kill();
      counts.delete(owner);
      lost += 25;
    }
    const done = (await Promise.all(counts.values())).reduce((sum, times) => sum + times, 0);
    const n = await valueIn([...counts.keys()][0] as Peer);
    // What the killed ones did is not known; what the others did is there once.
    expect(n).toBeGreaterThanOrEqual(done);
    expect(n).toBeLessThanOrEqual(done + lost);
  });

  it('is not committed where it fails, and gives the error of what it ran', async () => {
    const { peers, value } = await withCounter(2);
    const [peer] = peers as [Peer];
    const error = await peer.refusal('transaction', [
      'UPDATE counter SET n = 7',
      'SELECT missing FROM counter',
    ]);
    expect(error).toMatchObject({ code: 'SQL', data: { kind: 'Binder' } });
    expect(await value()).toBe(0);
  });

  it('does not pass for committed where a failure was caught', async () => {
    const { peers, value } = await withCounter(1);
    const [peer] = peers as [Peer];
    const statements = ['UPDATE counter SET n = 7', "SELECT 'x'::INT"];
    expect(await peer.refusal('transaction', statements, { swallow: true })).toMatchObject({
      code: 'SQL',
      data: { kind: 'Conversion' },
    });
    expect(await value()).toBe(0);
    // An error that leaves the transaction alive may be caught.
    await peer.ask('transaction', ['UPDATE counter SET n = 8', 'SELECT * FROM missing'], { swallow: true });
    expect(await value()).toBe(8);
  });

  it('has a session of its own', async () => {
    const { peers } = await withCounter(2);
    const [peer] = peers as [Peer];
    const inside = peer.ask('transaction', [
      'UPDATE counter SET n = 1',
      'SELECT n::INTEGER AS n FROM counter',
    ]);
    const outside = peer.ask('query', 'SELECT count(*)::INTEGER AS n FROM counter');
    expect((await inside)[1]).toEqual([{ n: 1 }]);
    expect(await outside).toEqual([{ n: 1 }]);
  });

  it('ends by its deadline', async () => {
    const { peers } = await withCounter(2);
    const [peer, other] = peers as [Peer, Peer];
    await other.ask('run', 'BEGIN');
    await other.ask('run', 'UPDATE counter SET n = 1');
    const error = await peer.refusal('transaction', ['UPDATE counter SET n = 2'], {
      timeout: 400,
      tries: 1000,
    });
    expect(['SQL', 'TIMEOUT']).toContain(error.code);
    await other.ask('run', 'ROLLBACK');
    await peer.ask('transaction', ['UPDATE counter SET n = 3']);
  });
});
