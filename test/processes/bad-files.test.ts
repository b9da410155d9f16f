import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Peer, World } from '../support/world.ts';

/** An ordinary user: the tests may run as root, whom no mode stops. */
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

async function refusedOpen(
  world: World,
  file: string,
  options: object = {},
): Promise<{ code: string; message: string }> {
  const before = readdirSync(world.dir).sort();
  const peer = await world.peer();
  const error = await peer.refusal('open', file, options);
  expect(readdirSync(world.dir).sort()).toEqual(before);
  return error;
}

/** DuckDB's own (src/common/checksum.cpp), over whole 8-byte words. */
function checksum(bytes: Buffer): bigint {
  let sum = 5381n;
  for (let at = 0; at < bytes.length; at += 8) {
    sum ^= BigInt.asUintN(64, bytes.readBigUInt64LE(at) * 0xbf58476d1ce4e5b9n);
  }
  return sum;
}

describe('a path that is no database', () => {
  it('is CORRUPT where the file holds something else, and the file stays as it was', async () => {
    const world = new World();
    const file = world.path('notes.txt');
    writeFileSync(file, 'not a database\n'.repeat(1000));
    expect(await refusedOpen(world, file)).toMatchObject({ code: 'CORRUPT' });
    expect(readFileSync(file, 'utf8')).toBe('not a database\n'.repeat(1000));
  });

  it('is CORRUPT with a hint where a newer DuckDB made it', async () => {
    const world = new World();
    const file = world.path('future.duckdb');
    const [peer] = (await world.peers(1, file)) as [Peer];
    await peer.ask('close');
    const bytes = readFileSync(file);
    // The main header: its checksum (8 bytes), the magic (4), the storage version.
    bytes.writeBigUInt64LE(9_999n, 12);
    bytes.writeBigUInt64LE(checksum(bytes.subarray(8, 4096)), 0);
    writeFileSync(file, bytes);
    const error = await refusedOpen(world, file);
    expect(error).toMatchObject({ code: 'CORRUPT', hint: expect.stringContaining('newer') });
    expect(readFileSync(file)).toEqual(bytes);
  });

  it.each([
    ['INVALID', 'a folder', 'folder', {}],
    ['NOT_FOUND', 'a file in a folder that is not there', 'missing/app.duckdb', {}],
    ['NOT_FOUND', 'a file that is not there, opened read-only', 'missing.duckdb', { readOnly: true }],
    ['INVALID', 'a link to itself', 'loop.duckdb', {}],
    ['INVALID', 'a name longer than any file has', `${'x'.repeat(300)}.duckdb`, {}],
    ['INVALID', 'a database in memory', ':memory:', {}],
  ])('is %s for %s', async (code, _what, name, options) => {
    const world = new World();
    mkdirSync(world.path('folder'));
    symlinkSync(world.path('loop.duckdb'), world.path('loop.duckdb'));
    const file = name === ':memory:' ? name : world.path(name);
    expect(await refusedOpen(world, file, options)).toMatchObject({ code });
  });

  it('is INVALID for a DuckDB setting that does not exist', async () => {
    const world = new World();
    expect(
      await refusedOpen(world, world.path('a.duckdb'), { config: { no_such_setting: '1' } }),
    ).toMatchObject({
      code: 'INVALID',
    });
  });
});

describe.runIf(isRoot)('a database that this user may not write', () => {
  async function readOnlyWorld(mode: { file: number; folder: number }): Promise<World> {
    const world = new World();
    const [peer] = (await world.peers(1, world.path('data.duckdb'))) as [Peer];
    await peer.ask('run', 'CREATE TABLE t AS SELECT 5 AS five');
    await peer.ask('close');
    chmodSync(world.path('data.duckdb'), mode.file);
    chmodSync(world.dir, mode.folder);
    mkdirSync(world.path('home'), { mode: 0o700 });
    chownSync(world.path('home'), NOBODY, NOBODY);
    world.env.ONEPOND_RUNTIME_DIR = world.path('home');
    return world;
  }

  it.each([
    ['a file', { file: 0o444, folder: 0o777 }],
    ['a folder', { file: 0o666, folder: 0o755 }],
  ])('is PERMISSION for a writer where it is %s', async (_what, mode) => {
    const world = await readOnlyWorld(mode);
    const peer = await world.peer({ uid: NOBODY });
    expect(await peer.refusal('open', world.path('data.duckdb'))).toMatchObject({ code: 'PERMISSION' });
  });

  it('is read by several processes at once, each read-only', async () => {
    const world = await readOnlyWorld({ file: 0o444, folder: 0o755 });
    const peers = await Promise.all([1, 2].map(() => world.peer({ uid: NOBODY })));
    for (const peer of peers) await peer.ask('open', world.path('data.duckdb'), { readOnly: true });
    expect(await Promise.all(peers.map((peer) => peer.ask('query', 'SELECT five FROM t')))).toEqual([
      [{ five: 5 }],
      [{ five: 5 }],
    ]);
    expect(await (peers[0] as Peer).refusal('run', 'INSERT INTO t VALUES (6)')).toMatchObject({
      code: 'READ_ONLY',
    });
  });

  it('is PERMISSION where its folder may not be entered', async () => {
    const world = await readOnlyWorld({ file: 0o444, folder: 0o755 });
    mkdirSync(world.path('closed'), { mode: 0o700 });
    const peer = await world.peer({ uid: NOBODY });
    expect(await peer.refusal('open', world.path('closed/app.duckdb'))).toMatchObject({ code: 'PERMISSION' });
  });
});

/** A file system of 2 MB; null where this machine will not let us have one. */
function smallDisk(world: World): string | null {
  const folder = world.path('disk');
  mkdirSync(folder);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', folder], { stdio: 'ignore' });
    return folder;
  } catch {
    return null;
  }
}

describe('a disk without room', () => {
  it.runIf(isRoot)('is DISK_FULL, and what was committed before stays', async ({ skip }) => {
    const world = new World();
    const disk = smallDisk(world);
    if (disk === null) return skip('mount is not allowed here');
    try {
      const [peer] = (await world.peers(1, `${disk}/app.duckdb`)) as [Peer];
      await peer.ask('run', 'CREATE TABLE t AS SELECT 1 AS one');
      const error = await peer.refusal('run', 'CREATE TABLE big AS SELECT random() AS r FROM range(3000000)');
      expect(error).toMatchObject({ code: 'DISK_FULL' });
      const again = await peer.ask('query', 'SELECT one FROM t').catch(async () => {
        const next = await world.peer();
        await next.ask('open', `${disk}/app.duckdb`);
        return next.ask('query', 'SELECT one FROM t');
      });
      expect(again).toEqual([{ one: 1 }]);
    } finally {
      await world.endChildren();
      execFileSync('umount', [disk]);
    }
  });
});

describe('a checkpoint that fails for want of room', () => {
  it.runIf(isRoot)('makes the owner leave, and no write is lied about or done twice', async ({ skip }) => {
    const world = new World();
    const disk = smallDisk(world);
    if (disk === null) return skip('mount is not allowed here');
    try {
      const options = { config: { checkpoint_threshold: '16KB' }, timeout: 4_000 };
      const [owner, reader] = (await world.peers(2, `${disk}/app.duckdb`, options)) as [Peer, Peer];
      await owner.ask('run', 'CREATE TABLE t (n INTEGER, filler VARCHAR)');
      const told: number[] = [];
      for (let n = 0; n < 20; n++) {
        const filler = 'x'.repeat(n % 2 === 0 ? 10 : 60_000);
        const sql = `INSERT INTO t SELECT ${n}, md5(random()::VARCHAR) || $1`;
        const answer = await reader.ask('run', sql, [filler]).catch(({ code }) => code);
        if (typeof answer === 'object') told.push(n);
        else expect(['DISK_FULL', 'TIMEOUT', 'OWNER_LOST']).toContain(answer);
      }
      await world.endChildren();
      execFileSync('mount', ['-o', 'remount,size=64m', disk]);
      const [later] = (await world.peers(1, `${disk}/app.duckdb`)) as [Peer];
      const rows: { n: number }[] = await later.ask('query', 'SELECT n FROM t ORDER BY n');
      const there = rows.map(({ n }) => n);
      expect(new Set(there).size).toBe(there.length);
      expect(there).toEqual(expect.arrayContaining(told));
    } finally {
      await world.endChildren();
      execFileSync('umount', [disk]);
    }
  });
});

describe('a read-only handle on a file that could be written', () => {
  it('may not write, whoever owns the file, and reads what others write', async () => {
    const world = new World();
    const file = world.path('app.duckdb');
    const [writer] = (await world.peers(1, file)) as [Peer];
    await writer.ask('run', 'CREATE TABLE t AS SELECT 1 AS one');
    const [reader] = (await world.peers(1, file, { readOnly: true })) as [Peer];
    expect(await reader.refusal('run', 'INSERT INTO t VALUES (2)')).toMatchObject({ code: 'READ_ONLY' });
    expect(await reader.refusal('query', 'COMMIT; INSERT INTO t VALUES (2)')).toMatchObject({
      code: 'READ_ONLY',
    });
    await writer.ask('run', 'INSERT INTO t VALUES (3)');
    expect(await reader.ask('query', 'SELECT count(*)::INTEGER AS n FROM t')).toEqual([{ n: 2 }]);
    await writer.kill();
    expect(await reader.refusal('run', 'INSERT INTO t VALUES (2)')).toMatchObject({ code: 'READ_ONLY' });
    expect((await reader.ask('state')).role).toBe('owner');
  });
});
