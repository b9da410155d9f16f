import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BIN, type Peer, World } from '../support/world.ts';

const run = (program: string, ...args: string[]): boolean => spawnSync(program, args).status === 0;

/** A file system of its own in the world's folder, which can be made read-only. */
class Disk {
  readonly dir: string;

  constructor(world: World) {
    this.dir = world.path('disk');
    mkdirSync(this.dir);
    if (!run('mount', '-t', 'tmpfs', 'none', this.dir)) throw new Error('mount was refused');
    onTestFinished(() => void run('umount', '-l', this.dir));
  }

  path(...parts: string[]): string {
    return join(this.dir, ...parts);
  }

  /** Everybody has to have let go of what they had open to write. */
  makeReadOnly(): void {
    expect(run('mount', '-o', 'remount,ro', this.dir)).toBe(true);
  }
}

function mayMount(): boolean {
  const dir = mkdtempSync(join(tmpdir(), 'onepond-mount-'));
  try {
    return process.platform === 'linux' && run('mount', '-t', 'tmpfs', 'none', dir) && run('umount', dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const isPossible = mayMount();
if (!isPossible) console.warn('mount is not permitted: read-only file systems are not tried');

async function filled(world: World, file: string): Promise<Peer> {
  const owner = await world.peer();
  await owner.ask('open', file);
  await owner.ask('run', 'CREATE TABLE t AS SELECT 7 AS n');
  return owner;
}

describe.runIf(isPossible)('on a read-only file system', () => {
  it('a search and a reading statement work, of several processes at once', async () => {
    const world = new World();
    const disk = new Disk(world);
    const root = disk.path('project');
    mkdirSync(join(root, '.git'), { recursive: true });
    writeFileSync(join(root, 'parser.ts'), 'export function parseHeader() {}\n');
    const db = disk.path('index.duckdb');
    await world.cli(['--db', db, 'index', root]);
    await (await filled(world, disk.path('a.duckdb'))).ask('close');
    disk.makeReadOnly();
    const searches = [1, 2, 3].map(() =>
      world.cli(['--db', db, 'search', '--json', 'parse header'], { cwd: root }),
    );
    for (const { code, stdout } of await Promise.all(searches)) {
      expect(code).toBe(0);
      expect(JSON.parse(stdout).hits).toMatchObject([{ path: 'parser.ts' }]);
    }
    const selects = [1, 2, 3].map(() =>
      world.cli(['--db', disk.path('a.duckdb'), '--json', 'sql', 'FROM t']),
    );
    for (const done of await Promise.all(selects))
      expect(done).toEqual({ code: 0, stdout: '[{"n":7}]\n', stderr: '' });
    const script = await world.cli([
      '--db',
      disk.path('a.duckdb'),
      '--json',
      'sql',
      'FROM t; SELECT n + 1 AS m FROM t',
    ]);
    expect(script).toMatchObject({ code: 0, stdout: '[{"m":8}]\n' });
    expect((await world.cli(['--db', db, 'status', '--json'])).code).toBe(0);
    expect((await world.cli(['--db', db, 'doctor', '--json'])).code).toBe(0);
  });

  it.each([
    ['sql', 'INSERT INTO t VALUES (1)', 'READ_ONLY'],
    ['sql', 'CREATE TABLE u (n INTEGER)', 'READ_ONLY'],
    ['sql', 'DROP TABLE t', 'READ_ONLY'],
    ['index', '.', 'PERMISSION'],
    ['serve', undefined, 'PERMISSION'],
  ])('%s %s is refused with a code', async (command, arg, code) => {
    const world = new World();
    const disk = new Disk(world);
    const db = disk.path('a.duckdb');
    await (await filled(world, db)).ask('close');
    disk.makeReadOnly();
    const done = await world.cli(['--db', db, '--json', command, ...(arg ? [arg] : [])]);
    expect({ ...done, stderr: JSON.parse(done.stderr).error.code }).toEqual({
      code: 2,
      stdout: '',
      stderr: code,
    });
    expect((await world.cli(['--db', db, '--json', 'sql', 'FROM t'])).stdout).toBe('[{"n":7}]\n');
  });

  it('what a killed owner has left there, its log and its record, is no obstacle', async () => {
    const world = new World();
    const disk = new Disk(world);
    const db = disk.path('a.duckdb');
    await (await filled(world, db)).kill();
    disk.makeReadOnly();
    expect(await world.cli(['--db', db, '--json', 'sql', 'FROM t'])).toEqual({
      code: 0,
      stdout: '[{"n":7}]\n',
      stderr: '',
    });
  });

  it('the command line itself may lie there', async () => {
    const world = new World();
    const disk = new Disk(world);
    const root = new URL('../../', import.meta.url).pathname;
    for (const part of ['bin', 'dist', 'package.json'])
      cpSync(join(root, part), disk.path(part), {
        recursive: true,
        filter: (name) => !name.endsWith('.cache'),
      });
    symlinkSync(join(root, 'node_modules'), disk.path('node_modules'));
    await (await filled(world, disk.path('a.duckdb'))).ask('close');
    disk.makeReadOnly();
    const args = ['--db', disk.path('a.duckdb'), '--json', 'sql', 'FROM t'];
    for (const bin of [disk.path('bin', 'onepond.js'), BIN])
      expect(await world.run([bin, ...args])).toEqual({ code: 0, stdout: '[{"n":7}]\n', stderr: '' });
  });
});
