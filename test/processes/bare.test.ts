import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { World } from '../support/world.ts';

const BARE = new URL('../fixtures/processes/bare.mjs', import.meta.url).pathname;
/** No list of users names it. */
const UNKNOWN = 54_321;
const isRoot = process.getuid?.() === 0;

async function runBare(world: World, env: NodeJS.ProcessEnv, uid?: number): Promise<string> {
  const args = [BARE, world.path('shared', 'app.duckdb'), world.path('shared', 'project')];
  const child = spawn(process.execPath, args, { env, cwd: '/', ...(uid && { uid, gid: uid }) });
  let printed = '';
  child.stdout.on('data', (data) => (printed += data));
  child.stderr.on('data', (data) => (printed += data));
  await once(child, 'close');
  return printed;
}

function sharedWorld(): World {
  const world = new World();
  chmodSync(world.dir, 0o755);
  for (const folder of ['shared', 'shared/project']) {
    mkdirSync(world.path(folder));
    // As the temporary folder: others may make things there, and not change ours.
    chmodSync(world.path(folder), 0o1777);
  }
  writeFileSync(world.path('shared/project/notes.md'), 'some text\n');
  return world;
}

const done = (home: string | null): object => ({ home, role: 'done', row: { one: 1 }, files: 1 });

describe('a program without a home', () => {
  it.runIf(isRoot)('works for a user that no list names, with nothing in the environment', async () => {
    const world = sharedWorld();
    onTestFinished(() => rmSync(`/tmp/onepond-${UNKNOWN}`, { recursive: true, force: true }));
    expect(JSON.parse(await runBare(world, {}, UNKNOWN))).toEqual(done(null));
  });

  it.each(['/', '/no/such/folder'])('works where HOME is %s', async (home) => {
    const world = sharedWorld();
    const env = { HOME: home, TMPDIR: world.path('shared'), ONEPOND_RUNTIME_DIR: world.path('run') };
    expect(JSON.parse(await runBare(world, env))).toEqual(done(home));
  });
});
