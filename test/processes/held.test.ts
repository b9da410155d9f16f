import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ownerFirst, ownerOf, type Peer, World } from '../support/world.ts';

const FOREIGN = new URL('../fixtures/processes/foreign.mjs', import.meta.url);

describe('an owner that is stopped', () => {
  it('is named by the deadline, loses nothing, and serves again when it goes on', async () => {
    const world = new World();
    const file = world.path('app.duckdb');
    const [owner, reader] = await ownerFirst(await world.peers(2, file, { timeout: 2_500 }));
    await reader.ask('run', 'CREATE TABLE t AS SELECT 1 AS one');
    const record = readFileSync(`${file}.onepond/owner.json`, 'utf8');
    await owner.kill('SIGSTOP');

    const newcomer = await world.peer();
    const refusals = await Promise.all([
      reader.refusal('query', 'SELECT one FROM t'),
      reader.refusal('query', 'SELECT one FROM t', [], { timeout: 300 }),
      reader.refusal('run', 'INSERT INTO t VALUES (2)'),
      newcomer.refusal('open', file, { timeout: 700 }),
    ]);
    for (const { code, data, hint } of refusals) {
      expect({ code, pid: data?.pid }).toEqual({ code: 'OWNER_UNRESPONSIVE', pid: owner.pid });
      expect(hint).toContain(`kill -CONT ${owner.pid}`);
    }
    expect(readFileSync(`${file}.onepond/owner.json`, 'utf8')).toBe(record);

    await owner.kill('SIGCONT');
    expect(await reader.ask('query', 'SELECT one FROM t WHERE one = 1')).toEqual([{ one: 1 }]);
    expect((await reader.ask('state')).epoch).toBe(1);
    expect(await newcomer.ask('open', file)).toMatchObject({ role: 'reader', epoch: 1 });
  });
});

describe('a program that holds the file without onepond', () => {
  async function foreign(
    world: World,
    file: string,
  ): Promise<{ pid: number; close: () => Promise<unknown> }> {
    const child = fork(FOREIGN, [file], { env: world.env });
    world.adopt(child.pid ?? 0);
    await once(child, 'message');
    return {
      pid: child.pid ?? 0,
      close: () => {
        child.send('close');
        return once(child, 'message');
      },
    };
  }

  it('is named by the deadline to all who wait, with what to do', async () => {
    const world = new World();
    const file = world.path('app.duckdb');
    const holder = await foreign(world, file);
    const peers = await Promise.all([1, 2, 3].map(() => world.peer()));
    const refusals = await Promise.all(peers.map((peer) => peer.refusal('open', file, { timeout: 700 })));
    for (const { code, data, hint } of refusals) {
      expect({ code, pid: data?.pid }).toEqual({ code: 'OWNER_UNREACHABLE', pid: holder.pid });
      expect(hint).toContain(String(holder.pid));
    }
    expect(statSync(`${file}.onepond`, { throwIfNoEntry: false })).toBeUndefined();
  });

  it('is waited for within the deadline', async () => {
    const world = new World();
    const file = world.path('app.duckdb');
    const holder = await foreign(world, file);
    const peer = await world.peer();
    const opened = peer.ask('open', file);
    await holder.close();
    expect(await opened).toMatchObject({ role: 'owner' });
    expect(await peer.ask('query', 'SELECT count(*)::INTEGER AS n FROM foreign_table')).toEqual([{ n: 0 }]);
  });

  it('is named to those who attach the file, and waited for within the deadline', async () => {
    const world = new World();
    const [file, held] = [world.path('app.duckdb'), world.path('held.duckdb')];
    const holder = await foreign(world, held);
    const [owner] = (await world.peers(1, file)) as [Peer];
    const reader = await world.peer();
    const refusals = [
      await owner.refusal('openAndQuery', file, { attach: { held }, timeout: 700 }, 'SELECT 1'),
      await reader.refusal('open', file, { attach: { held }, timeout: 700 }),
    ];
    for (const { code, message, data, hint } of refusals) {
      expect({ code, pid: data?.pid }).toEqual({ code: 'OWNER_UNREACHABLE', pid: holder.pid });
      expect(message).toContain(held);
      expect(hint).toContain(String(holder.pid));
    }
    const opened = reader.ask('open', file, { attach: { held } });
    await holder.close();
    expect(await opened).toMatchObject({ role: 'reader' });
    expect(await reader.ask('query', 'SELECT count(*)::INTEGER AS n FROM held.foreign_table')).toEqual([
      { n: 0 },
    ]);
  });
});

describe('an owner whose program burns its own event loop', () => {
  it('goes on serving the others meanwhile', async () => {
    const world = new World();
    const peers = await world.peers(3, world.path('app.duckdb'), { timeout: 2_000 });
    const owner = await ownerOf(peers);
    const readers = peers.filter((peer) => peer !== owner);
    let blocked = true;
    const block = owner.ask('block', 5_000).then(() => {
      blocked = false;
    });
    let answers = 0;
    while (blocked) {
      await Promise.all(readers.map((peer) => peer.ask('query', 'SELECT 1')));
      answers += readers.length;
    }
    await block;
    // Not a matter of speed: an owner on the host's own loop would have answered none but the last.
    expect(answers).toBeGreaterThan(100);
    expect((await owner.ask('state')).epoch).toBe(1);
  });
});

describe('several threads of one process', () => {
  it('share one owner', async () => {
    const world = new World();
    const { stdout, stderr } = await world.run([
      new URL('../fixtures/processes/threads.mjs', import.meta.url).pathname,
      world.path('app.duckdb'),
    ]);
    expect(stderr).toBe('');
    const { roles, rows } = JSON.parse(stdout) as { roles: string[]; rows: number[] };
    expect(rows).toEqual([0, 1, 2]);
    // The thread that won, and a second handle in it where that is the main one.
    const expected = roles[0] === 'owner' ? 2 : 1;
    expect(roles.filter((role) => role === 'owner')).toHaveLength(expected);
  });
});
