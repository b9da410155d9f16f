import { describe, expect, it } from 'vitest';
import { type Peer, until, World } from '../support/world.ts';
import { frame, RawClient, socketOf } from './raw-client.ts';

const ENDLESS = 'SELECT count(*) FROM range(1000000000000) a, range(1000000) b WHERE a.range % 7 = b.range';
const LARGE = "SELECT repeat('x', 1000000) AS text FROM range(30)";

interface Scene {
  readonly db: string;
  readonly owner: Peer;
  readonly stranger: RawClient;
  /** Another session, which must not notice. */
  readonly check: () => Promise<void>;
}

async function scene(): Promise<Scene> {
  const world = new World();
  const db = world.path('app.duckdb');
  const [owner, other] = (await world.peers(2, db, { timeout: 5_000 })) as [Peer, Peer];
  const check = async (): Promise<void> => {
    expect(await other.ask('query', 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect((await other.ask('state')).epoch).toBe(1);
  };
  return { db, owner, stranger: await RawClient.connect(socketOf(db)), check };
}

describe('a stranger that speaks out of turn', () => {
  it('is told to say hello first, and may then', async () => {
    const { db, stranger, check } = await scene();
    const { error } = await stranger.call('query', { sql: 'SELECT 1' });
    expect(error).toMatchObject({ code: -32602, data: { code: 'INVALID' } });
    expect((await stranger.hello(db)).result).toMatchObject({ path: db, epoch: 1 });
    expect((await stranger.hello(db)).error).toMatchObject({ data: { code: 'INVALID' } });
    await check();
  });

  it.each([
    ['dance', {}, -32601],
    ['query', {}, -32602],
    ['query', { sql: 1 }, -32602],
    ['query', { sql: 'SELECT 1', values: 'xml' }, -32602],
    ['query', { sql: 'SELECT 1', extra: true }, -32602],
    ['query', [1, 2], -32602],
    ['stream/next', { cursor: 9, batchSize: 1 }, -32602],
    ['index/search', { query: 'x', limit: 0 }, -32602],
  ])('is refused %s with %j', async (method, params, code) => {
    const { db, stranger, check } = await scene();
    await stranger.hello(db);
    expect((await stranger.call(method, params)).error).toMatchObject({ code, data: { code: 'INVALID' } });
    expect((await stranger.call('query', { sql: 'SELECT 1 AS one' })).result.rows).toEqual([[1]]);
    await check();
  });

  it('cannot keep the owner busy with brackets inside each other', async () => {
    const { db, stranger, check } = await scene();
    await stranger.hello(db);
    stranger.socket.write(frame('['.repeat(10_000_000) + ']'.repeat(10_000_000)));
    expect(await stranger.until(({ id }) => id === null)).toMatchObject({
      error: { data: { code: 'INVALID' } },
    });
    await stranger.closed;
    await check();
  });

  it('is told of another protocol, and of another database', async () => {
    const { db, stranger, check } = await scene();
    expect((await stranger.hello(db, { protocol: 99 })).error).toMatchObject({
      data: { code: 'PROTOCOL_MISMATCH' },
    });
    expect((await stranger.hello(`${db}2`)).error).toMatchObject({ data: { code: 'INVALID' } });
    await check();
  });
});

describe('a stranger that breaks the framing', () => {
  it.each([
    ['a message over the limit', 'Content-Length: 67108865\r\n\r\n', 'TOO_LARGE'],
    ['no Content-Length', 'Content-Type: x\r\n\r\n{}', 'INVALID'],
    ['garbage', Buffer.alloc(10_000, 0xfe), 'INVALID'],
    ['no JSON', frame('nonsense'), 'INVALID'],
    ['JSON that is no object', frame('[1,2]'), 'INVALID'],
  ])('by %s is told why under no id, and let go', async (_what, bytes, code) => {
    const { db, stranger, check } = await scene();
    await stranger.hello(db);
    stranger.socket.write(bytes);
    expect(await stranger.until(({ id }) => id === null)).toMatchObject({ error: { data: { code } } });
    await stranger.closed;
    await check();
  });
});

describe('a stranger that leaves or sleeps', () => {
  it('may say nothing at all', async () => {
    const { stranger, check } = await scene();
    await check();
    stranger.socket.end();
    await stranger.closed;
    await check();
  });

  it('may stop reading while it asks for much', async () => {
    const { db, owner, stranger, check } = await scene();
    await stranger.hello(db);
    stranger.socket.pause();
    for (let i = 0; i < 20; i++) stranger.send('query', { sql: LARGE });
    await check();
    // The owner does not even take the calls that it could not answer.
    const { clients } = await owner.ask('status');
    expect(clients.length).toBeGreaterThanOrEqual(3);
    await check();
    stranger.socket.destroy();
    await until(async () => (await owner.ask('status')).clients.length < clients.length);
    await check();
  });

  it('may go in the middle of an answer', async () => {
    const { db, stranger, check } = await scene();
    await stranger.hello(db);
    stranger.send('query', { sql: LARGE });
    await new Promise((some) => stranger.socket.once('data', some));
    stranger.socket.destroy();
    await check();
  });

  it('takes its endless query with it', async () => {
    const { db, owner, stranger, check } = await scene();
    await stranger.hello(db, { name: 'endless' });
    stranger.send('query', { sql: ENDLESS });
    const sessions = async (): Promise<{ name: string; in_flight: number }[]> =>
      (await owner.ask('status')).clients;
    await until(async () =>
      (await sessions()).some(({ name, in_flight }) => name === 'endless' && in_flight === 1),
    );
    stranger.socket.destroy();
    await until(async () => !(await sessions()).some(({ name }) => name === 'endless'));
    await check();
    // The query is over too: an owner that leaves would wait for it.
    await owner.ask('close');
  });

  it('may close its sending half and still be answered', async () => {
    const { db, stranger, check } = await scene();
    await stranger.hello(db);
    const id = stranger.send('query', { sql: 'SELECT 1 AS one' });
    stranger.socket.end();
    await Promise.race([stranger.until((answer) => answer.id === id), stranger.closed]);
    await stranger.closed;
    await check();
  });

  it('may cancel, and is answered', async () => {
    const { db, stranger } = await scene();
    await stranger.hello(db);
    const id = stranger.send('query', { sql: ENDLESS });
    stranger.socket.write(
      frame(JSON.stringify({ jsonrpc: '2.0', method: '$/cancelRequest', params: { id } })),
    );
    const { error } = await stranger.until((answer) => answer.id === id);
    expect(error).toMatchObject({ code: -32800, data: { code: 'ABORTED' } });
  });
});
