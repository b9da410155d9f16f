import { describe, expect, it } from 'vitest';
import { isLightWrite, mayPlanLong, namesFile } from '../../../src/engine/kinds.ts';

describe('a write that cannot be costly', () => {
  it.each([
    'INSERT INTO t VALUES ($1, $2, $3)',
    "insert into s.t (a, b) values (1, 'f(x) -- no call'), (2, $1) returning a",
    'INSERT OR REPLACE INTO "odd name" ("a b") VALUES (?)',
    'UPDATE t SET n = n + 1, s = $1 WHERE id IN (1, 2) AND (a OR b)',
    'DELETE FROM t WHERE at < $1',
  ])('is %s', (text) => expect(isLightWrite(text)).toBe(true));

  it.each([
    'INSERT INTO t SELECT * FROM range(1000000000)',
    'INSERT INTO t VALUES (levenshtein($1, $2))',
    'INSERT INTO t (a) VALUES ((SELECT max(a) FROM heavy_view))',
    'INSERT INTO t FROM heavy_view',
    'INSERT INTO t TABLE heavy_view',
    'UPDATE t SET n = v.n FROM v WHERE t.id = v.id',
    'UPDATE t SET s = repeat (s, 100)',
    'DELETE FROM t USING v WHERE t.id = v.id',
    'DELETE FROM t WHERE "slow fn"(a)',
    'WITH a AS (SELECT 1) INSERT INTO t VALUES (1)',
    'SELECT 1',
  ])('is not %s', (text) => expect(isLightWrite(text)).toBe(false));
});

describe('a text whose planning may be long', () => {
  it.each(['SELECT len(list_sort(range($1)))', "INSERT INTO t SELECT repeat('x', $1)"])(
    'is known: %s',
    (text) => expect(mayPlanLong(text)).toBe(true),
  );

  it.each(['SELECT * FROM range($1)', "SELECT 'range(1)'", 'SELECT count(*) FROM t WHERE a > $1'])(
    'is not one that plans shortly: %s',
    (text) => expect(mayPlanLong(text)).toBe(false),
  );
});

describe('a text that names a file', () => {
  it.each([
    "SELECT * FROM read_csv('x')",
    "INSERT INTO t SELECT * FROM /* a */ 'x.csv'",
    'SELECT * FROM "x.csv"',
    "COPY t FROM 'x'",
    "ATTACH 'x' AS x",
    "SELECT * FROM query('SELECT 1')",
    "SUMMARIZE 'x.parquet'",
  ])('is known: %s', (text) => expect(namesFile(text)).toBe(true));

  it.each([
    "INSERT INTO t VALUES ('from ''x''')",
    'SELECT count(*) FROM t',
    "SELECT 'copy' -- read_csv('x')",
  ])('is not taken for one: %s', (text) => expect(namesFile(text)).toBe(false));
});
