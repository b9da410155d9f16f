import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { project, serve } from '../support/project.ts';
import { type Peer, until, World } from '../support/world.ts';

describe('onepond serve, status and stop', () => {
  it('own, show and release', async () => {
    const world = new World();
    const cwd = project(world);
    const nobody = JSON.parse((await world.cli(['status', '--json'], { cwd })).stdout);
    expect(nobody).toEqual({
      db: expect.stringContaining('cache'),
      file: null,
      owner: null,
      clients: [],
      index: null,
    });
    await world.cli(['index'], { cwd });
    const { pid, ended } = await serve(world, cwd);
    const status = JSON.parse((await world.cli(['status', '--json'], { cwd })).stdout);
    expect(status.owner).toEqual({
      pid,
      epoch: 2,
      started_at: expect.stringMatching(/^\d{4}-.*Z$/),
      version: JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version,
      socket: expect.stringContaining(world.path('run')),
      thread: expect.any(Number),
    });
    expect(status.clients).toContainEqual({
      pid,
      name: 'onepond serve',
      since: expect.any(String),
      in_flight: 0,
    });
    expect(status.index).toEqual({
      root: cwd,
      files: 3,
      chunks: 3,
      generation: 1,
      pending: 0,
      complete: true,
      watching: false,
      updated_at: expect.any(String),
    });
    const stopped = await world.cli(['stop', '--json'], { cwd });
    expect(JSON.parse(stopped.stdout)).toEqual({ stopped: true, pid });
    expect(await ended).toBe(0);
    expect(JSON.parse((await world.cli(['stop', '--json'], { cwd })).stdout)).toEqual({
      stopped: false,
      pid: null,
    });
  });

  it('serve --watch shows a new, a changed and a removed file', async () => {
    const world = new World();
    const cwd = project(world);
    await serve(world, cwd, '--watch');
    const finds = async (text: string): Promise<boolean> =>
      (await world.cli(['search', '--quiet', text], { cwd })).code === 0;
    writeFileSync(`${cwd}/src/zebra.ts`, 'export const zebra = 1;\n');
    await until(() => finds('zebra'));
    writeFileSync(`${cwd}/src/zebra.ts`, 'export const giraffe = 1;\n');
    await until(() => finds('giraffe'));
    rmSync(`${cwd}/src/zebra.ts`);
    await until(async () => !(await finds('giraffe')));
  });

  it('serve --detach returns when it is ready, and leaves when it is idle', async () => {
    const world = new World();
    const cwd = project(world);
    const { code, stdout } = await world.cli(['serve', '--detach', '--json', '--idle-timeout', '300'], {
      cwd,
    });
    const { ready, pid } = JSON.parse(stdout);
    world.adopt(pid);
    expect({ code, ready }).toEqual({ code: 0, ready: true });
    await until(
      async () => JSON.parse((await world.cli(['status', '--json'], { cwd })).stdout).owner === null,
    );
  });

  it('serve --detach returns while another process owns the file, and its child takes over', async () => {
    const world = new World();
    const file = world.path('app.duckdb');
    const [owner] = (await world.peers(1, file)) as [Peer];
    const { code, stdout, stderr } = await world.cli(['--db', file, '--json', 'serve', '--detach']);
    const { ready, pid, owner: named } = JSON.parse(stdout);
    world.adopt(pid);
    expect({ code, stderr, ready, named }).toEqual({ code: 0, stderr: '', ready: false, named: owner.pid });
    await owner.kill();
    const ownerNow = async () =>
      JSON.parse((await world.cli(['--db', file, '--json', 'status'])).stdout).owner?.pid;
    await until(async () => (await ownerNow()) === pid);
    // It has said that it is ready, to nobody, and lives.
    expect((await world.cli(['--db', file, 'sql', 'SELECT 1'])).code).toBe(0);
    expect(await ownerNow()).toBe(pid);
  });

  it('a second serve waits, and takes over when the first is killed', async () => {
    const world = new World();
    const cwd = project(world);
    const first = await serve(world, cwd);
    const second = serve(world, cwd);
    await until(
      async () => JSON.parse((await world.cli(['status', '--json'], { cwd })).stdout).clients.length >= 3,
    );
    process.kill(first.pid, 'SIGKILL');
    const { pid, ended } = await second;
    process.kill(pid, 'SIGTERM');
    expect(await ended).toBe(0);
  });

  it('stop hands a library program its file back on its next call', async () => {
    const world = new World();
    const file = world.path('app.duckdb');
    const [peer] = (await world.peers(1, file)) as [Peer];
    expect((await world.cli(['--db', file, 'stop'])).code).toBe(0);
    expect(await peer.ask('query', 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect((await peer.ask('state')).epoch).toBe(2);
  });
});
