import fullwidth from 'is-fullwidth-code-point';

// Its declaration is that of an ES module, and it is a CommonJS one.
const isFullwidth = fullwidth as unknown as (codePoint: number) => boolean;

/** How many cells of a terminal a text takes, and how to cut it to fewer. For texts without control characters. */

const ASCII = /^[\x20-\x7e]*$/;
const EMOJI = /\p{Emoji_Presentation}|\ufe0f/u;
const WITHOUT_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}]/u;
const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

export function cellWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += graphemeWidth(segment);
  return width;
}

function graphemeWidth(grapheme: string): number {
  if (EMOJI.test(grapheme)) return 2;
  if (WITHOUT_WIDTH.test(grapheme)) return 0;
  return isFullwidth(grapheme.codePointAt(0) ?? 0) ? 2 : 1;
}

const CUT = '…';

/** The text in `width` cells at most, with an ellipsis where something was left out. */
export function cutTo(text: string, width: number): string {
  if (ASCII.test(text) && text.length <= width) return text;
  let kept = '';
  let used = 0;
  // Where all before it fits in one cell less, for the ellipsis.
  let cut = 0;
  for (const { segment } of graphemes.segment(text)) {
    used += graphemeWidth(segment);
    if (used > width) return kept.slice(0, cut) + CUT;
    kept += segment;
    if (used < width) cut = kept.length;
  }
  return kept;
}

/** The text with spaces up to `width` cells. */
export function padTo(text: string, width: number, side: 'left' | 'right'): string {
  const space = ' '.repeat(Math.max(width - cellWidth(text), 0));
  return side === 'left' ? space + text : text + space;
}
