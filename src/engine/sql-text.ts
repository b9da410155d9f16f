import { isSymbol, tokensOf } from './tokens.ts';

const spaces = (text: string): string => text.replace(/[^\n]/g, ' ');

/** What DuckDB (1.5.6) takes for a space, and JavaScript's `\s` for a part of a word. */
const SPACES = /[\u200b\u2060]/g;

/** The text with spaces for its comments: every other sign stays in its place. */
export function withoutComments(sql: string): string {
  if (!/--|\/\*|[\u200b\u2060]/.test(sql)) return sql;
  let bare = '';
  for (const { kind, start, end } of tokensOf(sql)) {
    const token = sql.slice(start, end);
    bare += spaces(sql.slice(bare.length, start)) + (kind === 'word' ? token.replace(SPACES, ' ') : token);
  }
  return bare + spaces(sql.slice(bare.length));
}

/** One statement of a text, and where in it it stands. */
export interface Statement {
  readonly text: string;
  readonly start: number;
}

/** The statements of a text, without what has none in it. */
export function statementsOf(sql: string): Statement[] {
  if (!sql.includes(';')) return [{ text: sql, start: 0 }];
  const found: Statement[] = [];
  let start = 0;
  let isEmpty = true;
  const close = (end: number): void => {
    if (!isEmpty) found.push({ text: sql.slice(start, end), start });
    start = end + 1;
    isEmpty = true;
  };
  for (const token of tokensOf(sql)) {
    if (isSymbol(token, ';')) close(token.start);
    else isEmpty = false;
  }
  close(sql.length);
  return found;
}

/** The first word, in lower case; a parenthesis for a text that begins with one. */
export function firstWord(sql: string): string {
  return /^\s*(\w+|\()/.exec(withoutComments(sql))?.[1]?.toLowerCase() ?? '';
}
