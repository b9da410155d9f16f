import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { kernelLockHolder } from '../../src/election/kernel-lock.ts';
import { ownerFirst, ownerOf, type Peer, until, World } from '../support/world.ts';

async function ownerAndReader(): Promise<{ world: World; file: string; owner: Peer; reader: Peer }> {
  const world = new World();
  const file = world.path('app.duckdb');
  const [owner, reader] = await ownerFirst(await world.peers(2, file));
  await owner.ask('run', 'CREATE TABLE t AS SELECT 1 AS n');
  return { world, file, owner, reader };
}

const compromised = async (peer: Peer): Promise<boolean> =>
  (await peer.ask('state')).events.some(([name]: [string]) => name === 'compromised');

describe('an owner whose kernel lock is gone', () => {
  it('says so and steps down: every write is done once, by it or by the next', async () => {
    const { file, owner, reader } = await ownerAndReader();
    expect(kernelLockHolder(file)).toBe(owner.pid);
    await owner.ask('openAndClose', file);
    expect(kernelLockHolder(file)).toBe(null);
    let n = 1;
    await until(async () => {
      const { epoch } = await reader.ask('run', `INSERT INTO t VALUES (${++n})`);
      return epoch === 2;
    });
    expect(await compromised(owner)).toBe(true);
    expect(kernelLockHolder(file)).toBe((await ownerOf([owner, reader])).pid);
    const rows = await owner.ask('query', 'SELECT n FROM t ORDER BY n');
    expect(rows).toEqual(Array.from({ length: n }, (_, i) => ({ n: i + 1 })));
  });

  it('that has slept looks before it writes', async () => {
    const { file, owner, reader } = await ownerAndReader();
    await owner.ask('openAndClose', file);
    await owner.kill('SIGSTOP');
    const stopped = performance.now();
    await until(() => performance.now() - stopped > 1_100);
    const answer = reader.ask('run', 'INSERT INTO t VALUES (2)');
    await owner.kill('SIGCONT');
    expect(await answer).toMatchObject({ rowsChanged: 1, epoch: 2 });
  });
});

describe('an owner that finds a later one in the record', () => {
  it('steps down before it writes', async () => {
    const { file, owner, reader } = await ownerAndReader();
    const record = `${file}.onepond/owner.json`;
    const later = {
      ...JSON.parse(readFileSync(record, 'utf8')),
      epoch: 7,
      instance: 'later',
      socket: '/none',
    };
    writeFileSync(record, JSON.stringify(later));
    expect(await reader.ask('run', 'INSERT INTO t VALUES (2)')).toMatchObject({ rowsChanged: 1, epoch: 2 });
    await until(() => compromised(owner));
    expect(await owner.ask('query', 'SELECT n FROM t ORDER BY n')).toEqual([{ n: 1 }, { n: 2 }]);
  });
});

describe('a database file', () => {
  it.each<[string, (file: string) => void]>([
    ['renamed', (file) => renameSync(file, `${file}.moved`)],
    ['deleted', (file) => rmSync(file)],
  ])('that was %s is missed, and not made again', async (_how, remove) => {
    const { file, owner, reader } = await ownerAndReader();
    remove(file);
    for (const peer of [reader, owner])
      expect(await peer.refusal('run', 'INSERT INTO t VALUES (2)')).toMatchObject({
        code: 'NOT_FOUND',
        message: expect.stringContaining('is gone'),
      });
    expect(existsSync(file)).toBe(false);
  });

  it('that was replaced is told from the one that was opened, and left alone', async () => {
    const { world, file, owner, reader } = await ownerAndReader();
    renameSync(file, `${file}.old`);
    writeFileSync(file, 'another');
    expect(await reader.refusal('run', 'INSERT INTO t VALUES (2)')).toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('was replaced'),
    });
    expect(readFileSync(file, 'utf8')).toBe('another');
    await until(async () => (await owner.ask('state')).role !== 'owner');
    // Put back, it is what it was: the handles go on.
    renameSync(`${file}.old`, file);
    expect(statSync(world.path('app.duckdb')).size).toBeGreaterThan(0);
    expect(await reader.ask('query', 'SELECT n FROM t')).toEqual([{ n: 1 }]);
  });
});
