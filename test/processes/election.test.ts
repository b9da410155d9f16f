import { readdirSync, symlinkSync, utimesSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ownerOf, type Peer, until, World } from '../support/world.ts';

const ROUNDS = 20;

async function roles(peers: readonly Peer[]): Promise<string[]> {
  return Promise.all(peers.map(async (peer) => (await peer.ask('state')).role));
}

describe('an election among processes that arrive together', () => {
  it('has exactly one owner of ten, and all ten answer', async () => {
    const world = new World();
    const peers = await world.peers(10, world.path('new.duckdb'));
    expect((await roles(peers)).filter((role) => role === 'owner')).toHaveLength(1);
    await (peers[3] as Peer).ask('run', 'CREATE TABLE t AS SELECT 42 AS answer');
    const answers = await Promise.all(peers.map((peer) => peer.ask('query', 'SELECT answer FROM t')));
    expect(answers).toEqual(peers.map(() => [{ answer: 42 }]));
  });

  it(`comes out so in each of ${ROUNDS} rounds`, async () => {
    const world = new World();
    const peers = await Promise.all(Array.from({ length: 10 }, () => world.peer()));
    for (let round = 0; round < ROUNDS; round++) {
      const file = world.path(`round-${round}.duckdb`);
      const opened = await Promise.all(peers.map((peer) => peer.ask('open', file)));
      expect(opened.filter(({ role }) => role === 'owner')).toHaveLength(1);
      expect(new Set(opened.map(({ epoch }) => epoch))).toEqual(new Set([1]));
      await Promise.all(peers.map((peer) => peer.ask('query', 'SELECT 1')));
      await Promise.all(peers.map((peer) => peer.ask('close')));
    }
  });

  it('keeps two projects apart', async () => {
    const world = new World();
    const [a, b] = await Promise.all(['a', 'b'].map((name) => world.peers(3, world.path(`${name}.duckdb`))));
    const owners = await Promise.all([ownerOf(a ?? []), ownerOf(b ?? [])]);
    expect(owners[0]?.pid).not.toBe(owners[1]?.pid);
    await owners[0]?.kill();
    expect(await Promise.all((b ?? []).map((peer) => peer.ask('query', 'SELECT 1 AS one')))).toHaveLength(3);
  });
});

describe('one file under several names', () => {
  it('has one owner, whether named by a link, a relative path or through ..', async () => {
    const world = new World();
    const [first] = await world.peers(1, world.path('app.duckdb'));
    symlinkSync(world.path('app.duckdb'), world.path('link.duckdb'));
    for (const name of ['app.duckdb', 'link.duckdb', './run/../app.duckdb']) {
      const peer = await world.peer();
      expect(await peer.ask('open', name)).toMatchObject({ role: 'reader', path: world.path('app.duckdb') });
      expect((await peer.ask('status')).owner.pid).toBe(first?.pid);
    }
  });

  it('is found through a dangling link before it exists', async () => {
    const world = new World();
    symlinkSync(world.path('app.duckdb'), world.path('link.duckdb'));
    const peer = await world.peer();
    expect(await peer.ask('open', 'link.duckdb')).toMatchObject({
      role: 'owner',
      path: world.path('app.duckdb'),
    });
  });
});

describe('leaders that die one after the other', () => {
  it('are followed until one process is left, and no answer is lost on the way', async () => {
    const world = new World();
    let peers = await world.peers(6, world.path('app.duckdb'));
    await (peers[0] as Peer).ask('run', 'CREATE TABLE t (i INTEGER)');
    for (let epoch = 1; peers.length > 1; epoch++) {
      const owner = await ownerOf(peers);
      peers = peers.filter((peer) => peer !== owner);
      const pending = peers.map((peer) => peer.ask('query', 'SELECT count(*)::INTEGER AS n FROM t'));
      await owner.kill();
      expect(await Promise.all(pending)).toEqual(peers.map(() => [{ n: epoch - 1 }]));
      await Promise.all(peers.map((peer) => peer.ask('query', 'SELECT 1')));
      expect((await roles(peers)).filter((role) => role === 'owner')).toHaveLength(1);
      expect((await (peers[0] as Peer).ask('state')).epoch).toBe(epoch + 1);
      await (peers[0] as Peer).ask('run', 'INSERT INTO t VALUES ($1)', [epoch]);
    }
  });
});

describe('an owner', () => {
  it('sweeps the sockets that killed owners of its file have left, and no other', async () => {
    const world = new World();
    const sockets = (): string[] => readdirSync(world.path('run')).sort();
    const killed = async (name: string): Promise<string> => {
      const before = sockets();
      const [peer] = (await world.peers(1, world.path(name))) as [Peer];
      const [socket = ''] = sockets().filter((path) => !before.includes(path));
      await peer.kill();
      return socket;
    };
    const ofAnother = await killed('other.duckdb');
    const old = await killed('app.duckdb');
    const young = await killed('app.duckdb');
    const longAgo = new Date(Date.now() - 60_000);
    for (const name of [ofAnother, old]) utimesSync(world.path('run', name), longAgo, longAgo);
    const peers = await world.peers(2, world.path('app.duckdb'));
    await until(() => !sockets().includes(old));
    expect(sockets()).toEqual(expect.arrayContaining([ofAnother, young]));
    for (const peer of peers) expect(await peer.ask('query', 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});
