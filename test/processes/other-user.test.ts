import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Peer, World } from '../support/world.ts';

/** An ordinary user: the tests may run as root, whom no mode stops. */
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

/** A folder that all may write to, with a database in it that root has made; the database. */
async function sharedDatabase(world: World): Promise<{ file: string; owner: Peer }> {
  chmodSync(world.dir, 0o777);
  mkdirSync(world.path('shared'));
  chmodSync(world.path('shared'), 0o777);
  const file = world.path('shared', 'app.duckdb');
  const [owner] = (await world.peers(1, file)) as [Peer];
  chmodSync(file, 0o666);
  world.env.ONEPOND_RUNTIME_DIR = world.path('home', 'run');
  world.env.ONEPOND_CACHE_DIR = world.path('home', 'cache');
  for (const folder of ['home', 'home/run']) {
    mkdirSync(world.path(folder), { mode: 0o700 });
    chownSync(world.path(folder), NOBODY, NOBODY);
  }
  return { file, owner };
}

/** What another user meets; the file to open. */
const SITUATIONS: Readonly<Record<string, (world: World, file: string, owner: Peer) => unknown>> = {
  'an owner that serves': () => undefined,
  'the folder of an owner that was killed': (_, __, owner) => owner.kill(),
  'a file of another user': async (_, file, owner) => {
    await owner.ask('close');
    chmodSync(file, 0o600);
  },
  'a folder that may not be entered': async (world, _, owner) => {
    await owner.ask('close');
    chmodSync(world.path('shared'), 0o700);
  },
  'a folder of another user in the place of the lock': async (_, file, owner) => {
    await owner.ask('close');
    mkdirSync(`${file}.onepond`, { mode: 0o755 });
    mkdirSync(`${file}.onepond/lock`, { mode: 0o700 });
  },
  'a record that may not be read': async (_, file, owner) => {
    await owner.ask('close');
    mkdirSync(`${file}.onepond`, { mode: 0o755 });
    writeFileSync(`${file}.onepond/owner.json`, '{}', { mode: 0o600 });
  },
};

describe.runIf(isRoot)('a database that another user has', () => {
  it.each(Object.entries(SITUATIONS))('is PERMISSION with whose it is: %s', async (_, arise) => {
    const world = new World();
    const { file, owner } = await sharedDatabase(world);
    await arise(world, file, owner);
    const stranger = await world.peer({ uid: NOBODY, cwd: '/' });
    for (const options of [{}, { candidate: 'never' }]) {
      const { code, hint } = await stranger.refusal('open', file, { timeout: 2_000, ...options });
      expect({ code, hint }).toEqual({ code: 'PERMISSION', hint: expect.stringContaining('user 0 (root)') });
    }
  });

  it('is PERMISSION also for a link that lies where nobody may look, and as a file to attach', async () => {
    const world = new World();
    const { file } = await sharedDatabase(world);
    mkdirSync(world.path('closed'), { mode: 0o700 });
    symlinkSync(world.path('gone.duckdb'), world.path('closed', 'link.duckdb'));
    const stranger = await world.peer({ uid: NOBODY, cwd: '/' });
    const link = world.path('closed', 'link.duckdb');
    const own = world.path('home', 'own.duckdb');
    for (const [target, options] of [
      [link, {}],
      [own, { attach: { link } }],
    ] as const) {
      expect(await stranger.refusal('open', target, options)).toMatchObject({
        code: 'PERMISSION',
        hint: expect.stringContaining('user 0 (root)'),
      });
    }
    expect(file).toContain('shared');
  });

  it('is PERMISSION for root as well, while the other user owns it', async () => {
    const world = new World();
    const { file, owner } = await sharedDatabase(world);
    await owner.ask('close');
    const theirs = await world.peer({ uid: NOBODY, cwd: '/' });
    await theirs.ask('open', file);
    const { code, data } = await owner.refusal('openAndQuery', file, { timeout: 700 }, 'SELECT 1');
    expect({ code, data }).toEqual({ code: 'PERMISSION', data: { pid: theirs.pid, uid: NOBODY } });
    await theirs.ask('close');
  });

  it('is PERMISSION for an index in a cache of another user', async () => {
    const world = new World();
    await sharedDatabase(world);
    mkdirSync(world.path('cache'), { mode: 0o755 });
    mkdirSync(world.path('project'));
    const stranger = await world.peer({
      uid: NOBODY,
      cwd: '/',
      env: { ONEPOND_CACHE_DIR: world.path('cache') },
    });
    expect(await stranger.refusal('openIndex', world.path('project'))).toMatchObject({
      code: 'PERMISSION',
      hint: expect.stringContaining('user 0 (root)'),
    });
  });
});
