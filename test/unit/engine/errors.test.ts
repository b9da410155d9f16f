import { describe, expect, it } from 'vitest';
import { caretPosition } from '../../../src/engine/error-text.ts';
import { fromDuckDB, heldBy } from '../../../src/engine/errors.ts';
import { PondError } from '../../../src/errors.ts';

const LOCKED =
  'IO Error: Could not set lock on file "/a.duckdb": Conflicting lock is held in /usr/bin/node (PID 4242). See also';

describe('the holder of a file', () => {
  it.each<[number | null, string]>([
    [4242, LOCKED],
    [0, 'IO Error: Could not set lock on file "/a.duckdb": Resource temporarily unavailable'],
    [null, 'IO Error: Cannot open file "/a.duckdb"'],
  ])('is process %s', (pid, message) => {
    expect(heldBy(new Error(message))).toBe(pid);
  });
});

describe('the position of a caret', () => {
  const shown = (line: number, text: string, column: number): string =>
    `Parser Error: x\n\nLINE ${line}: ${text}\n${' '.repeat(`LINE ${line}: `.length + column)}^`;

  it.each<[number | undefined, string, string]>([
    [7, 'SELECT x', shown(1, 'SELECT x', 7)],
    [11, 'SELECT 1,\n x', shown(2, ' x', 1)],
    [0, 'SELEC', shown(1, 'SELEC', 0)],
    [22, `${'a'.repeat(20)}, bad ${'z'.repeat(20)}`, shown(1, '...aaa, bad zz...', 8)],
    [13, "SELECT '漢字', x", shown(1, "SELECT '漢字', x", 15)],
    [4, 'a,\n\tx', shown(2, '\tx', 0)],
    [undefined, 'SELECT x', 'Parser Error: no caret'],
    [undefined, 'SELECT x', shown(9, 'SELECT x', 7)],
    [undefined, 'SELECT x', shown(1, 'another text', 7)],
  ])('is %s in %j', (position, sql, message) => {
    expect(caretPosition(message, sql)).toBe(position);
  });
});

describe('an error of DuckDB', () => {
  it.each([
    ['SQL', 'Catalog', 'Catalog Error: Table with name x does not exist!'],
    ['SQL', 'Transaction', 'TransactionContext Error: Failed to commit: x'],
    ['SQL', 'Out of Range', 'Failure running pending result task: Out of Range Error: x'],
    ['ABORTED', 'INTERRUPT', 'INTERRUPT Error: Interrupted!'],
    ['READ_ONLY', 'Invalid Input', 'Invalid Input Error: the transaction is launched in read-only mode'],
    ['DISK_FULL', 'IO', 'IO Error: Could not write file "/a": No space left on device'],
    ['PERMISSION', 'IO', 'IO Error: Cannot open file "/a": Permission denied'],
    ['CORRUPT', 'IO', 'IO Error: The file "/a" exists, but it is not a valid DuckDB database file!'],
    ['CORRUPT', 'INTERNAL', 'INTERNAL Error: Failure while replaying WAL file "/a.wal": x'],
    ['INVALID', 'Unknown', 'Error in native callback'],
  ])('becomes %s of kind %s', (code, kind, message) => {
    expect(fromDuckDB(new Error(message))).toMatchObject({ code, data: { kind } });
  });

  it.each([
    "Conversion Error: Could not convert string 'Permission denied' to INT32",
    'Invalid Input Error: Could not parse string "No space left on device" according to format specifier "%Y"',
    "Constraint Error: CHECK constraint failed: 'not a valid DuckDB database file'",
  ])('is not known by words that it quotes: %s', (message) => {
    expect(fromDuckDB(new Error(message)).code).toBe('SQL');
  });

  it('keeps its first line as the message, and the suggestion as the hint', () => {
    const message = 'Catalog Error: no x!\nDid you mean "y"?\n\nLINE 1: FROM x\n             ^';
    const error = fromDuckDB(new Error(message), 'FROM x');
    const position = 5;
    expect(error).toMatchObject({
      message: 'Catalog Error: no x!',
      hint: 'Did you mean "y"?',
      data: { position },
    });
  });

  it('is left alone where it has a code already', () => {
    const error = new PondError('CLOSED', 'x');
    expect(fromDuckDB(error)).toBe(error);
    const full = Object.assign(new Error('no room'), { code: 'ENOSPC' });
    expect(fromDuckDB(full)).toMatchObject({ code: 'DISK_FULL' });
  });
});
