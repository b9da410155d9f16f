/** One statement of a script. */
export interface ScriptStatement {
  /** All from one semicolon to the next, that one included, with the space and the comments around it. */
  readonly text: string;
  /** Offset of `text` in the script, in UTF-16 units from 0. */
  readonly offset: number;
  /** Offset of its first token in the script. */
  readonly start: number;
  /** The words outside of quotes and comments, in lower case, in their order. */
  readonly words: readonly string[];
}

/**
 * One token of DuckDB's SQL, after its scanner (third_party/libpg_query/src_backend_parser_scan.cpp): a comment, a
 * string, a quoted name, a dollar-quoted text, a word, a number, a semicolon, or any other single character. What is
 * not closed reaches to the end, as it does for DuckDB, which then refuses it. DuckDB takes Unicode's spaces for spaces.
 */
const SPACE = String.raw`[ \t\n\r\f\v\u00a0\u2000-\u200d\u202f\u205f\u2060\u3000\ufeff]`;
const LETTER = `(?!${SPACE})[A-Za-z_\\u0080-\\uffff]`;
const TOKEN = new RegExp(
  [
    `(?<space>${SPACE}+|--[^\\n\\r]*)`,
    '(?<block>/\\*)',
    String.raw`e'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)`,
    `'(?:[^']|'')*(?:'|$)`,
    '"(?:[^"]|"")*(?:"|$)',
    `\\$(?<tag>(?:${LETTER}(?:${LETTER}|[0-9])*)?)\\$`,
    `(?<word>${LETTER}(?:${LETTER}|[0-9$])*)`,
    '(?<end>;)',
    String.raw`\d[\w.]*|\$\d+|[\s\S]`,
  ].join('|'),
  'iy',
);

/** The statements of a script; none where there is nothing but space, comments and semicolons. */
export function splitScript(sql: string): ScriptStatement[] {
  const found: ScriptStatement[] = [];
  let offset = 0;
  let start = -1;
  let words: string[] = [];
  const finish = (end: number): void => {
    if (start >= 0) found.push({ text: sql.slice(offset, end), offset, start, words });
    start = -1;
    words = [];
  };
  for (let at = 0; at < sql.length; ) {
    const { groups, next } = tokenAt(sql, at);
    if (groups.end) {
      finish(next);
      offset = next;
    } else if (!groups.space && !groups.block) {
      if (start < 0) start = at;
      if (groups.word) words.push(groups.word.toLowerCase());
    }
    at = next;
  }
  finish(sql.length);
  return found;
}

function tokenAt(sql: string, at: number): { groups: Readonly<Record<string, string>>; next: number } {
  TOKEN.lastIndex = at;
  const { 0: text = '', groups = {} } = TOKEN.exec(sql) ?? {};
  if (groups.block) return { groups, next: endOfComment(sql, at) };
  const end = at + Math.max(text.length, 1);
  return { groups, next: groups.tag === undefined ? end : endOfDollars(sql, end, text) };
}

/** Block comments may hold others. */
function endOfComment(sql: string, start: number): number {
  const mark = /\/\*|\*\//g;
  mark.lastIndex = start;
  for (let depth = 0; ; ) {
    const found = mark.exec(sql);
    if (!found) return sql.length;
    depth += found[0] === '/*' ? 1 : -1;
    if (depth === 0) return mark.lastIndex;
  }
}

function endOfDollars(sql: string, from: number, quote: string): number {
  const close = sql.indexOf(quote, from);
  return close < 0 ? sql.length : close + quote.length;
}
