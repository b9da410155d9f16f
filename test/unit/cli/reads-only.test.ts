import { describe, expect, it } from 'vitest';
import { readsOnly } from '../../../src/cli/reads-only.ts';

const READS = [
  'SELECT 1',
  'select 1;\n',
  '-- a note\n/* and\nanother */ FROM t',
  '(SELECT 1) UNION (SELECT 2)',
  'WITH a AS (SELECT 1) SELECT * FROM a',
  'SELECT \'insert; update\' AS "delete", $$ ; merge $$',
  "SELECT E'\\'; insert'",
  'VALUES (1)',
  'EXPLAIN SELECT 1',
  'PIVOT t ON a USING sum(b)',
];

const MAY_WRITE = [
  '',
  'INSERT INTO t VALUES (1)',
  '/* SELECT */ DELETE FROM t',
  'WITH a AS (SELECT 1) INSERT INTO t FROM a',
  'SELECT 1; INSERT INTO t VALUES (1)',
  "SELECT $$ ' $$; INSERT INTO t VALUES ('x')",
  'EXPLAIN ANALYZE INSERT INTO t VALUES (1)',
  "SELECT nextval('s')",
  'COPY t TO STDOUT',
  'PRAGMA version',
  'CALL f()',
];

describe('what only reads', () => {
  it.each(READS)('%j is streamed', (sql) => expect(readsOnly(sql)).toBe(true));
  it.each(MAY_WRITE)('%j is done exactly once', (sql) => expect(readsOnly(sql)).toBe(false));
});
