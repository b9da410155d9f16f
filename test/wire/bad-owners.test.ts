import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { hostname } from 'node:os';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Peer, World } from '../support/world.ts';
import { frame } from './raw-client.ts';

const greeting = (db: string, id: number): string =>
  frame(
    JSON.stringify({
      jsonrpc: '2.0',
      id,
      result: {
        ...{ protocol: 1, version: '0.1.0', path: db, device: '1', inode: '1', pid: process.pid },
        ...{ startTime: null, instance: 'fake', epoch: 1, session: 1 },
      },
    }),
  );

const notice = (method: string, params: object): string => JSON.stringify({ jsonrpc: '2.0', method, params });

const BEHAVIOURS: readonly (readonly [
  what: string,
  act: (socket: Socket, db: string) => void,
  code: string,
])[] = [
  ['accepts and never answers', () => undefined, 'OWNER_UNRESPONSIVE'],
  [
    'is electing for ever',
    (socket) => socket.write(frame(notice('$/electing', { pid: process.pid, heldBy: null }))),
    'TIMEOUT',
  ],
  ['answers garbage', (socket) => socket.write('HTTP/1.1 200 OK\r\n\r\nhello'), 'TIMEOUT'],
  ['answers bytes that are no text', (socket) => socket.write(Buffer.alloc(9000, 255)), 'TIMEOUT'],
  ['closes after each frame', (socket) => socket.once('data', () => socket.end()), 'TIMEOUT'],
  [
    'answers for another database',
    (socket) => socket.once('data', () => socket.write(greeting('/elsewhere.duckdb', 0))),
    'TIMEOUT',
  ],
  [
    'greets, and hangs up on the first call',
    (socket, db) =>
      socket.once('data', () =>
        socket.write(greeting(db, 0), () => socket.once('data', () => socket.destroy())),
      ),
    'TIMEOUT|OWNER_UNRESPONSIVE',
  ],
];

/** A record that leads to a server of this process, which is no owner. */
async function fakeOwner(world: World, db: string, act: (socket: Socket, db: string) => void) {
  const path = world.path('run', 'fake.sock');
  let dials = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    dials++;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.resume();
    act(socket, db);
  });
  await new Promise<void>((listening) => server.listen(path, listening));
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  mkdirSync(`${db}.onepond`);
  const identity = {
    pid: process.pid,
    startTime: null,
    boot: null,
    host: hostname(),
    instance: 'fake',
    socket: path,
  };
  const record = {
    protocol: 1,
    version: '0.1.0',
    db,
    device: '1',
    inode: '1',
    epoch: 1,
    startedAt: '',
    thread: 0,
  };
  writeFileSync(`${db}.onepond/owner.json`, JSON.stringify({ ...identity, ...record }));
  return { dials: () => dials };
}

describe.each(BEHAVIOURS)('a server in the place of an owner that %s', (_what, act, code) => {
  it('is dialled a bounded number of times, and told by the deadline', async () => {
    const world = new World();
    const db = world.path('app.duckdb');
    const fake = await fakeOwner(world, db, act);
    const peer = await world.peer();
    const error = await peer.refusal('openAndQuery', db, { candidate: 'never', timeout: 600 }, 'SELECT 1');
    expect({ name: error.name, code: error.code }).toEqual({
      name: 'PondError',
      code: expect.stringMatching(code),
    });
    // Some at once, then one every 50 ms.
    expect(fake.dials()).toBeLessThan(40);
  });
});

describe('a server in the place of an owner', () => {
  it.each(BEHAVIOURS.filter(([what]) => /garbage|each frame|another/.test(what)))(
    'that %s does not keep others from owning the file',
    async (_what, act) => {
      const world = new World();
      const db = world.path('app.duckdb');
      await fakeOwner(world, db, act);
      const peers = (await Promise.all([1, 2].map(() => world.peer()))) as [Peer, Peer];
      await Promise.all(peers.map((peer) => peer.ask('open', db)));
      await peers[0].ask('run', 'CREATE TABLE t AS SELECT 1 AS n');
      expect(await peers[1].ask('query', 'SELECT n FROM t')).toEqual([{ n: 1 }]);
    },
  );
});
