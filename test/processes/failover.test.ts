import { existsSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ownerFirst, ownerOf, type Peer, successorOf, until, World } from '../support/world.ts';

/** Rows enough that no machine counts them before it is told to stop. */
const ENDLESS = 'SELECT count(*) FROM range(1000000000000) a, range(1000000) b WHERE a.range % 7 = b.range';

/** Starts a query in the owner and waits until the owner works on it. */
async function busy(
  reader: Peer,
  observer: Peer,
  op: string,
  ...args: unknown[]
): Promise<{ answer: Promise<unknown> }> {
  const answer = reader.ask(op, ...args);
  answer.catch(() => undefined);
  await until(async () => {
    const { clients } = await observer.ask('status');
    return clients.some(
      (client: { pid: number; in_flight: number }) => client.pid === reader.pid && client.in_flight > 0,
    );
  });
  return { answer };
}

const LEAVINGS: readonly [string, (owner: Peer) => Promise<unknown>][] = [
  ['is killed', (owner) => owner.kill('SIGKILL')],
  ['is terminated', (owner) => owner.kill('SIGTERM')],
  ['closes its handle', (owner) => owner.ask('close')],
  ['calls process.exit', (owner) => owner.ask('exit', 0).catch(() => owner.exited)],
  ['simply ends', (owner) => owner.ask('end').catch(() => owner.exited)],
];

describe.each(LEAVINGS)('an owner that %s', (_how, leave) => {
  it('is followed at once, and the reads under way are answered by the next', async () => {
    const world = new World();
    const [owner, reader, other] = (await world.peers(3, world.path('app.duckdb'))).sort(
      (a, b) => Number(a.pid > b.pid) - 0.5,
    ) as [Peer, Peer, Peer];
    const first = await ownerOf([owner, reader, other]);
    const readers = [owner, reader, other].filter((peer) => peer !== first) as [Peer, Peer];
    await readers[0].ask('run', 'CREATE TABLE t AS SELECT 7 AS seven');
    const pending = readers.map((peer) => peer.ask('query', 'SELECT seven FROM t'));
    await leave(first);
    expect(await Promise.all(pending)).toEqual([[{ seven: 7 }], [{ seven: 7 }]]);
    expect(await readers[1].ask('query', 'SELECT seven FROM t')).toEqual([{ seven: 7 }]);
    // A call that the first owner had answered says nothing about who follows.
    await until(async () => {
      const roles = await Promise.all(readers.map(async (peer) => (await peer.ask('state')).role));
      return roles.sort().join() === 'owner,reader';
    });
  });
});

describe('a read that is under way when the owner dies', () => {
  it('is sent to the next owner, where it can be cancelled', async () => {
    const world = new World();
    const [owner, reader, other] = await ownerFirst(await world.peers(3, world.path('app.duckdb')));
    const { answer } = await busy(reader, other, 'query', ENDLESS, [], { timeout: 5_000 });
    await owner.kill();
    await expect(answer).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(await reader.ask('query', 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

describe('a call that an owner had for longer than a call may wait for one', () => {
  it('waits for the next owner anew', async () => {
    const world = new World();
    const [owner, reader] = await ownerFirst(
      await world.peers(2, world.path('app.duckdb'), { timeout: 1_500 }),
    );
    const asked = performance.now();
    const { answer } = await busy(reader, owner, 'query', ENDLESS, [], { timeout: 6_000 });
    await until(() => performance.now() - asked > 1_700);
    await owner.kill();
    await until(async () => {
      const { owner: next, clients } = await reader.ask('status');
      return next.epoch === 2 && clients.some((client: { in_flight: number }) => client.in_flight > 1);
    });
    await expect(answer).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: expect.stringContaining('deadline'),
    });
  });
});

describe('a stream whose first batch takes longer than a call may wait for an owner', () => {
  it('is sent again all the same', async () => {
    const world = new World();
    const [owner, reader] = await ownerFirst(
      await world.peers(2, world.path('app.duckdb'), { timeout: 1_500 }),
    );
    const asked = performance.now();
    const { answer } = await busy(reader, owner, 'streamCount', ENDLESS, { timeout: 6_000 });
    await until(() => performance.now() - asked > 1_700);
    await owner.kill();
    await until(async () => {
      const { owner: next, clients } = await reader.ask('status');
      return next.epoch === 2 && clients.some((client: { in_flight: number }) => client.in_flight > 1);
    });
    await expect(answer).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: expect.stringContaining('deadline'),
      data: { outcome: 'not-committed' },
    });
  });
});

describe('a write that is under way when the owner dies', () => {
  it.each<[string, (owner: Peer) => Promise<unknown>]>([
    ['was killed', (owner) => owner.kill()],
    ['left in peace', (owner) => owner.ask('close')],
  ])('is sent to the next owner, where the first %s', async (_how, leave) => {
    const world = new World();
    const [owner, reader, other] = await ownerFirst(await world.peers(3, world.path('app.duckdb')));
    await reader.ask('run', 'CREATE TABLE t (n BIGINT)');
    const { answer } = await busy(reader, other, 'run', `INSERT INTO t ${ENDLESS}`, [], { timeout: 5_000 });
    await leave(owner);
    await expect(answer).rejects.toMatchObject({ code: 'TIMEOUT', data: { outcome: 'not-committed' } });
    expect(await reader.ask('query', 'SELECT count(*)::INTEGER AS n FROM t')).toEqual([{ n: 0 }]);
  });

  it.each([
    ['is killed', (owner: Peer) => owner.kill()],
    ['leaves, and has waited for it', (owner: Peer) => owner.ask('close')],
  ])(
    'ends in OWNER_LOST, unknown, where no transaction could take it back and its owner %s',
    async (_, end) => {
      const world = new World();
      const [owner, reader] = await ownerFirst(await world.peers(3, world.path('app.duckdb')));
      const out = world.path('out.csv');
      const answer = reader.ask('run', `COPY (SELECT * FROM range(1000000000000)) TO '${out}'`);
      answer.catch(() => undefined);
      await until(() => (statSync(out, { throwIfNoEntry: false })?.size ?? 0) > 0);
      await end(owner);
      await expect(answer).rejects.toMatchObject({
        code: 'OWNER_LOST',
        data: { outcome: 'unknown', pid: owner.pid },
      });
    },
  );

  it.each(['commit.ready=kill', 'commit.done=kill', 'answer=kill', 'answer=drop@0.3'])(
    'is done once at %s',
    async (failpoints) => {
      const world = new World();
      const file = world.path('app.duckdb');
      const [first] = (await world.peers(1, file)) as [Peer];
      await first.ask('run', 'CREATE TABLE t (n BIGINT)');
      await first.ask('close');
      const fragile = await world.peer({ env: { ONEPOND_FAILPOINTS: failpoints } });
      await fragile.ask('open', file);
      const readers = await world.peers(3, file);
      const answers = await Promise.all(
        readers.map((reader, i) => reader.ask('run', `INSERT INTO t VALUES (${i})`)),
      );
      expect(answers.map(({ rowsChanged }) => rowsChanged)).toEqual([1, 1, 1]);
      expect(await readers[0]?.ask('query', 'SELECT n::INTEGER AS n FROM t ORDER BY n')).toEqual(
        readers.map((_, n) => ({ n })),
      );
    },
  );

  it('is answered by the next where it waited in a process that exits, and the exit is clean', async () => {
    const world = new World();
    const [owner, reader, other] = await ownerFirst(await world.peers(3, world.path('app.duckdb')));
    await reader.ask('run', 'CREATE TABLE t (n BIGINT)');
    const inserts = Array.from({ length: 30 }, (_, n) => reader.ask('run', `INSERT INTO t VALUES (${n})`));
    owner.ask('exit', 0).catch(() => undefined);
    expect((await Promise.all(inserts)).map(({ rowsChanged }) => rowsChanged)).toEqual(inserts.map(() => 1));
    expect(await owner.exited).toEqual({ code: 0, signal: null });
    expect(await other.ask('query', 'SELECT count(*)::INTEGER AS n FROM t')).toEqual([{ n: inserts.length }]);
  });

  it('is of unknown outcome where its own handle is closed under it', async () => {
    const world = new World();
    const [, reader, other] = await ownerFirst(await world.peers(3, world.path('app.duckdb')));
    await reader.ask('run', 'CREATE TABLE t (n BIGINT)');
    const { answer } = await busy(reader, other, 'run', `INSERT INTO t ${ENDLESS}`);
    await reader.ask('close');
    await expect(answer).rejects.toMatchObject({ code: 'CLOSED', data: { outcome: 'unknown' } });
  });

  it('is sent again when it had only been queued behind another call', async () => {
    const world = new World();
    const [owner, reader, other] = await ownerFirst(await world.peers(3, world.path('app.duckdb')));
    await reader.ask('run', 'CREATE TABLE t (n BIGINT)');
    const { answer } = await busy(reader, other, 'query', ENDLESS, [], { timeout: 4_000 });
    const queued = reader.ask('run', 'INSERT INTO t VALUES (1)');
    await owner.kill();
    await expect(answer).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(await queued).toMatchObject({ rowsChanged: 1 });
    expect(await other.ask('query', 'SELECT n::INTEGER AS n FROM t')).toEqual([{ n: 1 }]);
  });
});

describe('an open transaction', () => {
  it('dies with its owner, and every statement of its handle is refused until its end', async () => {
    const world = new World();
    const [owner, reader] = await ownerFirst(await world.peers(2, world.path('app.duckdb')));
    await reader.ask('run', 'CREATE TABLE t (n INTEGER)');
    await reader.ask('run', 'BEGIN');
    await reader.ask('run', 'INSERT INTO t VALUES (1)');
    await owner.kill();
    await until(async () => (await reader.ask('state')).role === 'owner');
    // What is no statement says nothing of it.
    await reader.ask('status');
    expect(await reader.ask('streamCount', 'FROM range(3)')).toBe(3);
    for (const sql of ['INSERT INTO t VALUES (2)', 'SELECT 1', 'INSERT INTO t VALUES (2); COMMIT']) {
      const error = await reader.refusal('run', sql);
      expect(error).toMatchObject({ code: 'OWNER_LOST', data: { outcome: 'not-committed' } });
    }
    expect(await reader.refusal('run', 'COMMIT')).toMatchObject({ code: 'OWNER_LOST' });
    await reader.ask('run', 'INSERT INTO t VALUES (3)');
    expect(await reader.ask('query', 'SELECT n FROM t')).toEqual([{ n: 3 }]);
  });

  it.each(['ROLLBACK', 'BEGIN'])('and a caller that knows goes on with %s', async (sql) => {
    const world = new World();
    const [owner, reader] = await ownerFirst(await world.peers(2, world.path('app.duckdb')));
    await reader.ask('run', 'CREATE TABLE t (n INTEGER)');
    await reader.ask('run', 'BEGIN; INSERT INTO t VALUES (1)');
    await owner.kill();
    expect(await reader.refusal('query', 'SELECT 1')).toMatchObject({ code: 'OWNER_LOST' });
    await reader.ask('run', sql);
    await reader.ask('run', 'INSERT INTO t VALUES (2)');
    if (sql === 'BEGIN') await reader.ask('run', 'COMMIT');
    expect(await reader.ask('query', 'SELECT n FROM t')).toEqual([{ n: 2 }]);
  });
});

describe('an open transaction whose owner leaves in peace', () => {
  it('is waited for, while the calls of others go to the next owner', async () => {
    const world = new World();
    const [owner, reader, other] = await ownerFirst(await world.peers(3, world.path('app.duckdb')));
    await reader.ask('run', 'CREATE TABLE t (n INTEGER)');
    await reader.ask('run', 'BEGIN');
    const left = owner.ask('close');
    // Whichever of the two comes first: the owner waits for the transaction, and the others for the owner.
    const others = other.ask('run', 'INSERT INTO t VALUES (2)');
    await reader.ask('run', 'INSERT INTO t VALUES (1)');
    expect(await reader.ask('run', 'COMMIT')).toMatchObject({ replayed: false });
    await left;
    expect(await others).toMatchObject({ rowsChanged: 1 });
    expect(await other.ask('query', 'SELECT n FROM t ORDER BY n')).toEqual([{ n: 1 }, { n: 2 }]);
  });
});

describe('a transaction whose owner dies in its COMMIT', () => {
  it.each([
    ['commit.ready=kill', 'ends in OWNER_LOST, not committed'],
    ['commit.done=kill', 'is known to be done'],
  ])('at %s %s', async (failpoints, end) => {
    const world = new World();
    const file = world.path('app.duckdb');
    const [first] = (await world.peers(1, file)) as [Peer];
    await first.ask('run', 'CREATE TABLE t (n BIGINT)');
    await first.ask('close');
    const fragile = await world.peer({ env: { ONEPOND_FAILPOINTS: failpoints } });
    await fragile.ask('open', file);
    const [reader] = (await world.peers(1, file)) as [Peer];
    const isDone = end.startsWith('is');
    const commit = reader
      .ask('run', 'BEGIN; INSERT INTO t VALUES (1)')
      .then(() => reader.ask('run', 'COMMIT'));
    if (isDone) expect(await commit).toMatchObject({ replayed: true });
    else
      await expect(commit).rejects.toMatchObject({ code: 'OWNER_LOST', data: { outcome: 'not-committed' } });
    expect(await reader.ask('query', 'SELECT n::INTEGER AS n FROM t')).toEqual(isDone ? [{ n: 1 }] : []);
  });
});

describe('a COMMIT whose owner dies, and then the next before it answers', () => {
  it('ends in OWNER_LOST, not committed, at the third', async () => {
    const world = new World();
    const file = world.path('app.duckdb');
    const mortal = async (failpoints: string): Promise<Peer> => {
      const peer = await world.peer({ env: { ONEPOND_FAILPOINTS: failpoints } });
      await peer.ask('open', file);
      return peer;
    };
    const first = await mortal('commit.ready=kill#2');
    const [reader] = (await world.peers(1, file, { candidate: 'never' })) as [Peer];
    await reader.ask('run', 'CREATE TABLE t (n BIGINT)');
    await reader.ask('run', 'BEGIN; INSERT INTO t VALUES (1)');
    const second = await mortal('call=kill');
    const commit = reader.refusal('run', 'COMMIT');
    await Promise.all([first.exited, second.exited]);
    await world.peers(1, file);
    expect(await commit).toMatchObject({ code: 'OWNER_LOST', data: { outcome: 'not-committed' } });
    expect(await reader.ask('query', 'SELECT n FROM t')).toEqual([]);
  });
});

describe('a write by a stream', () => {
  it('is not sent again when the answer to its first batch is lost', async () => {
    const world = new World();
    const file = world.path('app.duckdb');
    const [first] = (await world.peers(1, file)) as [Peer];
    await first.ask('run', 'CREATE TABLE t (n INTEGER)');
    await first.ask('close');
    const owner = await world.peer({ env: { ONEPOND_FAILPOINTS: 'answer=drop#2' } });
    await owner.ask('open', file);
    const [reader] = (await world.peers(1, file)) as [Peer];
    const error = await reader.refusal('streamCount', 'INSERT INTO t VALUES (1) RETURNING n');
    expect(error).toMatchObject({ code: 'OWNER_LOST', data: { outcome: 'committed' } });
    expect(await reader.ask('query', 'SELECT n FROM t')).toEqual([{ n: 1 }]);
  });
});

describe('a stream whose owner dies', () => {
  it('ends in OWNER_LOST after the batches that came, and gives none twice', async () => {
    const world = new World();
    const [owner, reader] = await ownerFirst(await world.peers(2, world.path('app.duckdb')));
    const counted = reader.ask('streamCount', 'SELECT * FROM range(100000000)', { batchSize: 1000 });
    counted.catch(() => undefined);
    await reader.streamed(5_000);
    await owner.kill();
    await expect(counted).rejects.toMatchObject({ code: 'OWNER_LOST', data: { pid: owner.pid } });
  });
});

describe('the successor', () => {
  it('alone has DuckDB loaded, and takes over', async () => {
    const world = new World();
    const peers = await world.peers(5, world.path('app.duckdb'));
    const owner = await ownerOf(peers);
    const successor = await successorOf(peers);
    const loaded = peers.filter(({ pid }) =>
      readFileSync(`/proc/${pid}/maps`, 'utf8').includes('duckdb.node'),
    );
    expect(loaded).toHaveLength(2);
    await owner.kill();
    const others = peers.filter((peer) => peer !== owner);
    await Promise.all(others.map((peer) => peer.ask('query', 'SELECT 1')));
    expect(await ownerOf(others)).toBe(successor);
  });

  it('that dies together with the owner is followed by any other', async () => {
    const world = new World();
    const peers = await world.peers(5, world.path('app.duckdb'));
    const owner = await ownerOf(peers);
    const successor = await successorOf(peers);
    await Promise.all([owner.kill(), successor.kill()]);
    const others = peers.filter((peer) => peer !== owner && peer !== successor);
    const answers = await Promise.all(others.map((peer) => peer.ask('query', 'SELECT 1 AS one')));
    expect(answers).toEqual(others.map(() => [{ one: 1 }]));
    const roles = await Promise.all(others.map(async (peer) => (await peer.ask('state')).role));
    expect(roles.filter((role) => role === 'owner')).toHaveLength(1);
  });

  it('that is stopped does not hold the others up', async () => {
    const world = new World();
    const peers = await world.peers(4, world.path('app.duckdb'));
    const owner = await ownerOf(peers);
    const successor = await successorOf(peers);
    await successor.kill('SIGSTOP');
    await owner.kill();
    const others = peers.filter((peer) => peer !== owner && peer !== successor);
    const answers = await Promise.all(others.map((peer) => peer.ask('query', 'SELECT 1 AS one')));
    expect(answers).toEqual(others.map(() => [{ one: 1 }]));
    await successor.kill('SIGCONT');
    expect(await successor.ask('query', 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect((await successor.ask('state')).role).toBe('reader');
  });

  it('is never one that asked not to be', async () => {
    const world = new World();
    const [owner] = (await world.peers(1, world.path('app.duckdb'))) as [Peer];
    const [unwilling] = (await world.peers(1, world.path('app.duckdb'), {
      candidate: 'never',
      timeout: 500,
    })) as [Peer];
    await owner.kill();
    expect(await unwilling.refusal('query', 'SELECT 1')).toMatchObject({ code: 'TIMEOUT' });
    const [next] = (await world.peers(1, world.path('app.duckdb'))) as [Peer];
    expect(await unwilling.ask('query', 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect((await next.ask('state')).role).toBe('owner');
  });
});

describe('an owner that left in peace', () => {
  it.each(LEAVINGS.slice(2))('leaves nothing beside the database when it %s', async (_how, leave) => {
    const world = new World();
    const [owner] = (await world.peers(1, world.path('app.duckdb'))) as [Peer];
    await owner.ask('run', 'CREATE TABLE t (i INTEGER)');
    await leave(owner);
    expect(existsSync(world.path('app.duckdb'))).toBe(true);
    expect(existsSync(world.path('app.duckdb.onepond'))).toBe(false);
    expect(existsSync(world.path('app.duckdb.wal'))).toBe(false);
  });
});
