import { cellWidth } from './cell-width.ts';
import { visible } from './visible.ts';

/** A place in a text, as people count it. */
export interface SourcePlace {
  /** From 1. */
  readonly line: number;
  /** In UTF-16 units, from 1. */
  readonly column: number;
}

/** UTF-16 units of a long line that are shown on either side of the place. */
const AROUND = 60;

/** @param position in UTF-16 units, from 0 */
export function placeOf(text: string, position: number): SourcePlace {
  const before = text.slice(0, position);
  const line = before.split('\n').length;
  return { line, column: position - (before.lastIndexOf('\n') + 1) + 1 };
}

/** The line and, below it, a caret at the place. */
export function drawPlace(text: string, { line, column }: SourcePlace): string {
  const whole = (text.split('\n')[line - 1] ?? '').replace(/\r$/, '');
  const at = column - 1;
  const from = Math.max(at - AROUND, 0);
  const before = visible(whole.slice(from, at));
  const after = visible(whole.slice(at, at + AROUND));
  const head = `  line ${line}: ${from > 0 ? '…' : ''}`;
  const tail = whole.length > at + AROUND ? '…' : '';
  return `${head}${before}${after}${tail}\n${' '.repeat(cellWidth(head) + cellWidth(before))}^`;
}
