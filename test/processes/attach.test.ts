import { copyFileSync, existsSync, linkSync, readFileSync, renameSync, statSync, symlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { kernelLockHolder } from '../../src/election/kernel-lock.ts';
import { HANDLES, ownerFirst, type Peer, until, World } from '../support/world.ts';

interface Scene {
  readonly world: World;
  readonly one: Peer;
  readonly a: string;
  readonly b: string;
}

async function scene(): Promise<Scene> {
  const world = new World();
  const one = await world.peer({ program: HANDLES });
  return { world, one, a: world.path('a.duckdb'), b: world.path('b.duckdb') };
}

/** A short wait for a file whose holder is found at once. */
const SHORT = { timeout: 500 };
/** For an owner that is elected first, and then asked to attach what is held. */
const ELECTED = { timeout: 10_000 };

const reached = (pid: number) => ({ code: 'OWNER_UNREACHABLE', data: { pid } });

/** Every write of `writer` is there when all is closed, and the kernel's lock stood throughout. */
async function writesAreKept(
  { one, b }: Scene,
  writer: string,
  table: string,
  close: () => Promise<unknown>,
) {
  await one.ask('run', writer, `CREATE TABLE IF NOT EXISTS ${table} (n INT)`);
  for (let n = 0; n < 10; n++) {
    await one.ask('run', writer, `INSERT INTO ${table} VALUES (${n})`);
    expect(kernelLockHolder(b)).toBe(one.pid);
  }
  await close();
  await one.ask('open', 'after', b);
  expect(await one.ask('query', 'after', 'SELECT count(*)::INTEGER AS n FROM t')).toEqual([{ n: 10 }]);
}

describe('a file that has an owner', () => {
  it.each<[string, (scene: Scene, opened: string) => Promise<unknown>]>([
    ['by open()', ({ one, a }, b) => one.refusal('open', 'A', a, { attach: { b }, ...ELECTED })],
    [
      'by SQL',
      async ({ one, a }, b) => {
        await one.ask('open', 'A', a);
        return one.refusal('run', 'A', `ATTACH '${b}' AS b`);
      },
    ],
    [
      'read-only by SQL',
      async ({ one, a }, b) => {
        await one.ask('open', 'A', a);
        return one.refusal('run', 'A', `ATTACH '${b}' AS b (READ_ONLY)`);
      },
    ],
  ])('is attached by no other owner of its process, %s, nor by a link', async (_how, attach) => {
    const here = await scene();
    const { one, b, world } = here;
    await one.ask('open', 'B', b);
    symlinkSync(b, world.path('soft.duckdb'));
    expect(await attach(here, b)).toMatchObject(reached(one.pid));
    expect(await attach(here, world.path('soft.duckdb'))).toMatchObject(reached(one.pid));
    linkSync(b, world.path('hard.duckdb'));
    expect(await attach(here, world.path('hard.duckdb'))).toMatchObject(reached(one.pid));
    expect(kernelLockHolder(b)).toBe(one.pid);
    await writesAreKept(here, 'B', 't', () => one.ask('close', 'B'));
  });

  it('is attached by no other thread of its process, and no other process', async () => {
    const here = await scene();
    const { one, a, b, world } = here;
    await one.ask('inThread', 'x', 'open', 'B', b);
    expect(await one.refusal('open', 'A', a, { attach: { b }, ...ELECTED })).toMatchObject({
      ...reached(one.pid),
      hint: expect.stringContaining(b),
    });
    const other = await world.peer();
    await other.ask('open', a);
    expect(await other.refusal('run', `ATTACH '${b}' AS b`)).toMatchObject(reached(one.pid));
    expect(kernelLockHolder(b)).toBe(one.pid);
  });

  it('may be attached once its owner has left', async () => {
    const { one, a, b } = await scene();
    await one.ask('open', 'B', b);
    await one.ask('run', 'B', 'CREATE TABLE t AS SELECT 1 AS n');
    const opened = one.ask('open', 'A', a, { attach: { b } });
    await one.ask('close', 'B');
    await opened;
    expect(await one.ask('query', 'A', 'SELECT n FROM b.t')).toEqual([{ n: 1 }]);
  });
});

describe('an attached file', () => {
  it.each<[string, (scene: Scene) => Promise<unknown>]>([
    ['by open()', ({ one, a, b }) => one.ask('open', 'A', a, { attach: { b } })],
    [
      'by SQL',
      async ({ one, a, b }) => {
        await one.ask('open', 'A', a);
        await one.ask('run', 'A', `ATTACH '${b}' AS b`);
      },
    ],
  ])(
    '%s is opened by nobody else: a handle, a thread, a process, another owner, by any link',
    async (_how, attach) => {
      const here = await scene();
      const { one, b, world } = here;
      await attach(here);
      expect(existsSync(`${b}.onepond/lock/holder.json`)).toBe(true);
      const held = { ...reached(one.pid), hint: expect.stringContaining('DETACH') };
      expect(await one.refusal('open', 'B', b, SHORT)).toMatchObject(held);
      expect(await one.refusal('inThread', 'x', 'open', 'B', b, SHORT)).toMatchObject(held);
      const other = await world.peer();
      expect(await other.refusal('open', b, SHORT)).toMatchObject(held);
      expect(
        await other.refusal('open', world.path('c.duckdb'), { attach: { b }, ...ELECTED }),
      ).toMatchObject(held);
      const hard = world.path('hard.duckdb');
      linkSync(b, hard);
      expect(await one.refusal('open', 'H', hard, SHORT)).toMatchObject(reached(one.pid));
      expect(await one.refusal('inThread', 'x', 'open', 'H', hard, SHORT)).toMatchObject(reached(one.pid));
      await writesAreKept(here, 'A', 'b.t', () => one.ask('close', 'A'));
      expect(existsSync(`${hard}.onepond`)).toBe(false);
    },
  );

  it('is let go of by DETACH, and may be opened, and attached again by those who ask for it', async () => {
    const { one, a, b } = await scene();
    await one.ask('open', 'A', a, { attach: { b } });
    await one.ask('run', 'A', 'CREATE TABLE b.t AS SELECT 1 AS n');
    await one.ask('run', 'A', 'DETACH b');
    expect(existsSync(`${b}.onepond`)).toBe(false);
    expect(kernelLockHolder(b)).toBe(null);
    await one.ask('open', 'B', b);
    await one.ask('run', 'B', 'INSERT INTO t VALUES (2)');
    await one.ask('close', 'B');
    await one.ask('open', 'A2', a, { attach: { b } });
    expect(await one.ask('query', 'A2', 'SELECT n FROM b.t ORDER BY n')).toEqual([{ n: 1 }, { n: 2 }]);
    expect(await one.refusal('open', 'B', b, SHORT)).toMatchObject(reached(one.pid));
  });

  it('is let go of when the transaction that attached it is rolled back, or its session goes', async () => {
    const { one, world, a, b } = await scene();
    await one.ask('open', 'A', a);
    await one.ask('run', 'A', `BEGIN; ATTACH '${b}' AS b`);
    expect(await one.refusal('open', 'B', b, SHORT)).toMatchObject(reached(one.pid));
    await one.ask('run', 'A', 'ROLLBACK');
    expect(existsSync(`${b}.onepond`)).toBe(false);
    const other = await world.peer();
    await other.ask('open', a);
    await other.ask('run', `BEGIN; ATTACH '${b}' AS b`);
    await other.kill();
    await until(() => !existsSync(`${b}.onepond`));
    await one.ask('open', 'B', b);
  });

  it('is taken over with its database when the owner is killed, and by whoever opens it', async () => {
    const world = new World();
    const [a, b, c] = ['a', 'b', 'c'].map((name) => world.path(`${name}.duckdb`)) as [string, string, string];
    const [owner, reader] = await ownerFirst(await world.peers(2, a, { attach: { b } }));
    await reader.ask('run', 'CREATE TABLE b.t AS SELECT 1 AS n');
    await reader.ask('run', `ATTACH '${c}' AS c`);
    await owner.kill();
    expect(await reader.ask('query', 'SELECT n FROM b.t')).toEqual([{ n: 1 }]);
    expect(kernelLockHolder(b)).toBe(reader.pid);
    // The lock of the dead owner is broken by another that opens the file.
    expect(existsSync(`${c}.onepond/lock`)).toBe(true);
    const other = await world.peer();
    await other.ask('open', c);
    expect(kernelLockHolder(c)).toBe(other.pid);
  });

  it('is watched: where its lock is gone, its owner steps down and every write is there once', async () => {
    const world = new World();
    const [a, b] = [world.path('a.duckdb'), world.path('b.duckdb')];
    const [owner, reader] = await ownerFirst(await world.peers(2, a, { attach: { b } }));
    await reader.ask('run', 'CREATE TABLE b.t (n INT)');
    await owner.ask('openAndClose', b);
    const sent: number[] = [];
    const acknowledged: number[] = [];
    await until(async () => {
      const n = sent.push(sent.length) - 1;
      // No ledger sees a write to an attached file: one under way when the owner leaves is unknown.
      const epoch = await reader.ask('run', `INSERT INTO b.t VALUES (${n})`).then(
        (result) => acknowledged.push(n) && result.epoch,
        ({ code, data }) =>
          expect({ code, data }).toMatchObject({ code: 'OWNER_LOST', data: { outcome: 'unknown' } }),
      );
      return epoch === 2;
    });
    const rows = await reader.ask('query', 'SELECT n FROM b.t ORDER BY n');
    const there: number[] = rows.map(({ n }: { n: number }) => n);
    expect(there.filter((n) => acknowledged.includes(n))).toEqual(acknowledged);
    expect(new Set(there).size).toBe(there.length);
    expect(kernelLockHolder(b)).toBe(kernelLockHolder(a));
  });

  it.each<[string, (b: string) => void]>([
    ['gone', (b) => renameSync(b, `${b}.moved`)],
    [
      'replaced',
      (b) => {
        renameSync(b, `${b}.moved`);
        copyFileSync(`${b}.moved`, b);
      },
    ],
  ])('that is %s is missed, and no other is made or taken in its place', async (how, move) => {
    const world = new World();
    const [a, b] = [world.path('a.duckdb'), world.path('b.duckdb')];
    const [owner, reader] = await ownerFirst(await world.peers(2, a, { attach: { b } }));
    await reader.ask('run', 'CREATE TABLE b.t (n INT)');
    await reader.ask('run', 'CHECKPOINT b');
    move(b);
    const missed = { code: 'NOT_FOUND', message: expect.stringContaining(how) };
    // The first one may have been under way: no ledger sees a write to an attached file.
    await until(async () => (await reader.refusal('run', 'INSERT INTO b.t VALUES (1)')).code === 'NOT_FOUND');
    expect(await reader.refusal('run', 'INSERT INTO b.t VALUES (1)')).toMatchObject(missed);
    expect(await owner.refusal('query', 'SELECT 1')).toMatchObject(missed);
    expect(existsSync(b)).toBe(how === 'replaced');
    // Put back, it is what it was: the handles go on.
    renameSync(`${b}.moved`, b);
    expect(await reader.ask('query', 'SELECT count(*)::INTEGER AS n FROM b.t')).toEqual([{ n: 0 }]);
  });

  it('is attached by two programs in either order: one has it, the other is told, nobody waits for ever', async () => {
    const world = new World();
    const [a, b] = [world.path('a.duckdb'), world.path('b.duckdb')];
    const [one, two] = (await Promise.all([world.peer(), world.peer()])) as [Peer, Peer];
    const ends = await Promise.allSettled([
      one.ask('open', a, { attach: { b }, ...ELECTED }),
      two.ask('open', b, { attach: { a }, ...ELECTED }),
    ]);
    for (const end of ends)
      if (end.status === 'rejected') expect(end.reason).toMatchObject({ code: 'OWNER_UNREACHABLE' });
    expect(ends.some(({ status }) => status === 'rejected')).toBe(true);
  });
});

describe('a file that the process has open without onepond', () => {
  it('is neither owned nor attached, and may be once it is closed', async () => {
    const { one, a, b } = await scene();
    await one.ask('openPlain', 'p', b);
    const here = { ...reached(one.pid), message: expect.stringContaining('in this process') };
    expect(await one.refusal('open', 'B', b, SHORT)).toMatchObject(here);
    expect(await one.refusal('inThread', 'x', 'open', 'B', b, SHORT)).toMatchObject(here);
    await one.ask('open', 'A', a);
    expect(await one.refusal('run', 'A', `ATTACH '${b}' AS b`)).toMatchObject(here);
    expect(await one.refusal('run', 'A', `ATTACH '${b}' AS b (READ_ONLY)`)).toMatchObject(here);
    expect(kernelLockHolder(b)).toBe(one.pid);
    await one.ask('closePlain', 'p');
    await one.ask('open', 'B', b);
  });
});

describe('a file that is attached read-only', () => {
  it('takes no lock, is shared with other owners, and is opened by no owner of its process', async () => {
    const { world, one, a, b } = await scene();
    await one.ask('open', 'B', b);
    await one.ask('run', 'B', 'CREATE TABLE t AS SELECT 1 AS n');
    await one.ask('close', 'B');
    await one.ask('open', 'A', a);
    const other = await world.peer();
    await other.ask('open', world.path('c.duckdb'));
    await one.ask('run', 'A', `ATTACH '${b}' AS b (READ_ONLY)`);
    await other.ask('run', `ATTACH '${b}' AS b (READ_ONLY)`);
    expect(await one.ask('query', 'A', 'SELECT n FROM b.t')).toEqual([{ n: 1 }]);
    expect(await other.ask('query', 'SELECT n FROM b.t')).toEqual([{ n: 1 }]);
    expect(existsSync(`${b}.onepond`)).toBe(false);
    expect(await one.refusal('open', 'B', b, SHORT)).toMatchObject({ code: 'OWNER_UNREACHABLE' });
    expect(readFileSync('/proc/locks', 'utf8')).toContain(`:${statSync(b).ino} `);
  });
});

describe('a file that this process has open', () => {
  it('is read and written as a file by no SQL of a handle, its own or another, and keeps its lock', async () => {
    const { one, a, b, world } = await scene();
    await one.ask('open', 'B', b);
    await one.ask('run', 'B', 'CREATE TABLE t AS SELECT 1 AS n');
    await one.ask('open', 'A', a);
    await one.ask('run', 'A', 'CREATE TABLE t AS SELECT 1 AS n');
    const reader = await world.peer({ program: HANDLES });
    await reader.ask('open', 'R', b, { readOnly: true, candidate: 'never' });
    await reader.ask('open', 'W', a);
    const refused = { code: 'INVALID', hint: expect.stringContaining('COPY FROM DATABASE') };
    for (const file of [a, b]) {
      expect(await one.refusal('query', 'A', `FROM read_blob('${file}')`)).toMatchObject(refused);
      expect(await one.refusal('stream', 'A', `FROM read_text('${file}')`)).toMatchObject(refused);
      expect(await reader.refusal('run', 'W', `COPY t FROM '${file}'`)).toMatchObject(refused);
      expect(await reader.refusal('run', 'W', `COPY t TO '${file}'`)).toMatchObject(refused);
    }
    expect(await reader.refusal('query', 'R', 'FROM read_blob($1)', [b])).toMatchObject(refused);
    expect(await reader.refusal('stream', 'R', 'FROM read_blob($1)', [b])).toMatchObject(refused);
    expect([a, b].map(kernelLockHolder)).toEqual([one.pid, one.pid]);
    expect(await one.ask('role', 'B')).toBe('owner');
    expect(await reader.ask('query', 'R', 'SELECT n FROM t')).toEqual([{ n: 1 }]);
  });
});
