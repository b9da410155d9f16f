import { fork } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Diagnosis } from '../../src/doctor/index.ts';
import { type Peer, World } from '../support/world.ts';

async function examine(world: World, ...flags: string[]) {
  const args = ['doctor', '--json', '--db', world.path('app.duckdb'), '--timeout', '500', ...flags];
  const { code, stdout, stderr } = await world.cli(args);
  expect(stderr).toBe('');
  const { ok, checks } = JSON.parse(stdout) as Diagnosis;
  expect(code).toBe(ok ? 0 : 1);
  const wrong = Object.fromEntries(
    checks.filter((check) => !check.ok).map(({ name, ...check }) => [name, check]),
  );
  return { ok, checks, wrong };
}

/** Every name below the world's folder, with its time of change. */
function listing(world: World): Record<string, number> {
  const names = readdirSync(world.dir, { recursive: true, encoding: 'utf8' });
  return Object.fromEntries(names.map((name) => [name, statSync(world.path(name)).mtimeMs]));
}

async function owned(world: World): Promise<Peer> {
  const [owner] = (await world.peers(1, world.path('app.duckdb'))) as [Peer];
  await owner.ask('run', 'CREATE TABLE t (n INTEGER)');
  return owner;
}

describe('onepond doctor', () => {
  it('finds nothing wrong with a file that is served, and looks at everything', async () => {
    const world = new World();
    const owner = await owned(world);
    const { ok, checks } = await examine(world);
    expect(ok).toBe(true);
    expect(checks.map(({ name }) => name)).toEqual([
      'file',
      'holder',
      'owner',
      'lock',
      'record',
      'socket',
      'folders',
      'wal',
      'disk',
      'versions',
      'index',
    ]);
    for (const name of ['holder', 'owner', 'lock', 'record'])
      expect(checks.find((check) => check.name === name)?.detail).toContain(`process ${owner.pid}`);
  });

  it('finds nothing wrong where the owner left in peace', async () => {
    const world = new World();
    await (await owned(world)).ask('close');
    expect(await examine(world)).toMatchObject({ ok: true });
  });

  it('says that there is no file, and makes none', async () => {
    const world = new World();
    const before = listing(world);
    expect(Object.keys((await examine(world)).wrong)).toEqual(['file']);
    expect(listing(world)).toEqual(before);
  });

  it('tells a file that is none of DuckDB, and leaves it as it is', async () => {
    const world = new World();
    writeFileSync(world.path('app.duckdb'), 'a text of 19 bytes\n');
    const before = listing(world);
    const { wrong } = await examine(world);
    expect(Object.keys(wrong)).toEqual(['file']);
    expect(wrong.file?.detail).toContain('19 B, is no DuckDB file');
    expect(listing(world)).toEqual(before);
  });

  it('names what a killed owner left, touches nothing, and removes it when told', async () => {
    const world = new World();
    await (await owned(world)).kill();
    const before = listing(world);
    expect(Object.keys((await examine(world)).wrong)).toEqual(['lock', 'record', 'socket']);
    expect(listing(world)).toEqual(before);
    expect(await examine(world, '--fix')).toMatchObject({ ok: true });
    expect(await examine(world)).toMatchObject({ ok: true });
    expect(readdirSync(world.path('run'))).toEqual([]);
    const [next] = (await world.peers(1, world.path('app.duckdb'))) as [Peer];
    expect(await next.ask('query', 'SELECT * FROM t')).toEqual([]);
  });

  it('tells an owner that is stopped, and how to wake it; --fix takes nothing from it', async () => {
    const world = new World();
    const owner = await owned(world);
    await owner.kill('SIGSTOP');
    const before = listing(world);
    const { wrong } = await examine(world, '--fix');
    expect(Object.keys(wrong)).toEqual(['holder', 'owner']);
    for (const { next } of Object.values(wrong)) expect(next).toContain(`kill -CONT ${owner.pid}`);
    expect(listing(world)).toEqual(before);
    await owner.kill('SIGCONT');
    expect(await owner.ask('query', 'SELECT * FROM t')).toEqual([]);
  });

  it('tells sizes in units that people read', async () => {
    const world = new World();
    await owned(world);
    const { checks } = await examine(world);
    const detail = (name: string) => checks.find((check) => check.name === name)?.detail;
    expect(detail('disk')).toMatch(/^\d{1,4}\.\d [MGT]B free$/);
    expect(detail('wal')).toMatch(/^\d{1,4} B$|^\d{1,3}\.\d KB$/);
  });

  it('tells an index that cannot be read', async () => {
    const world = new World();
    const owner = await owned(world);
    mkdirSync(world.path('tree'));
    await owner.ask('openIndexOnHandle', world.path('tree'));
    await owner.ask('update');
    await owner.ask('run', "UPDATE _onepond.index_meta SET value = '999' WHERE key = 'version'");
    const { wrong } = await examine(world);
    expect(wrong).toEqual({
      index: {
        ok: false,
        detail: 'the index has version 999, not 1',
        next: expect.stringContaining('delete the index'),
      },
    });
  });

  it('names a program that holds the file without onepond', async () => {
    const world = new World();
    const foreign = new URL('../fixtures/processes/foreign.mjs', import.meta.url).pathname;
    const child = fork(foreign, [world.path('app.duckdb')], { env: world.env });
    world.adopt(child.pid ?? 0);
    await once(child, 'message');
    const { wrong } = await examine(world);
    expect(Object.keys(wrong)).toEqual(['holder']);
    expect(wrong.holder?.detail).toContain(`process ${child.pid}`);
    expect(wrong.holder?.detail).toContain('foreign.mjs');
  });

  it('tells a folder that others may write to, and closes it when told', async () => {
    const world = new World();
    chmodSync(world.path('run'), 0o755);
    await (await world.peer()).ask('open', world.path('app.duckdb')).catch(() => undefined);
    expect(Object.keys((await examine(world)).wrong)).toContain('folders');
    await examine(world, '--fix');
    expect(statSync(world.path('run')).mode & 0o777).toBe(0o700);
  });

  it('prints a line for each check, and the next step below it', async () => {
    const world = new World();
    const { stdout, code } = await world.cli(['doctor', '--db', world.path('app.duckdb')]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^ ! {2}file {6}there is no file .*\n +next: /);
    expect(stdout).toContain('ok  lock');
  });
});
