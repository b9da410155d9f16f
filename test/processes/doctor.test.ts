import { fork } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CHECKS } from '../../src/doctor/checks.ts';
import type { Facts } from '../../src/doctor/facts.ts';
import { READABLE, readHeader } from '../../src/doctor/file-header.ts';
import type { Diagnosis } from '../../src/doctor/index.ts';
import { libraryOfVersion, type Peer, World } from '../support/world.ts';

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
        detail: expect.stringContaining('the index has version 999, not '),
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

  it.each([
    ['0.0.1', /older than this one/, 'onepond stop'],
    ['99.0.0', /older than the owner's, 99\.0\.0/, 'bring this onepond up to date'],
  ])('says what to do about an owner of version %s', async (version, detail, next) => {
    const world = new World();
    const owner = await world.peer({ env: { ONEPOND_TEST_LIBRARY: libraryOfVersion(version) } });
    await owner.ask('open', world.path('app.duckdb'), { candidate: 'prefer' });
    const { wrong } = await examine(world);
    expect(wrong).toEqual({
      versions: { ok: false, detail: expect.stringMatching(detail), next: expect.stringContaining(next) },
    });
  });

  it.each([
    [63, 'old DuckDB'],
    [69, 'newer DuckDB, v1.'],
  ])('says what to do about a file of storage version %i', async (version, detail) => {
    const world = new World();
    await (await owned(world)).ask('close');
    const fine = (await examine(world)).checks.find(({ name }) => name === 'versions');
    expect(fine).toMatchObject({ ok: true, detail: expect.stringContaining('file of DuckDB v1.') });
    const bytes = readFileSync(world.path('app.duckdb'));
    bytes.writeBigUInt64LE(BigInt(version), 12);
    writeFileSync(world.path('app.duckdb'), bytes);
    const { wrong } = await examine(world);
    expect(Object.keys(wrong)).toEqual(['versions']);
    expect(wrong.versions?.detail).toContain(detail);
  });

  it('reads every storage version that its DuckDB writes', async () => {
    const world = new World();
    const owner = await owned(world);
    await owner.ask('run', `ATTACH '${world.path('new.duckdb')}' AS new (STORAGE_VERSION 'latest')`);
    await owner.ask('run', 'CREATE TABLE new.t AS SELECT 1 AS n; CHECKPOINT new');
    await owner.ask('close');
    expect([readHeader(world.path('app.duckdb')), readHeader(world.path('new.duckdb'))]).toMatchObject([
      { storage: READABLE.oldest },
      { storage: READABLE.newest },
    ]);
  });

  it('says that an index is watched by scans alone', () => {
    const index = { root: '/tree', files: 1, chunks: 1, pending: 0, updated_at: 'now', watching: 'polling' };
    const facts = { owner: { index } } as unknown as Facts;
    expect(CHECKS.find(({ name }) => name === 'index')?.check(facts)).toMatchObject({
      ok: false,
      detail: expect.stringContaining('by scans alone'),
      next: expect.stringContaining('--fresh'),
    });
  });

  it('prints a line for each check, and the next step below it', async () => {
    const world = new World();
    const { stdout, code } = await world.cli(['doctor', '--db', world.path('app.duckdb')]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^ ! {2}file {6}there is no file .*\n +next: /);
    expect(stdout).toContain('ok  lock');
  });
});
