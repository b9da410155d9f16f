import { describe, expect, it } from 'vitest';
import { ownerFirst, type Peer, World } from '../support/world.ts';

const MANY = 'INSERT INTO t SELECT range::INTEGER FROM range(5000) RETURNING n';
const count = async (peer: Peer): Promise<number> =>
  (await peer.ask('query', 'SELECT count(*)::INTEGER AS n FROM t'))[0].n;

/** A reader whose owner dies at a point, and a process that may follow it. */
async function fragile(
  failpoints: string,
): Promise<{ world: World; file: string; owner: Peer; reader: Peer }> {
  const world = new World();
  const file = world.path('app.duckdb');
  const [first] = (await world.peers(1, file)) as [Peer];
  await first.ask('run', 'CREATE TABLE t (n INTEGER)');
  await first.ask('close');
  const owner = await world.peer({ env: { ONEPOND_FAILPOINTS: failpoints } });
  await owner.ask('open', file);
  const [reader] = (await world.peers(1, file)) as [Peer];
  return { world, file, owner, reader };
}

async function pair(options: object = {}): Promise<[owner: Peer, reader: Peer]> {
  const world = new World();
  const [owner, reader] = await ownerFirst(await world.peers(2, world.path('app.duckdb'), options));
  await reader.ask('run', 'CREATE TABLE t (n INTEGER)');
  return [owner, reader];
}

describe('a write by a stream', () => {
  it('is committed where its owner is killed after the first batch', async () => {
    const { reader } = await fragile('answer=kill#3');
    const error = await reader.refusal('streamCount', MANY, { batchSize: 1000 });
    expect(error).toMatchObject({ code: 'OWNER_LOST', data: { outcome: 'committed' } });
    expect(await count(reader)).toBe(5000);
  });

  it.each<[how: string, code: string, end: (owner: Peer, reader: Peer) => Promise<unknown>]>([
    ['its owner leaves in peace', 'OWNER_LOST', (owner) => owner.ask('close')],
    ['its caller gives up', 'ABORTED', (_, reader) => reader.ask('abortAll')],
  ])('is committed where %s after the first batch', async (_, code, end) => {
    const [owner, reader] = await pair();
    const first = reader.streamed(1000);
    const stream = reader.refusal('abortable', 'streamHeld', MANY, { batchSize: 1000 });
    await first;
    await end(owner, reader);
    await reader.ask('release');
    expect(await stream).toMatchObject({ code, data: { outcome: 'committed' } });
    expect(await count(reader)).toBe(5000);
  });

  it('is committed where its own handle is closed after the first batch', async () => {
    const [owner, reader] = await pair();
    const first = reader.streamed(1000);
    const stream = reader.refusal('streamHeld', MANY, { batchSize: 1000 });
    await first;
    await reader.ask('close');
    await reader.ask('release');
    expect(await stream).toMatchObject({ code: 'CLOSED', data: { outcome: 'committed' } });
    expect(await count(owner)).toBe(5000);
  });
});

describe('a text that leaves its transaction and goes on', () => {
  it.each([
    ['is looked up, and found', 'commit.done=kill#1', [{ n: 2 }]],
    ['is looked up, and was not done', 'commit.ready=kill#1', []],
  ])('%s, where its owner dies at %s', async (_, failpoints, rows) => {
    const { reader } = await fragile(failpoints);
    await reader.ask('run', 'BEGIN');
    await reader.ask('run', 'INSERT INTO t VALUES (1)');
    const ended = reader.ask('run', 'ROLLBACK; INSERT INTO t VALUES (2)');
    if (rows.length > 0) expect(await ended).toMatchObject({ replayed: true });
    else
      await expect(ended).rejects.toMatchObject({ code: 'OWNER_LOST', data: { outcome: 'not-committed' } });
    await reader.ask('run', 'ROLLBACK').catch(() => undefined);
    expect(await reader.ask('query', 'SELECT n FROM t')).toEqual(rows);
  });
});

describe('an owner that is stopped', () => {
  it('leaves a write that was sent to it unknown', async () => {
    const [owner, reader] = await pair({ timeout: 3_000 });
    await owner.kill('SIGSTOP');
    const error = await reader.refusal('run', 'INSERT INTO t VALUES (1)');
    expect(error).toMatchObject({ code: 'OWNER_UNRESPONSIVE', data: { outcome: 'unknown', pid: owner.pid } });
    await owner.kill('SIGCONT');
    expect(await count(reader)).toBeLessThanOrEqual(1);
  });

  it('leaves one unknown that an owner before it may have done', async () => {
    const { world, file, owner, reader } = await fragile('commit.done=kill');
    await reader.ask('close');
    const [pinned] = (await world.peers(1, file, { candidate: 'never' })) as [Peer];
    const next = await world.peer({ env: { ONEPOND_FAILPOINTS: 'call=stop#1' } });
    await next.ask('open', file);
    const error = await pinned.refusal('run', 'INSERT INTO t VALUES (1)', [], { timeout: 4_000 });
    await owner.exited;
    expect(error).toMatchObject({ code: 'OWNER_UNRESPONSIVE', data: { outcome: 'unknown', pid: next.pid } });
    await next.kill('SIGCONT');
    expect(await count(next)).toBe(1);
  });

  it('does not harm the transactions of a handle that gave one up', async () => {
    const [owner, reader] = await pair({ timeout: 3_000 });
    await reader.ask('transaction', ['INSERT INTO t VALUES (0)']);
    await owner.kill('SIGSTOP');
    const aborted = reader.refusal('abortable', 'transaction', ['INSERT INTO t VALUES (1)']);
    await reader.ask('abortAll');
    expect(await aborted).toMatchObject({ code: 'ABORTED', data: { outcome: 'not-committed' } });
    const late = await reader.refusal('transaction', ['INSERT INTO t VALUES (2)'], { timeout: 300 });
    expect(late.data).toMatchObject({ outcome: 'not-committed' });
    const silent = await reader.refusal('transaction', ['INSERT INTO t VALUES (3)']);
    expect(silent).toMatchObject({ code: 'OWNER_UNRESPONSIVE', data: { outcome: 'not-committed' } });
    await owner.kill('SIGCONT');
    for (const n of [4, 5, 6]) await reader.ask('transaction', [`INSERT INTO t VALUES (${n})`]);
    expect(await reader.ask('query', 'SELECT n FROM t ORDER BY n')).toEqual([0, 4, 5, 6].map((n) => ({ n })));
  });
});

describe('transaction() whose function catches the loss of its owner', () => {
  it.each([
    ['runs again as a whole', undefined, [{ n: 1 }, { n: 2 }, { n: 3 }]],
    ['fails as a whole where it may not', 1, []],
  ])('%s', async (_, tries, rows) => {
    const [owner, reader] = await pair();
    const begun = reader.streamed(1);
    const texts = [1, 2, 3].map((n) => `INSERT INTO t VALUES (${n})`);
    const done = reader.ask('transactionHeld', texts, { tries });
    done.catch(() => undefined);
    await begun;
    await owner.kill();
    await reader.ask('status');
    await reader.ask('release');
    if (tries === undefined) expect(await done).toBe(2);
    else await expect(done).rejects.toMatchObject({ code: 'OWNER_LOST', data: { outcome: 'not-committed' } });
    expect(await reader.ask('query', 'SELECT n FROM t ORDER BY n')).toEqual(rows);
  });
});
