import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Peer, until, World } from '../support/world.ts';

const ONE_CALL = new URL('../fixtures/processes/one-call.mjs', import.meta.url).pathname;
const FOREIGN = new URL('../fixtures/processes/foreign.mjs', import.meta.url);

const OPENING = ['open', 'openIndex'];
const ON_A_HANDLE = [
  'query',
  'run',
  'stream',
  'transaction',
  'status',
  'close',
  'close while seeking',
  'dispose',
  'index.update',
  'index.search',
  'index.status',
  'index.watch',
  'index.close',
];
const ALWAYS_ANSWERED = ['close', 'close while seeking', 'dispose', 'index.close'];

/** What stands in the way; `code` is what a call that needs an owner ends in, or null where it is answered. */
interface Obstacle {
  readonly code: string | null;
  readonly options?: object;
  /** From an owner that serves to the obstacle. */
  readonly arise: (world: World, file: string, owner: Peer) => Promise<unknown>;
}

const killed = (_: World, __: string, owner: Peer): Promise<unknown> => owner.kill();

const OBSTACLES: Readonly<Record<string, Obstacle>> = {
  'a living owner': { code: null, arise: async () => undefined },
  'a plain DuckDB program that holds the file': {
    code: 'OWNER_UNREACHABLE',
    arise: async (world, file, owner) => {
      await owner.ask('close');
      await foreign(world, file);
    },
  },
  'an election that waits for a plain DuckDB program': {
    code: 'OWNER_UNREACHABLE',
    arise: async (world, file, owner) => {
      await owner.ask('close');
      await foreign(world, file);
      const waiting = await world.peer();
      void waiting.ask('open', file, { timeout: 60_000 }).catch(() => undefined);
      await until(() => existsLock(file));
    },
  },
  'an owner that is stopped': {
    code: 'OWNER_UNRESPONSIVE',
    arise: (_, __, owner) => owner.kill('SIGSTOP'),
  },
  'the lock of a dead holder': { code: null, arise: killed },
  'no owner, and a handle that may not become it': {
    code: 'TIMEOUT',
    options: { candidate: 'never' },
    arise: killed,
  },
};

const existsLock = (file: string): boolean => existsSync(`${file}.onepond/lock`);

async function foreign(world: World, file: string): Promise<void> {
  const child = fork(FOREIGN, [file], { env: world.env });
  world.adopt(child.pid ?? 0);
  await once(child, 'message');
}

interface Alone {
  readonly call: string;
  /** Settles when all before the call has settled; at once for a call that opens. */
  readonly ready: Promise<unknown>;
  readonly end: Promise<{ call: string; code: number | null; settled: string }>;
}

function callAlone(world: World, call: string, args: readonly string[]): Alone {
  const child = world.start([ONE_CALL, call, ...args]);
  let printed = '';
  const ready = new Promise((reached) => {
    child.stdout?.on('data', (data) => {
      printed += data;
      if (printed.startsWith('ready\n')) reached(undefined);
    });
  });
  const end = once(child, 'close').then(([code]) => ({
    call,
    code: code as number | null,
    settled: printed.replace('ready\n', '').trim(),
  }));
  return { call, ready: Promise.race([ready, end]), end };
}

describe('a program whose only work is one call', () => {
  it.each(Object.entries(OBSTACLES))('hears what became of it, then ends: %s', async (_, obstacle) => {
    const world = new World();
    const file = world.path('app.duckdb');
    const [root, flag] = [world.path('project'), world.path('flag')];
    mkdirSync(root);
    writeFileSync(`${root}/notes.md`, 'some text\n');
    const args = [
      file,
      root,
      flag,
      JSON.stringify({ timeout: obstacle.code ? 1_000 : 30_000, ...obstacle.options }),
    ];
    const [owner] = (await world.peers(1, file)) as [Peer];
    const onHandle = ON_A_HANDLE.map((call) => callAlone(world, call, args));
    await Promise.all(onHandle.map(({ ready }) => ready));
    await obstacle.arise(world, file, owner);
    writeFileSync(flag, '');
    const opening = OPENING.map((call) => callAlone(world, call, args));

    const ends = await Promise.all([...onHandle, ...opening].map(({ end }) => end));
    const expected = [...onHandle, ...opening].map(({ call }) => ({
      call,
      code: 0,
      settled: obstacle.code === null || ALWAYS_ANSWERED.includes(call) ? 'answered' : obstacle.code,
    }));
    expect(ends).toEqual(expected);
  });

  it('ends by itself once its handle is idle', async () => {
    const world = new World();
    expect(await callAlone(world, 'open', [world.path('app.duckdb')]).end).toMatchObject({
      code: 0,
      settled: 'answered',
    });
  });
});
