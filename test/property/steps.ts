import fc from 'fast-check';
import { expect } from 'vitest';
import { PondError } from '../../src/errors.ts';
import type { Model } from './model.ts';
import { LOSSES, type Real, turns } from './real.ts';

type Step = fc.AsyncCommand<Model, Real>;

const step = (name: string, check: (model: Readonly<Model>) => boolean, run: Step['run']): Step => ({
  check,
  run,
  toString: () => name,
});
const always = (): boolean => true;
const outside = ({ open }: Readonly<Model>): boolean => open === null;
const inside = ({ open }: Readonly<Model>): boolean => open !== null;

const loss = fc.constantFrom(...LOSSES);
/** In turns of the loop; a call here takes some 5 to 40. */
const moment = fc.integer({ min: 0, max: 40 });
const NOT_COMMITTED = { code: 'OWNER_LOST', data: { outcome: 'not-committed' } };
const insert = (n: number): string => `INSERT INTO t VALUES (${n})`;

/** A statement of a transaction that went is refused; any other must succeed. */
async function told(model: Model, call: () => Promise<unknown>): Promise<boolean> {
  if (!model.open?.lost) {
    await call();
    return false;
  }
  await expect(call()).rejects.toMatchObject(NOT_COMMITTED);
  model.open.told = true;
  return true;
}

const CALLS: readonly fc.Arbitrary<Step>[] = [
  fc.constant(
    step('insert', always, async (model, real) => {
      const n = model.next();
      if (await told(model, () => real.run(insert(n)))) return;
      if (model.open) model.open.rows.push(n);
      else model.rows.add(n);
    }),
  ),
  fc.constant(
    step('read', always, async (model, real) => {
      let rows: number[] = [];
      if (await told(model, async () => (rows = await real.rows()))) return;
      model.check(rows);
    }),
  ),
  fc.constant(
    step('status', always, async (_, real) => {
      await real.router.call('status', {});
    }),
  ),
  fc.constant(
    step('stream', always, async (_, real) => {
      for await (const rows of real.statements.stream('SELECT 7 AS n')) expect(rows).toEqual([{ n: 7 }]);
    }),
  ),
  fc.constant(
    step(
      'begin',
      ({ open }) => open === null || open.lost,
      async (model, real) => {
        // Begun again by a caller that knows.
        if (model.open?.told) model.open = null;
        if (await told(model, () => real.run('BEGIN'))) return;
        model.begin();
      },
    ),
  ),
  fc.constant(
    step('ROLLBACK', inside, async (model, real) => {
      await real.run('ROLLBACK');
      model.open = null;
    }),
  ),
  fc.constant(
    step('COMMIT', inside, async (model, real) => {
      const { rows = [] } = model.open ?? {};
      if (!(await told(model, () => real.run('COMMIT')))) for (const n of rows) model.rows.add(n);
      model.open = null;
    }),
  ),
  loss.map((how) =>
    step(how, always, async (model, real) => {
      await real.lose(how);
      model.lose();
    }),
  ),
];

const LOST_UNDER: readonly fc.Arbitrary<Step>[] = [
  fc.tuple(fc.integer({ min: 1, max: 5 }), loss, moment).map(([count, how, when]) =>
    step(`${how} under ${count} inserts at ${when}`, outside, async (model, real) => {
      const values = Array.from({ length: count }, () => model.next());
      const all = Promise.all(values.map((n) => real.run(insert(n))));
      await turns(when);
      await real.lose(how);
      expect((await all).map(({ rowsChanged }) => rowsChanged)).toEqual(values.map(() => 1));
      for (const n of values) model.rows.add(n);
    }),
  ),
  fc
    .tuple(fc.constantFrom('COMMIT', 'INSERT INTO t VALUES (?); COMMIT'), loss, moment)
    .map(([end, how, when]) =>
      step(`${how} under ${end} at ${when}`, outside, async (model, real) => {
        const [a, b] = [model.next(), model.next()];
        await real.run('BEGIN');
        await real.run(insert(a));
        const ends = model.ended(end === 'COMMIT' ? [a] : [a, b], real.run(end.replace('?', `${b}`)));
        await turns(when);
        await real.lose(how);
        const error = await ends;
        if (error instanceof PondError) expect(error).toMatchObject({ code: 'OWNER_LOST' });
        // A text that has an end in it is not the end that the handle waits for, should it fail.
        await real.run('ROLLBACK').catch(() => undefined);
      }),
    ),
  // The texts end the transaction and go on behind its end.
  fc.tuple(fc.constantFrom('ROLLBACK', 'ABORT', 'COMMIT', 'END'), loss, moment).map(([end, how, when]) =>
    step(`${how} under ${end} and an insert at ${when}`, outside, async (model, real) => {
      const [a, b] = [model.next(), model.next()];
      await real.run('BEGIN');
      await real.run(insert(a));
      const isCommit = end === 'COMMIT' || end === 'END';
      const ends = real.run(`${end}; ${insert(b)}`).then(
        () => [b, ...(isCommit ? [a] : [])].forEach((n) => void model.rows.add(n)),
        (error: unknown) => model.failed(isCommit ? [a, b] : [b], error),
      );
      await turns(when);
      await real.lose(how);
      await ends;
      await real.run('ROLLBACK').catch(() => undefined);
    }),
  ),
  // Everything is on its way before the first answer.
  fc.tuple(loss, moment).map(([how, when]) =>
    step(`${how} under a transaction in a row at ${when}`, outside, async (model, real) => {
      const [a, b, c] = [model.next(), model.next(), model.next()];
      const texts = ['BEGIN', insert(a), insert(b), 'COMMIT', insert(c)];
      const ends = Promise.allSettled(
        texts.map((sql, i) => real.run(sql, i % 2 === 0 ? {} : { timeout: 60_000 })),
      );
      await turns(when);
      await real.lose(how);
      const [, first, second, commit, last] = await ends;
      const failure = [first, second, commit].find((end) => end?.status === 'rejected');
      if (failure?.status !== 'rejected') for (const n of [a, b]) model.rows.add(n);
      else if (commit?.status === 'rejected') model.failed([a, b], commit.reason);
      // It was committed, and the answers to what it holds were lost.
      else if ((failure.reason as PondError).data?.outcome === 'unknown')
        for (const n of [a, b]) model.rows.add(n);
      if (last?.status === 'rejected') model.failed([c], last.reason);
      else model.rows.add(c);
      await real.run('ROLLBACK').catch(() => undefined);
    }),
  ),
  fc.tuple(fc.constantFrom(1, 3000), loss, moment).map(([count, how, when]) =>
    step(`${how} under a stream that inserts ${count} at ${when}`, outside, async (model, real) => {
      const rows = Array.from({ length: count }, () => model.next());
      const sql = `INSERT INTO t SELECT unnest(range(${rows[0]}, ${rows[0]} + ${count})) RETURNING n`;
      const ends = model.ended(rows, drain(real, sql));
      await turns(when);
      await real.lose(how);
      await ends;
    }),
  ),
];

const GIVEN_UP: readonly fc.Arbitrary<Step>[] = [
  fc.tuple(fc.constantFrom('insert', 'stream', 'text'), moment).map(([what, when]) =>
    step(`an ${what} that is aborted at ${when}`, outside, async (model, real) => {
      const rows = what === 'text' ? [model.next(), model.next()] : [model.next()];
      const stop = new AbortController();
      const call =
        what === 'stream'
          ? drain(real, `${insert(rows[0] ?? 0)} RETURNING n`, stop.signal)
          : real.run(rows.map(insert).join('; '), { signal: stop.signal });
      const ends = model.ended(rows, call);
      await turns(when);
      stop.abort();
      await ends;
    }),
  ),
  fc.tuple(loss, moment, moment).map(([how, lose, abort]) =>
    step(
      `an insert that loses its owner (${how}) at ${lose} and is aborted ${abort} later`,
      outside,
      async (model, real) => {
        const n = model.next();
        const stop = new AbortController();
        const ends = model.ended([n], real.run(insert(n), { signal: stop.signal }));
        await turns(lose);
        const lost = real.lose(how);
        await turns(abort);
        stop.abort();
        await lost;
        await ends;
      },
    ),
  ),
  moment.map((when) =>
    step(`a BEGIN that is aborted at ${when}`, outside, async (model, real) => {
      const stop = new AbortController();
      const begun = real.run('BEGIN', { signal: stop.signal }).then(
        () => true,
        (error: unknown) => {
          model.failed([], error);
          return false;
        },
      );
      await turns(when);
      stop.abort();
      // An insert right behind it is in no transaction that its caller does not believe in.
      if (await begun) model.begin();
      const n = model.next();
      await real.run(insert(n));
      if (model.open) model.open.rows.push(n);
      else model.rows.add(n);
    }),
  ),
  fc.tuple(moment, fc.boolean()).map(([when, isCommit]) =>
    step(
      `a transaction whose ${isCommit ? 'COMMIT' : 'insert'} is aborted at ${when}`,
      outside,
      async (model, real) => {
        const [a, b] = [model.next(), model.next()];
        const stop = new AbortController();
        await real.run('BEGIN');
        await real.run(insert(a));
        const given = real.run(isCommit ? 'COMMIT' : insert(b), { signal: stop.signal });
        const failure = given.then(
          () => null,
          (error: unknown) => error,
        );
        await turns(when);
        stop.abort();
        const error = await failure;
        if (isCommit) {
          if (error) model.failed([a], error);
          else model.rows.add(a);
          await real.run('ROLLBACK').catch(() => undefined);
          return;
        }
        const commit = await real.run('COMMIT').then(
          () => null,
          (reason: unknown) => reason,
        );
        if (commit) return model.failed([a, b], commit);
        // DuckDB rolls back a transaction in which a statement was interrupted, and answers its COMMIT.
        if (error) model.maybe.add(a);
        else model.rows.add(a);
        if (error) model.failed([b], error);
        else model.rows.add(b);
      },
    ),
  ),
];

const TRANSACTIONS: readonly fc.Arbitrary<Step>[] = [
  fc.tuple(fc.option(loss), moment, fc.boolean(), fc.option(moment)).map(([how, lose, catches, abort]) =>
    step(
      `transaction() with ${how ?? 'no loss'} at ${lose}, ${catches ? 'catching' : 'throwing'}, aborted at ${abort}`,
      outside,
      async (model, real) => {
        const rows = [model.next(), model.next()];
        const stop = new AbortController();
        const work = real.transactions.run(
          async (tx) => {
            for (const n of rows) {
              const done = tx.run(insert(n));
              if (catches) await done.catch(() => undefined);
              else await done;
            }
          },
          { signal: stop.signal },
        );
        const ends = model.ended(rows, work);
        await turns(lose);
        if (how) await real.lose(how);
        if (abort !== null) {
          await turns(abort);
          stop.abort();
        }
        const error = await ends;
        if (abort === null && error instanceof PondError)
          expect(error).toMatchObject({ code: 'OWNER_LOST', data: { outcome: 'unknown' } });
      },
    ),
  ),
];

async function drain(real: Real, sql: string, signal?: AbortSignal): Promise<void> {
  for await (const _ of real.statements.stream(sql, undefined, {
    batchSize: 1000,
    ...(signal && { signal }),
  }));
}

export const STEPS: readonly fc.Arbitrary<Step>[] = [...CALLS, ...LOST_UNDER, ...GIVEN_UP, ...TRANSACTIONS];
