import { once } from 'node:events';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { project, serve } from '../support/project.ts';
import { BIN, type Peer, until, World } from '../support/world.ts';

/** As many files as two batches hold; `zebra` is in the last alone. */
function largeProject(world: World): string {
  const root = world.path('large');
  mkdirSync(`${root}/.git`, { recursive: true });
  for (let i = 100; i < 900; i++)
    writeFileSync(`${root}/f${i}.ts`, `export const heron = ${i};\n${i === 899 ? '// zebra\n' : ''}`);
  return root;
}

/** A process that owns the index and waits in the first update before its nth batch. */
async function ownerThatWaits(world: World, root: string, batch: number): Promise<Peer> {
  const owner = await world.peer({ env: { ONEPOND_FAILPOINTS: `index.batch=drop#${batch}` } });
  await owner.ask('openIndex', root);
  void owner.ask('update').catch(() => undefined);
  return owner;
}

async function indexingOf(world: World, cwd: string): Promise<{ files: number; total: number } | undefined> {
  return JSON.parse((await world.cli(['status', '--json'], { cwd })).stdout).index?.indexing;
}

describe('onepond search while another process makes the first index', () => {
  it('exits with 75 and says how far it is where nothing is found yet, with 0 where something is', async () => {
    const world = new World();
    const cwd = largeProject(world);
    await ownerThatWaits(world, cwd, 2);
    await until(async () => (await indexingOf(world, cwd))?.files === 500);
    const far = `onepond: the first index of ${cwd} has 500 of 800 files so far`;

    const nothing = await world.cli(['search', '--json', 'zebra'], { cwd });
    expect(nothing.code).toBe(75);
    expect(JSON.parse(nothing.stdout)).toMatchObject({
      hits: [],
      indexing: { files: 500, total: 800 },
      pending: 300,
    });
    expect(nothing.stderr).toMatch(`${far}: nothing found yet for "zebra", try again later`);

    const some = await world.cli(['search', 'heron'], { cwd });
    expect(some.code).toBe(0);
    expect(some.stdout).toContain('heron');
    expect(some.stderr).toMatch(`${far}: there may be more`);

    expect(await world.cli(['search', '--quiet', 'zebra'], { cwd })).toEqual({
      code: 75,
      stdout: '',
      stderr: '',
    });
  });

  it('exits with 75 before anything is indexed at all', async () => {
    const world = new World();
    const cwd = largeProject(world);
    await ownerThatWaits(world, cwd, 1);
    await until(async () => (await indexingOf(world, cwd))?.total === 800);
    const { code, stdout, stderr } = await world.cli(['search', 'heron'], { cwd });
    expect({ code, stdout }).toEqual({ code: 75, stdout: '' });
    expect(stderr).toContain('has 0 of 800 files so far: nothing found yet');
  });

  it('waits with --fresh, and goes on itself when the process that made it dies', async () => {
    const world = new World();
    const cwd = largeProject(world);
    const owner = await ownerThatWaits(world, cwd, 2);
    await until(async () => (await indexingOf(world, cwd))?.files === 500);
    const waiting = world.start([BIN, 'search', '--fresh', '--json', 'zebra'], { cwd });
    let stdout = '';
    waiting.stdout?.on('data', (data) => (stdout += data));
    const ended = once(waiting, 'close');
    await until(async () => {
      const { clients } = JSON.parse((await world.cli(['status', '--json'], { cwd })).stdout);
      return clients.some(
        ({ pid, in_flight }: { pid: number; in_flight: number }) => pid === waiting.pid && in_flight > 0,
      );
    });
    await owner.kill();
    expect((await ended)[0]).toBe(0);
    const answer = JSON.parse(stdout);
    expect(answer.hits.map(({ path }: { path: string }) => path)).toEqual(['f899.ts']);
    expect(answer).not.toHaveProperty('indexing');
    expect(answer.pending).toBe(0);
  });

  it('goes on where an interrupted one stopped, in the folder that the named database is of', async () => {
    const world = new World();
    const cwd = largeProject(world);
    const db = world.path('named.duckdb');
    const owner = await world.peer({ env: { ONEPOND_FAILPOINTS: 'index.batch=drop#2' } });
    await owner.ask('openIndex', cwd, { db });
    void owner.ask('update').catch(() => undefined);
    const files = async () =>
      JSON.parse((await world.cli(['--db', db, 'status', '--json'])).stdout).index?.files;
    await until(async () => (await files()) === 500);
    await owner.kill();
    const { code, stdout, stderr } = await world.cli(['--db', db, 'search', '--json', 'zebra']);
    expect(stderr).toContain(`onepond: indexing ${cwd} first`);
    expect({ code, paths: JSON.parse(stdout).hits.map(({ path }: { path: string }) => path) }).toEqual({
      code: 0,
      paths: ['f899.ts'],
    });
  });
});

describe('onepond search of files that have changed', () => {
  it('marks their hits and says so in one line, until the index has caught up', async () => {
    const world = new World();
    const cwd = project(world);
    await world.cli(['index'], { cwd });
    writeFileSync(`${cwd}/src/parser.ts`, '// nothing\n// of\n// before\nexport function parseHeader() {}\n');
    const stale = await world.cli(['search', 'parse header'], { cwd });
    expect(stale.code).toBe(0);
    expect(stale.stdout).toMatch(/src\/parser\.ts:1-3 .*\(changed since it was indexed\)\n/);
    expect(stale.stdout).toMatch(/docs\/guide\.md:\d+-\d+ [^(]*\n/);
    expect(stale.stderr).toBe(
      'onepond: 1 of 2 hits are as the file was before it changed; --fresh brings the index up to date first\n',
    );
    const json = JSON.parse((await world.cli(['search', '--json', 'parse header'], { cwd })).stdout);
    expect(json).toMatchObject({ watching: false, pending: 1 });
    const marked = json.hits.filter(({ stale: is }: { stale?: true }) => is);
    expect(marked.map(({ path }: { path: string }) => path)).toEqual(['src/parser.ts']);
    const fresh = await world.cli(['search', '--fresh', 'parse header'], { cwd });
    expect(fresh.stdout).toContain('src/parser.ts:1-4');
    expect(fresh).toMatchObject({ stderr: '', stdout: expect.not.stringContaining('changed since') });
  });

  it('says that it is watched while a server watches, also after the folder was replaced', async () => {
    const world = new World();
    const cwd = project(world);
    await serve(world, cwd, '--watch');
    const search = async (text: string) =>
      JSON.parse((await world.cli(['search', '--json', text], { cwd })).stdout);
    expect(await search('header')).toMatchObject({ watching: true, pending: 0 });
    renameSync(cwd, `${cwd}.before`);
    mkdirSync(`${cwd}/.git`, { recursive: true });
    writeFileSync(`${cwd}/new.ts`, 'export const zebra = 1;\n');
    await until(async () => (await search('zebra')).hits.length === 1);
    await until(async () => (await search('zebra')).watching === true);
    writeFileSync(`${cwd}/newer.ts`, 'export const okapi = 1;\n');
    await until(async () => (await search('okapi')).hits.length === 1);
    rmSync(`${cwd}.before`, { recursive: true });
  });
});

describe('onepond search with filters', () => {
  it('takes globs from the current folder where they begin with a dot', async () => {
    const world = new World();
    const root = project(world);
    await world.cli(['index'], { cwd: root });
    const found = async (cwd: string, ...flags: string[]) => {
      const { code, stdout, stderr } = await world.cli(['search', '--json', ...flags, 'header'], { cwd });
      return stdout === ''
        ? { code, error: JSON.parse(stderr).error.code }
        : JSON.parse(stdout).hits.map(({ path }: { path: string }) => path);
    };
    const [parser, guide] = ['src/parser.ts', 'docs/guide.md'];
    expect(await found(root, '--path', '!src/**')).toEqual([guide]);
    expect(await found(`${root}/src`, '--path', '.')).toEqual([parser]);
    expect(await found(`${root}/src`, '--path', './parser.ts')).toEqual([parser]);
    expect(await found(`${root}/src`, '--path', '../docs')).toEqual([guide]);
    expect(await found(`${root}/src`, '--path', '!../docs/*')).toEqual([parser]);
    expect(await found(`${root}/src`, '--path', `${root}/docs/`)).toEqual([guide]);
    expect(await found(`${root}/src`, '--path', '../../elsewhere')).toEqual({ code: 2, error: 'INVALID' });
    expect(await found(root, '--lang', 'TS')).toEqual([parser]);
    expect(await found(root, '--lang', '!ts')).toEqual([guide]);
  });

  it('says what is wrong with one, and what is near', async () => {
    const world = new World();
    const cwd = project(world);
    for (const [flags, says] of [
      [['--lang', 'pyhton'], 'did you mean py or python'],
      [['--path', 'src\\parser.ts'], 'paths have slashes'],
      [['--path', ''], 'it is empty'],
    ] as const) {
      const { code, stdout, stderr } = await world.cli(['search', ...flags, 'header'], { cwd });
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain(says);
      expect(stderr).toContain('(INVALID)');
    }
  });
});

describe('a tree without end', () => {
  it.each([
    ['search', 'x'],
    ['search', '--fresh', 'x'],
    ['index'],
    ['serve', '--watch'],
    ['serve', '--watch', '--detach'],
  ])('is not indexed by %s %s %s, and nothing is made', async (...command) => {
    const world = new World();
    const { code, stdout, stderr } = await world.cli(
      command.filter((word) => word !== undefined),
      { cwd: '/' },
    );
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toBe(
      'onepond: / is not indexed unless it is named (INVALID)\n' +
        '  hint: change to the folder of a project, or run: onepond index /\n',
    );
    expect(existsSync(world.path('cache'))).toBe(false);
  });

  it.runIf(process.platform === 'linux').each(['/proc', '/dev', '/usr', tmpdir()])(
    '%s is one',
    async (cwd) => {
      const { code, stderr } = await new World().cli(['search', 'x'], { cwd });
      expect({ code, stderr }).toEqual({
        code: 2,
        stderr: expect.stringContaining('unless it is named (INVALID)'),
      });
    },
  );

  it('a home folder is one, repository or not, until it is named once', async () => {
    const world = new World();
    const home = project(world);
    world.env.HOME = home;
    mkdirSync(`${home}/notes`);
    for (const cwd of [home, `${home}/notes`]) {
      const { code, stderr } = await world.cli(['search', 'header'], { cwd });
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(`onepond index ${home}`) });
    }
    expect((await world.cli(['--db', world.path('a.duckdb'), 'search', 'header'], { cwd: home })).code).toBe(
      2,
    );
    expect((await world.cli(['index', home])).code).toBe(0);
    expect((await world.cli(['search', 'header'], { cwd: home })).code).toBe(0);
    writeFileSync(`${home}/new.ts`, 'export const zebra = 1;\n');
    expect((await world.cli(['search', '--fresh', 'zebra'], { cwd: home })).code).toBe(0);
    expect((await world.cli(['index'], { cwd: home })).code).toBe(0);
  });

  it('does not keep a database that is named from being searched', async () => {
    const world = new World();
    const db = world.path('a.duckdb');
    expect((await world.cli(['--db', db, 'index', project(world)])).code).toBe(0);
    expect((await world.cli(['--db', db, 'search', 'header'], { cwd: '/' })).code).toBe(0);
  });
});
