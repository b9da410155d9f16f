import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cellWidth, cutTo } from '../../../src/cli/cell-width.ts';
import { drawTable } from '../../../src/cli/draw-table.ts';
import { RowWindow, type TextRow } from '../../../src/cli/row-window.ts';
import { visible, visibleInJson } from '../../../src/cli/visible.ts';

function draw(
  names: string[],
  rows: TextRow[],
  { room = Infinity, types = names.map(() => 'VARCHAR') } = {},
) {
  const window = new RowWindow();
  window.add(rows);
  return drawTable(names, types, window, { room, color: false });
}

const lines = (table: string): string[] => table.split('\n').slice(0, -1);

describe('a table', () => {
  it('has numbers on the right, NULL and an empty string apart, and each type', () => {
    expect(
      draw(
        ['n', 's'],
        [
          ['1', ''],
          ['200', null],
        ],
        { types: ['BIGINT', 'VARCHAR'] },
      ),
    ).toBe(
      [
        '┌────────┬─────────┐',
        '│      n │ s       │',
        '│ BIGINT │ VARCHAR │',
        '├────────┼─────────┤',
        '│      1 │         │',
        '│    200 │ NULL    │',
        '└────────┴─────────┘\n',
      ].join('\n'),
    );
  });

  it('dims NULL where there are colours, so that it is not the text NULL', () => {
    const window = new RowWindow();
    window.add([[null, 'NULL']]);
    const row = lines(drawTable(['a', 'b'], undefined, window, { room: Infinity, color: true }))[3];
    expect(row).toBe('│ \u001b[2mNULL\u001b[22m │ NULL │');
  });

  it('has the first and the last 20 rows of a long result, and counts all', () => {
    const window = new RowWindow();
    for (let from = 0; from < 1_000; from += 7)
      window.add(Array.from({ length: Math.min(7, 1_000 - from) }, (_, i) => [String(from + i)]));
    const shown = lines(drawTable(['i'], ['INTEGER'], window, { room: 80, color: false })).slice(4, -2);
    const cells = shown.map((line) => line.replace(/[│ ]/g, ''));
    const range = (from: number) => Array.from({ length: 20 }, (_, i) => String(from + i));
    expect(cells).toEqual([...range(0), '·', ...range(980)]);
    expect(window).toMatchObject({ total: 1_000, shown: 40 });
  });

  it.each([0, 1, 20, 21, 39, 40])('leaves nothing out of %i rows', (count) => {
    const table = draw(
      ['i'],
      Array.from({ length: count }, (_, i) => [String(i)]),
    );
    expect(table).not.toContain('·');
    expect(table).not.toContain('shown');
    for (let i = 0; i < count; i++) expect(table).toMatch(new RegExp(`^│ ${i} +│$`, 'm'));
  });

  it('cuts the widest cells first to fit a terminal', () => {
    const table = draw(['a', 'b'], [['short', 'x'.repeat(100)]], { room: 40 });
    expect(table).toContain('│ short   │');
    expect(table).toContain('x…');
    expect(Math.max(...lines(table).map(cellWidth))).toBe(40);
  });

  it('leaves out columns from the middle, and counts all', () => {
    const names = Array.from({ length: 30 }, (_, i) => `column${i}`);
    const table = draw(names, [names.map((name) => name)], { room: 60 });
    expect(table).toContain('column0');
    expect(table).toContain('column29');
    expect(table).toMatch(/^│ c.* │ … │ .*column29 │$/m);
    expect(table).toMatch(/^1 row, 30 columns \(\d shown\)$/m);
  });

  const cell = fc.option(fc.string({ unit: 'grapheme', maxLength: 30 }), { nil: null });
  it('is as wide in every line as in the others, and no wider than the terminal', () => {
    const tables = fc
      .integer({ min: 1, max: 6 })
      .chain((width) =>
        fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 5 }),
      );
    fc.assert(
      fc.property(tables, fc.integer({ min: 20, max: 120 }), (rows, room) => {
        const names = (rows[0] ?? []).map((_, i) => `c${i}`);
        const framed = lines(draw(names, rows, { room })).filter((line) => /^[┌│├└]/.test(line));
        const [first = 0, ...others] = framed.map(cellWidth);
        expect(first).toBeLessThanOrEqual(room);
        expect(others.every((width) => width === first)).toBe(true);
      }),
    );
  });

  it('shows what a terminal would obey, and sends it none of it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (name, text) => {
        expect(draw([name], [[text]]).replaceAll('\n', '')).not.toMatch(
          /[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]/u,
        );
      }),
    );
    expect(visible('a\n\t\u001b[31m\u009b\u202eb')).toBe('a\\n\\t\\x1b[31m\\x9b\\u202eb');
    expect(JSON.parse(visibleInJson(JSON.stringify('\u007f\u009b\u202e')))).toBe('\u007f\u009b\u202e');
  });
});

describe('the width of a cell', () => {
  it.each([
    ['abc', 3],
    ['中文', 4],
    ['한', 2],
    ['é', 1],
    ['e\u0301', 1],
    ['😀', 2],
    ['👩‍👩‍👧', 2],
    ['🫠', 2],
    ['🇩🇪', 2],
    ['', 0],
  ])('of %j is %i', (text, width) => expect(cellWidth(text)).toBe(width));

  it('is kept to, however a text is cut', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 20 }), (given, width) => {
        const text = visible(given);
        const cut = cutTo(text, width);
        expect(cellWidth(cut)).toBeLessThanOrEqual(width);
        expect(cut === text).toBe(cellWidth(text) <= width);
      }),
    );
  });
});
