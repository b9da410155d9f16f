import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { open, type Pond } from '../../../src/pond.ts';
import type { Statements } from '../../../src/statements.ts';
import { servedPlace } from '../../contract/served.ts';

async function opened(): Promise<{ db: Pond; other: Pond }> {
  const { place } = await servedPlace();
  const handles = [0, 1].map(() => open(place.database.path, { candidate: 'never' }));
  const [db, other] = (await Promise.all(handles)) as [Pond, Pond];
  onTestFinished(async () => void (await Promise.all([db.close(), other.close()])));
  await db.run('CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (0)');
  return { db, other };
}

const rows = async (db: Pond): Promise<number[]> =>
  (await db.query('SELECT n FROM t ORDER BY n')).map(({ n }) => n);

/** Changes a row that another transaction has just changed. */
const conflict =
  (other: Pond) =>
  async (tx: Statements): Promise<void> => {
    await tx.query('FROM t');
    await other.run('UPDATE t SET n = n + 1');
    await tx.run('UPDATE t SET n = n + 100');
  };

describe('transaction()', () => {
  it('ends at once in an error of its function, which has caught a conflict', async () => {
    const { db, other } = await opened();
    const meet = conflict(other);
    const fn = vi.fn(async (tx: Statements) => {
      await meet(tx).catch(() => undefined);
      throw new Error('its own');
    });
    await expect(db.transaction(fn)).rejects.toThrow('its own');
    expect(fn).toHaveBeenCalledOnce();
    expect(await rows(db)).toEqual([1]);
  });

  it('ends at once in an error that came from elsewhere, whatever its words', async () => {
    const { db, other } = await opened();
    const elsewhere = await other.transaction(conflict(db), { tries: 1 }).catch((error: unknown) => error);
    const fn = vi.fn(async () => Promise.reject(elsewhere));
    await expect(db.transaction(fn)).rejects.toBe(elsewhere);
    expect(fn).toHaveBeenCalledOnce();
  });

  it('is not committed where its function has swallowed a conflict', async () => {
    const { db, other } = await opened();
    const meet = conflict(other);
    const fn = vi.fn(async (tx: Statements) => {
      await meet(tx).catch(() => undefined);
      // What DuckDB answers then is not what the transaction failed of.
      await tx.run('INSERT INTO t VALUES (50)').catch(() => undefined);
    });
    const ended = expect(db.transaction(fn, { tries: 2 })).rejects;
    await ended.toMatchObject({
      code: 'SQL',
      message: expect.stringMatching(/conflict/i),
      data: { outcome: 'not-committed' },
    });
    expect(fn).toHaveBeenCalledTimes(2);
    expect(await rows(db)).toEqual([2]);
  });

  it('is not committed where its function has swallowed the end of a call that it gave up', async () => {
    const { db } = await opened();
    const given = db.transaction(async (tx) => {
      const slow = 'INSERT INTO t SELECT sum(a.range) FROM range(1e7::BIGINT) a, range(1e7::BIGINT) b';
      await tx.run(slow, undefined, { signal: AbortSignal.abort() }).catch(() => undefined);
      await tx.run('INSERT INTO t VALUES (50)');
    });
    await expect(given).rejects.toMatchObject({ code: 'ABORTED', data: { outcome: 'not-committed' } });
    expect(await rows(db)).toEqual([0]);
  });

  it('waits for what its function has not waited for', async () => {
    const { db } = await opened();
    const ran = db.transaction(async (tx) => {
      tx.run('INSERT INTO t VALUES (1)').catch(() => undefined);
      tx.run("INSERT INTO t SELECT 'x'::INTEGER FROM t").catch(() => undefined);
    });
    await expect(ran).rejects.toMatchObject({ data: { kind: 'Conversion', outcome: 'not-committed' } });
    expect(await rows(db)).toEqual([0]);
  });

  it.each(['COMMIT', 'ROLLBACK', 'COMMIT; SELECT 1'])(
    'refuses to go on after a %s of its function',
    async (sql) => {
      const { db } = await opened();
      const fn = vi.fn(async (tx: Statements) => {
        await tx.run('INSERT INTO t VALUES (1)');
        await tx.run(sql);
        await tx.run('INSERT INTO t VALUES (2)').catch(() => undefined);
      });
      await expect(db.transaction(fn)).rejects.toMatchObject({
        code: 'INVALID',
        data: { outcome: 'unknown' },
      });
      expect(fn).toHaveBeenCalledOnce();
      expect(await rows(db)).toEqual(sql === 'ROLLBACK' ? [0] : [0, 1]);
    },
  );

  it('does not run again what its function may have committed', async () => {
    const { db, other } = await opened();
    const meet = conflict(other);
    const fn = vi.fn(async (tx: Statements) => {
      await tx.run('INSERT INTO t VALUES (20); COMMIT; BEGIN');
      await meet(tx);
    });
    await expect(db.transaction(fn)).rejects.toMatchObject({ data: { outcome: 'unknown' } });
    expect(fn).toHaveBeenCalledOnce();
  });

  it('that is aborted before, in and after its statements is not committed', async () => {
    const { db } = await opened();
    for (const when of ['before', 'between', 'in']) {
      const stop = new AbortController();
      if (when === 'before') stop.abort();
      const ran = db.transaction(
        async (tx) => {
          await tx.run('INSERT INTO t VALUES (1)');
          if (when === 'between') stop.abort();
          const long = tx.query(
            'SELECT sum(a.range * b.range % 7) FROM range(10000000) a, range(10000000) b',
          );
          if (when === 'in') await db.status().then(() => stop.abort());
          await long;
        },
        { signal: stop.signal },
      );
      await expect(ran).rejects.toMatchObject({ code: 'ABORTED', data: { outcome: 'not-committed' } });
    }
    expect(await rows(db)).toEqual([0]);
  });

  it('has nothing of what the one before it has set', async () => {
    const { db } = await opened();
    await db.run('CREATE SCHEMA other');
    await db.transaction(async (tx) => {
      await tx.run("SET VARIABLE v = 1; SET search_path = 'other'; PREPARE p AS SELECT 1");
      await tx.run('CREATE TEMP TABLE mine (n INTEGER); CREATE TEMP MACRO seven() AS 7');
      await tx.query('SELECT setseed(0.5)');
    });
    await db.transaction(async (tx) => {
      expect(await tx.query("SELECT getvariable('v') AS v, current_schema() AS s")).toEqual([
        { v: null, s: 'main' },
      ]);
    });
    for (const sql of ['FROM mine', 'EXECUTE p', 'SELECT seven()'])
      await expect(db.transaction((tx) => tx.query(sql))).rejects.toMatchObject({ code: 'SQL' });
  });
});
