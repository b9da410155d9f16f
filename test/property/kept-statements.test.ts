import fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import type { SqlSession } from '../../src/engine/sql-session.ts';
import { encode } from '../../src/values.ts';
import { openPlace, type Place } from '../contract/place.ts';

const SETUP = `CREATE SCHEMA other; CREATE SEQUENCE s; CREATE TYPE mood AS ENUM ('a', 'b');
  CREATE TABLE t AS SELECT 1 AS a; CREATE TABLE other.t AS SELECT 2 AS a; CREATE INDEX i ON t (a);
  CREATE VIEW v AS SELECT 1 AS a; CREATE MACRO m(x) AS x + 1; CREATE MACRO r() AS TABLE SELECT 1 AS a;
  CREATE VIEW through AS SELECT m(1) AS a`;

/** Asked by one session, over and over. Each has a parameter, so that it is kept. */
const QUESTIONS: readonly string[] = [
  'SELECT m(?::INT) AS a',
  'SELECT a, ?::INT AS b FROM v',
  'SELECT a, ?::INT AS b FROM t',
  'SELECT a, ?::INT AS b FROM r()',
  'SELECT a, ?::INT AS b FROM through',
  'SELECT enum_range(NULL::mood)::VARCHAR AS a, ?::INT AS b',
  'SELECT a, ?::INT AS b FROM x.t',
  'SELECT 7 / 2 AS a, ?::INT AS b',
  "SELECT a, ?::INT AS b FROM query_table('v')",
];

/** Done by another session, perhaps in a transaction. */
const CHANGES: readonly string[] = [
  'CREATE OR REPLACE MACRO m(x) AS x + 10',
  'CREATE OR REPLACE MACRO m(x) AS x + 100',
  'DROP MACRO m',
  'CREATE OR REPLACE MACRO r() AS TABLE SELECT 2 AS a',
  'CREATE OR REPLACE VIEW v AS SELECT 2 AS a',
  "CREATE OR REPLACE VIEW v AS SELECT 'three' AS a",
  'DROP VIEW IF EXISTS v',
  'ALTER VIEW v RENAME TO gone',
  'CREATE OR REPLACE VIEW through AS SELECT m(2) AS a',
  "CREATE OR REPLACE TYPE mood AS ENUM ('c')",
  'CREATE OR REPLACE TABLE t AS SELECT 5 AS a',
  'ALTER TABLE t ALTER a TYPE VARCHAR',
  'DROP INDEX IF EXISTS i',
  'CREATE OR REPLACE SEQUENCE s START 5',
  "ATTACH ':memory:' AS x; CREATE TABLE x.t AS SELECT 3 AS a",
  'DETACH x',
  'SET GLOBAL integer_division = true',
  'RESET GLOBAL integer_division',
  'EXPLAIN ANALYZE CREATE OR REPLACE MACRO m(x) AS x + 1000',
  'PREPARE p AS SELECT 1; DEALLOCATE p',
  'SELECT * FROM missing',
];

/** Done by the session that asks, for itself. */
const SETTINGS: readonly string[] = [
  'USE other',
  'USE main',
  "SET search_path = 'other'",
  'RESET search_path',
  'CREATE OR REPLACE TEMP VIEW v AS SELECT 8 AS a',
  'DROP VIEW IF EXISTS temp.v',
  'CREATE OR REPLACE TEMP TABLE t AS SELECT 9 AS a',
  'CREATE OR REPLACE TEMP MACRO m(x) AS x + 7',
  'SET integer_division = true',
  'RESET integer_division',
];

interface Step {
  readonly by: 'question' | 'changer' | 'asker';
  readonly sql: string;
}

const ENDS = ['BEGIN', 'COMMIT', 'ROLLBACK'];

const pick = (from: readonly string[], maxLength: number): fc.Arbitrary<string[]> =>
  fc.uniqueArray(fc.constantFrom(...from), { minLength: 1, maxLength });

const step = (by: Step['by'], texts: readonly string[]): fc.Arbitrary<Step> =>
  fc.record({ by: fc.constant(by), sql: fc.constantFrom(...texts) });

/** Few texts in each sequence, so that they meet. */
const steps = fc
  .tuple(pick(QUESTIONS, 2), pick(CHANGES, 3), pick(SETTINGS, 2))
  .chain(([questions, changes, settings]) =>
    fc.array(
      fc.oneof(
        { weight: 4, arbitrary: step('question', questions) },
        { weight: 2, arbitrary: step('changer', changes) },
        { weight: 2, arbitrary: step('changer', ENDS) },
        { weight: 1, arbitrary: step('asker', settings) },
        { weight: 1, arbitrary: step('asker', ENDS) },
      ),
      { minLength: 10, maxLength: 40 },
    ),
  );

const changes = (sql: string): Step => ({ by: 'changer', sql });
const asks = (sql: string): Step => ({ by: 'asker', sql });
const questions: readonly Step[] = QUESTIONS.map((sql) => ({ by: 'question', sql }));

/** By chance a sequence rarely asks on both sides of an end. */
const EXAMPLES: [Step[]][] = CHANGES.flatMap((sql) => [
  ...['COMMIT', 'ROLLBACK'].map((end): [Step[]] => [
    [...questions, changes('BEGIN'), changes(sql), ...questions, changes(end), ...questions],
  ]),
  // In its transaction the session that asks sees what was there when that began.
  [[asks('BEGIN'), ...questions, changes(sql), ...questions, asks('COMMIT'), ...questions]],
]);

const signal = new AbortController().signal;

async function openSession({ database }: Place, client?: string): Promise<SqlSession> {
  const session = await database.openSession({ readOnly: false, client, announce: async () => undefined });
  onTestFinished(() => session.close());
  return session;
}

const ask = (session: SqlSession, sql: string): Promise<unknown> =>
  session.query({ sql, params: encode([1]) as unknown[] }, signal).then(
    ({ rows }) => rows,
    (error: Error) => error.message,
  );

const run = (session: SqlSession, sql: string): Promise<boolean> =>
  session.run({ sql }, signal).then(
    () => true,
    () => false,
  );

it('a kept statement answers as one that is prepared now, whatever others define, in transactions or not', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (sequence) => {
      const place = await openPlace();
      const [changer, asker] = [await openSession(place), await openSession(place)];
      await run(changer, SETUP);
      // What the asking session has set for itself, for the one that answers beside it.
      const own: string[] = [];
      for (const { by, sql } of sequence) {
        if (by === 'changer') await run(changer, sql);
        else if (by === 'asker') {
          // A ROLLBACK takes some of them back, and not the others.
          if (asker.inTransaction && !ENDS.includes(sql)) continue;
          const isDone = await run(asker, sql);
          if (isDone && !ENDS.includes(sql)) own.push(sql);
        } else {
          const answer = await ask(asker, sql);
          // In a transaction it has a snapshot of its own; what it prepared there must not outlive it.
          if (asker.inTransaction) continue;
          const fresh = await openSession(place);
          for (const setting of own) await run(fresh, setting);
          expect({ sql, answer }).toEqual({ sql, answer: await ask(fresh, sql) });
          await fresh.close();
        }
      }
      await Promise.all([changer.close(), asker.close()]);
    }),
    {
      numRuns: EXAMPLES.length + 60,
      examples: EXAMPLES,
    },
  );
});

it('a definition that comes with a COMMIT under way is never missed once the COMMIT is seen', async () => {
  const place = await openPlace();
  const [changer, asker] = [await openSession(place), await openSession(place)];
  await run(changer, 'CREATE TABLE t AS SELECT 0 AS a; CREATE MACRO m(x) AS x');
  const sql = 'SELECT a, m(?::INT) - 1 AS m FROM t';
  for (let n = 1; n <= 30; n++) {
    let isDone = false;
    const change = run(
      changer,
      `BEGIN; CREATE OR REPLACE MACRO m(x) AS x + ${n}; UPDATE t SET a = ${n}; COMMIT`,
    ).then(() => {
      isDone = true;
    });
    while (!isDone) {
      const [row] = (await ask(asker, sql)) as [[number, number]];
      expect(row[1]).toBe(row[0]);
    }
    await change;
  }
});
