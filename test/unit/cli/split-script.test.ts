import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitScript } from '../../../src/cli/split-script.ts';

const texts = (sql: string): string[] => splitScript(sql).map(({ text }) => text.trim());

describe('a script', () => {
  it.each<[string, string[]]>([
    ['', []],
    [' ;; -- nothing\n ; /* ; */', []],
    ['SELECT 1', ['SELECT 1']],
    ['SELECT 1; SELECT 2;', ['SELECT 1;', 'SELECT 2;']],
    ["SELECT ';', E'\\';', \";\" ; SELECT 2", ["SELECT ';', E'\\';', \";\" ;", 'SELECT 2']],
    ["SELECT '\\'; SELECT 2", ["SELECT '\\';", 'SELECT 2']],
    ['SELECT $$;$$, $a$;$$;$a$; SELECT a$b$c', ['SELECT $$;$$, $a$;$$;$a$;', 'SELECT a$b$c']],
    ['SELECT 1 /* ; /* ; */ ; */; SELECT 2 -- ;', ['SELECT 1 /* ; /* ; */ ; */;', 'SELECT 2 -- ;']],
    ['SELECT\u00a0$$;$$;\u3000SELECT\u20032', ['SELECT\u00a0$$;$$;', 'SELECT\u20032']],
    ['SELECT 1; -- the end', ['SELECT 1;']],
    ["SELECT 'open; SELECT 2", ["SELECT 'open; SELECT 2"]],
  ])('%j has the statements %j', (sql, expected) => expect(texts(sql)).toEqual(expected));

  it('says where each statement and its first token begin', () => {
    const [, second] = splitScript('SELECT 1; /* two */\n SELECT 2');
    expect(second).toMatchObject({ offset: 9, start: 21, words: ['select'] });
  });
});

/** Pieces of SQL in which a semicolon may hide, and separators. */
const LITERALS = [
  "'x'",
  "';'",
  "'a'';'",
  "E'\\';'",
  "e'\\\\'",
  "'\\'",
  '$$;$$',
  '$a$ ; $$ $a$',
  '1',
  '1e5',
  '.5',
  'NULL',
];
const NAMES = ['a', 'a\u2028b', '"a;b"', '"a"";"', 'a$b$c', 'é', '_x'];
// Without Unicode's spaces: an apostrophe in a comment hides those behind it from DuckDB 1.5.6.
const GAPS = [' ', '\n', ' -- ; \n', ' /* ; */ ', ' /* ; /* ; */ ; */ ', '\t', '\f', "\r\n -- ' \n"];
const ENDS = [';', ' ; ', ';;', '; -- ;\n', "; /* ' */ ", '\n;\n'];

const statement = fc
  .tuple(
    fc.constantFrom(...LITERALS),
    fc.constantFrom(...GAPS),
    fc.constantFrom(...NAMES),
    fc.constantFrom(...GAPS),
  )
  .map(([literal, gap, name, after]) => `SELECT${gap}${literal} AS ${name}${after}`);
/** Anything at all between statements and in them. */
const rubbish = fc.constantFrom(
  ...LITERALS,
  ...GAPS,
  ...ENDS,
  "'",
  '"',
  '$',
  '$$',
  '/*',
  '*/',
  '--',
  'E',
  '\\',
  '😀',
  'x',
);
const script = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: fc.tuple(statement, fc.constantFrom(...ENDS)).map((both) => both.join('')) },
      { weight: 1, arbitrary: rubbish },
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(''));

it('has as many statements as DuckDB finds in it, each of them one', async () => {
  const connection = await (await DuckDBInstance.create()).connect();
  const count = (sql: string): Promise<number | null> =>
    connection.extractStatements(sql).then(
      (found) => found.count,
      () => null,
    );
  let several = 0;
  await fc.assert(
    fc.asyncProperty(script, async (sql) => {
      const whole = await count(sql);
      // Refused: there is nothing to compare with.
      if (whole === null) return;
      if (whole > 1) several++;
      const parts = await Promise.all(splitScript(sql).map(({ text }) => count(text)));
      expect(parts.filter((part) => part !== null)).toEqual(Array.from({ length: whole }, () => 1));
    }),
    { numRuns: 2_000 },
  );
  expect(several).toBeGreaterThan(200);
});
