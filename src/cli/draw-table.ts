import pc from 'picocolors';
import { cellWidth, cutTo, padTo } from './cell-width.ts';
import { fitColumns } from './fit-columns.ts';
import type { RowWindow, TextRow } from './row-window.ts';
import { visible } from './visible.ts';

export interface TableLook {
  /** Cells in a line of the terminal; Infinity for what is no terminal. */
  readonly room: number;
  readonly color: boolean;
}

const NULL = 'NULL';
/** A type such as that of a STRUCT does not widen its column beyond this. */
const TYPE_WIDTH = 16;
const NUMBER = /^(?:U?(?:TINY|SMALL|BIG|HUGE)INT|U?INTEGER|BIGNUM|FLOAT|DOUBLE|DECIMAL)\b(?!.*\[)/;

interface Column {
  readonly head: readonly string[];
  readonly isNumber: boolean;
  /** Null is NULL. */
  readonly cells: readonly (string | null)[];
}

/** A result as a table, with a line below it that counts what is not shown. Empty where there are no columns. */
export function drawTable(
  names: readonly string[],
  types: readonly string[] | undefined,
  rows: RowWindow,
  { room, color }: TableLook,
): string {
  if (names.length === 0) return '';
  const all: readonly TextRow[] = [...rows.first, ...rows.last];
  const columns = names.map((name, at): Column => {
    const type = types?.[at];
    return {
      head: [visible(name), ...(types ? [visible(type ?? '')] : [])],
      isNumber: NUMBER.test(type ?? ''),
      cells: all.map((row) => shownCell(row[at] ?? null, room)),
    };
  });
  const { shown, widths } = fitColumns(columns.map(naturalWidth), room);
  const isCut = shown.length < names.length;
  const drawn = shown.map((at, i) => drawColumn(columns[at] as Column, widths[i] ?? 0, color));
  const hidden = rows.total - rows.shown;
  if (isCut) drawn.splice(Math.ceil(shown.length / 2), 0, dots(types ? 2 : 1, all.length));
  const lines = frame(drawn, types ? 2 : 1, hidden > 0 ? rows.first.length : undefined);
  const counts = [
    ...(hidden > 0 || isCut ? [count(rows.total, rows.shown, 'row')] : []),
    ...(hidden > 0 || isCut ? [count(names.length, shown.length, 'column')] : []),
  ];
  if (counts.length > 0) lines.push(counts.join(', '));
  return `${lines.join('\n')}\n`;
}

/** What a terminal has no room for need not be made visible first. */
function shownCell(text: string | null, room: number): string | null {
  if (text === null) return null;
  return visible(room === Number.POSITIVE_INFINITY ? text : text.slice(0, room * 4));
}

function naturalWidth({ head: [name = '', type = ''], cells }: Column): number {
  const own = cells.reduce((most, cell) => Math.max(most, cellWidth(cell ?? NULL)), cellWidth(name));
  return Math.max(own, Math.min(cellWidth(type), TYPE_WIDTH), 1);
}

interface Drawn {
  readonly width: number;
  readonly head: readonly string[];
  readonly cells: readonly string[];
}

function drawColumn({ head, isNumber, cells }: Column, width: number, color: boolean): Drawn {
  const colors = pc.createColors(color);
  const sized = (text: string): string => padTo(cutTo(text, width), width, isNumber ? 'left' : 'right');
  const [name = '', ...type] = head;
  return {
    width,
    head: [colors.bold(sized(name)), ...type.map((text) => colors.dim(sized(text)))],
    cells: cells.map((cell) => (cell === null ? colors.dim(sized(NULL)) : sized(cell))),
  };
}

/** Stands for the columns that are left out. */
const dots = (heads: number, rows: number): Drawn => ({
  width: 1,
  head: Array.from({ length: heads }, () => '…'),
  cells: Array.from({ length: rows }, () => '…'),
});

/** @param gap before which row some are left out */
function frame(columns: readonly Drawn[], heads: number, gap: number | undefined): string[] {
  const rule = (left: string, middle: string, right: string): string =>
    left + columns.map(({ width }) => '─'.repeat(width + 2)).join(middle) + right;
  const line = (cells: readonly string[]): string => `│ ${cells.join(' │ ')} │`;
  const rows = Array.from({ length: columns[0]?.cells.length ?? 0 }, (_, row) =>
    line(columns.map(({ cells }) => cells[row] ?? '')),
  );
  if (gap !== undefined) rows.splice(gap, 0, line(columns.map(({ width }) => padTo('·', width, 'right'))));
  return [
    rule('┌', '┬', '┐'),
    ...Array.from({ length: heads }, (_, at) => line(columns.map(({ head }) => head[at] ?? ''))),
    ...(rows.length > 0 ? [rule('├', '┼', '┤'), ...rows] : []),
    rule('└', '┴', '┘'),
  ];
}

function count(total: number, shown: number, what: string): string {
  const all = `${total.toLocaleString('en-US')} ${what}${total === 1 ? '' : 's'}`;
  return shown < total ? `${all} (${shown} shown)` : all;
}
