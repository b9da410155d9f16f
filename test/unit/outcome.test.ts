import { describe, expect, it } from 'vitest';
import { PondError } from '../../src/errors.ts';
import * as rule from '../../src/outcome.ts';

const TEXTS: readonly (readonly [text: string, truth: Partial<Record<TextRule, boolean>>])[] = [
  ['INSERT INTO t VALUES (1)', { staysInside: true }],
  ['SELECT weekend, committed, "rollbacks" FROM t', { staysInside: true }],
  ['SELECT CASE WHEN a THEN b END', {}],
  ['ROLLBACK', { isRollback: true, commitsNothing: true }],
  [' /* a */ abort transaction; -- b', { isRollback: true, commitsNothing: true }],
  ['/* a * / */ /**/ rollback work;;', { isRollback: true, commitsNothing: true }],
  ['ROLLBACK; INSERT INTO t VALUES (1)', {}],
  ['COMMIT', { isCommit: true }],
  ['-- a\nend', { isCommit: true }],
  ['COMMIT; BEGIN', { mayReopen: true }],
  ['insert into t values (1);end;start transaction', { mayReopen: true }],
  ["IMPORT DATABASE 'x'", { mayReopen: true }],
  ['EXPLAIN ANALYZE COMMIT', {}],
  ['BEGIN', { beginsTransaction: true, commitsNothing: true, staysInside: true }],
  ['; begin transaction', { beginsTransaction: true, staysInside: true }],
  ['start', { beginsTransaction: true, commitsNothing: true, staysInside: true }],
  ['BEGIN; INSERT INTO t VALUES (1)', { beginsTransaction: true, staysInside: true }],
  ['BEGIN; INSERT INTO t VALUES (1); COMMIT', { beginsTransaction: true }],
  ['beginner', { staysInside: true }],
];
const RULES = {
  staysInside: rule.staysInside,
  mayReopen: rule.mayReopen,
  isRollback: rule.isRollback,
  isCommit: rule.isCommit,
  beginsTransaction: rule.beginsTransaction,
  commitsNothing: rule.commitsNothing,
};
type TextRule = keyof typeof RULES;

describe('what a text can do to a transaction', () => {
  it.each(TEXTS)('is known of %j', (text, truth) => {
    const holds = Object.entries(RULES).filter(([, test]) => test(text));
    const found = Object.fromEntries(holds.map(([name]) => [name, true]));
    expect(found).toEqual(truth);
  });

  it('is found in a time that grows with the text alone', () => {
    const comments = '/* a */ '.repeat(20_000);
    const ends = "SELECT 'end'; ".repeat(20_000);
    const texts = [`${comments}x`, ends, '-- \n'.repeat(20_000)];
    for (const test of Object.values(RULES)) for (const text of texts) test(text);
  });
});

describe('a call that loses its owner', () => {
  const lost = { begun: false, inTransaction: false, mayBeOutside: false, text: 'INSERT INTO t VALUES (1)' };
  it.each<[what: string, known: Partial<rule.Lost>, verdict: string]>([
    ['is sent again', {}, 'before'],
    ['has an unknown outcome once it was announced', { begun: true }, 'unknown'],
    ['has one inside a transaction too', { begun: true, inTransaction: true }, 'unknown'],
    ['went with its transaction', { inTransaction: true }, 'not-committed'],
    ['is looked up where it may end it', { inTransaction: true, text: 'ROLLBACK; INSERT' }, 'in-transaction'],
    [
      'is looked up where another may have ended it',
      { inTransaction: true, mayBeOutside: true },
      'in-transaction',
    ],
  ])('%s', (_, known, verdict) => expect(rule.lost({ ...lost, ...known })).toBe(verdict));
});

describe('a call that was given up, and succeeded all the same', () => {
  it.each<[text: string, inTransaction: boolean, outcome: string]>([
    ['INSERT INTO t VALUES (1)', false, 'committed'],
    ['COMMIT', false, 'committed'],
    ['INSERT INTO t VALUES (1)', true, 'unknown'],
    ['ROLLBACK', false, 'unknown'],
    ['BEGIN; INSERT INTO t VALUES (1); ROLLBACK', false, 'unknown'],
  ])('%s, and inTransaction %s: %s', (text, inTransaction, outcome) =>
    expect(rule.succeeded(text, inTransaction)).toBe(outcome),
  );
});

describe('an open stream that fails', () => {
  it.each<[begun: boolean, text: string, outcome: string]>([
    [false, 'SELECT 1', 'not-committed'],
    [true, 'INSERT INTO t VALUES (1) RETURNING n', 'committed'],
    [true, 'BEGIN; INSERT INTO t VALUES (1) RETURNING n', 'unknown'],
    [true, 'INSERT INTO t VALUES (1); ROLLBACK', 'unknown'],
  ])('announced %s, %s: %s', (begun, text, outcome) => expect(rule.openStream(begun, text)).toBe(outcome));
});

describe('a text that fails in the owner', () => {
  const sql = new PondError('SQL', 'x', { data: { kind: 'Constraint' } });
  const aborted = new PondError('ABORTED', 'x');
  const fatal = new PondError('SQL', 'x', { data: { kind: 'FATAL' } });
  const told = new PondError('OWNER_LOST', 'x', { data: { outcome: 'not-committed' } });
  it.each<[what: string, error: unknown, failure: rule.Failure, outcome: string]>([
    ['before its first statement', sql, { changed: false }, 'not-committed'],
    ['at a read', aborted, { changed: false, kind: 'read' }, 'not-committed'],
    ['at a write', sql, { changed: false, kind: 'write' }, 'not-committed'],
    ['at a write that is interrupted', aborted, { changed: false, kind: 'write' }, 'not-committed'],
    [
      'at one whose commit may be',
      aborted,
      { changed: false, kind: 'write', commitsItself: true },
      'unknown',
    ],
    ['fatally', fatal, { changed: false, kind: 'write' }, 'unknown'],
    ['by a mistake of ours', new Error('x'), { changed: false, kind: 'write' }, 'unknown'],
    ['at its COMMIT', sql, { changed: false, kind: 'transaction' }, 'not-committed'],
    ['at what no transaction takes back', sql, { changed: false, kind: 'outside' }, 'unknown'],
    ['at the fence', told, { changed: false, kind: 'outside' }, 'not-committed'],
    ['after a statement that was done', told, { changed: true, kind: 'read' }, 'unknown'],
  ])('%s', (_, error, failure, outcome) => expect(rule.failed(error, failure)).toBe(outcome));
});
