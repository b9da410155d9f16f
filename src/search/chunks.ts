import { type Definition, definitionsIn, indentOf } from './definitions.ts';
import { familyOf } from './languages.ts';

export interface Chunk {
  /** Line numbers in the file, from 1, both included. */
  readonly startLine: number;
  readonly endLine: number;
  /** The definition that the chunk's first line stands in or begins. */
  readonly symbol: string | null;
  /** All definitions that begin in the chunk, and `symbol`. */
  readonly names: readonly string[];
  readonly text: string;
}

/** A window that a reader takes in at a glance; larger ones measured no better, smaller ones worse. */
export const MAX_LINES = 60;
/** A cut at a definition is taken from here on, so that chunks do not shrink to one definition each. */
const MIN_LINES = 25;
/** Bounds the chunks of files with long lines; one line is never divided. */
const MAX_CHARACTERS = 4000;
/** What may stand directly above a definition and belong to it: comments, attributes, decorators. */
const PRELUDE = /^\s*(?:\/\/|\/\*|\*|#|@|--|;;|\[)/;

/** Divides a text by lines. Every line that is not blank is in exactly one chunk. */
export function chunksOf(text: string, language: string): Chunk[] {
  const lines = linesOf(text);
  const definitions = definitionsIn(lines, familyOf(language));
  const cuts = cutsBefore(lines, definitions);
  const chunks: Chunk[] = [];
  for (let start = 0; start < lines.length; ) {
    const end = endOf(lines, start, cuts);
    const chunk = chunkAt(lines, start, end, definitions);
    if (chunk) chunks.push(chunk);
    start = end;
  }
  return chunks;
}

export function linesOf(text: string): string[] {
  const lines = text.split(/\r\n|\n|\r/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** Where a definition with its prelude begins, and how deep: the lines a chunk prefers to begin at. */
function cutsBefore(lines: readonly string[], definitions: readonly Definition[]): Map<number, number> {
  const cuts = new Map<number, number>();
  for (const { line, indent } of definitions) {
    let cut = line;
    while (cut > 0 && PRELUDE.test(lines[cut - 1] ?? '')) cut--;
    cuts.set(cut, Math.min(indent, cuts.get(cut) ?? indent));
  }
  return cuts;
}

function endOf(lines: readonly string[], start: number, cuts: ReadonlyMap<number, number>): number {
  let limit = start;
  let characters = 0;
  while (limit < lines.length && limit - start < MAX_LINES) {
    characters += lines[limit]?.length ?? 0;
    if (characters > MAX_CHARACTERS && limit > start) break;
    limit++;
  }
  return limit === lines.length ? limit : bestCut(lines, start + MIN_LINES, limit, cuts);
}

/** The outermost definition in the range, the latest of those; else the last blank line; else the limit. */
function bestCut(
  lines: readonly string[],
  from: number,
  limit: number,
  cuts: ReadonlyMap<number, number>,
): number {
  let best = limit;
  let depth = Number.POSITIVE_INFINITY;
  let blank: number | undefined;
  for (let line = from; line <= limit; line++) {
    const indent = cuts.get(line);
    if (indent !== undefined && indent <= depth) [best, depth] = [line, indent];
    if (lines[line - 1]?.trim() === '') blank = line;
  }
  return depth === Number.POSITIVE_INFINITY ? (blank ?? limit) : best;
}

function chunkAt(
  lines: readonly string[],
  start: number,
  end: number,
  definitions: readonly Definition[],
): Chunk | undefined {
  let first = start;
  let last = end;
  while (first < last && lines[first]?.trim() === '') first++;
  while (last > first && lines[last - 1]?.trim() === '') last--;
  if (first === last) return undefined;
  const inside = definitions.filter(({ line }) => line >= first && line < last).map(({ name }) => name);
  const symbol = enclosing(lines, first, definitions);
  return {
    startLine: first + 1,
    endLine: last,
    symbol,
    names: [...new Set(symbol === null ? inside : [symbol, ...inside])],
    text: lines.slice(first, last).join('\n'),
  };
}

/** The definition whose prelude or head is at `line`, else the nearest one above that is less indented. */
function enclosing(
  lines: readonly string[],
  line: number,
  definitions: readonly Definition[],
): string | null {
  let head = line;
  while (PRELUDE.test(lines[head] ?? '')) head++;
  const here = definitions.find((definition) => definition.line === line || definition.line === head);
  if (here) return here.name;
  const indent = indentOf(lines[line] ?? '');
  // A heading has no indent and yet encloses what follows it.
  return (
    definitions.findLast((d) => d.line < line && (d.indent < indent || /^#/.test(lines[d.line] ?? '')))
      ?.name ?? null
  );
}
