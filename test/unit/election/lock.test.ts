import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { isDead } from '../../../src/election/holder.ts';
import { type Identity, ownIdentity, processLiveness } from '../../../src/election/identity.ts';
import { tryLock } from '../../../src/election/lock.ts';
import { breakLock, readHolder } from '../../../src/election/lock-folder.ts';
import { type OwnerRecord, publishRecord, readRecord, withdrawRecord } from '../../../src/election/record.ts';
import { type PondPaths, pondPaths } from '../../../src/paths.ts';

let paths: PondPaths;
beforeEach(() => {
  const dir = mkdtempSync(join(tmpdir(), 'onepond-lock-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  paths = pondPaths(join(dir, 'app.duckdb'));
});

const self = (instance: string): Identity => ownIdentity(instance, `/nowhere/${instance}.sock`);
const take = (instance: string) => tryLock(paths, self(instance), () => undefined);

describe('the lock', () => {
  it('is taken by one, names it, and leaves nothing when it is released', async () => {
    const lock = await take('first');
    expect(await take('second')).toBeNull();
    expect(readHolder(paths.lock)).toMatchObject({ instance: 'first', pid: process.pid });
    await lock?.release();
    expect(readdirSync(paths.home)).toEqual([]);
    expect(readHolder(paths.lock)).toBeNull();
  });

  it('of a dead holder is broken, and of a living one put back', async () => {
    await take('dead');
    breakLock(paths.lock, self('somebody else'), 'breaker');
    expect(readHolder(paths.lock)).toMatchObject({ instance: 'dead' });
    breakLock(paths.lock, self('dead'), 'breaker');
    expect(readHolder(paths.lock)).toBeNull();
    expect(readdirSync(paths.home)).toEqual([]);
  });

  it('that a crash has damaged is broken', async () => {
    mkdirSync(paths.lock, { recursive: true });
    writeFileSync(join(paths.lock, 'holder.json'), '');
    expect(readHolder(paths.lock)).toBe('damaged');
    breakLock(paths.lock, 'damaged', 'breaker');
    expect(await take('next')).not.toBeNull();
  });

  it('that is taken away while it is being taken is not taken, and does not stay when it is put back', async () => {
    const taking = take('robbed');
    breakLock(paths.lock, self('robbed'), 'breaker');
    expect(await taking).toBeNull();
    const again = take('again');
    breakLock(paths.lock, self('somebody else'), 'breaker');
    await (await again)?.release();
    expect(readHolder(paths.lock)).toBeNull();
  });

  it('is not removed by one that has lost it', async () => {
    const robbed = await take('robbed');
    breakLock(paths.lock, self('robbed'), 'breaker');
    await take('next');
    robbed?.releaseNow();
    expect(readHolder(paths.lock)).toMatchObject({ instance: 'next' });
  });
});

describe('a holder', () => {
  const { pid } = spawnSync(process.execPath, ['-e', '0']);
  const gone = { kind: 'gone' } as const;

  it.each([
    ['alive', {}],
    ['dead', { pid }],
    ['dead', { boot: 'another boot' }],
    ['unknown', { host: 'another host' }],
  ])('is %s with %j', (liveness, changes) => {
    expect(processLiveness({ ...self('x'), ...changes })).toBe(liveness);
  });

  it.runIf(process.platform === 'linux')('whose pid another process has by now is dead', () => {
    expect(processLiveness({ ...self('x'), startTime: '1' })).toBe('dead');
  });

  it('that lives is not dead because its socket was cleaned away, and is where its socket refuses', () => {
    expect(isDead(self('x'), gone, paths.lock)).toBe(false);
    expect(isDead(self('x'), { kind: 'refused' }, paths.lock)).toBe(true);
    expect(isDead({ ...self('x'), pid }, gone, paths.lock)).toBe(true);
  });
});

describe('the record', () => {
  it('is read as it was published, and withdrawn by its own instance alone', () => {
    const record = { ...self('x'), epoch: 3 } as OwnerRecord;
    publishRecord(paths, record);
    expect(readRecord(paths)).toEqual(record);
    withdrawRecord(paths, 'another');
    expect(existsSync(paths.record)).toBe(true);
    withdrawRecord(paths, 'x');
    expect(readRecord(paths)).toBeNull();
  });

  it.each(['', 'null', '[]', '{"pid":"7"}', '{"pid":-1,"host":"h","instance":"i","socket":"s"}'])(
    'is no record: %s',
    (text) => {
      mkdirSync(paths.home, { recursive: true });
      writeFileSync(paths.record, text);
      expect(readRecord(paths)).toBeNull();
    },
  );
});
