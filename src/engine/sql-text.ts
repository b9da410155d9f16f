import { isSymbol, tokensOf } from './tokens.ts';

const spaces = (text: string): string => text.replace(/[^\n]/g, ' ');

/** The text with spaces for its comments: every other sign stays in its place. */
export function withoutComments(sql: string): string {
  if (!/--|\/\*/.test(sql)) return sql;
  let bare = '';
  for (const { start, end } of tokensOf(sql))
    bare += spaces(sql.slice(bare.length, start)) + sql.slice(start, end);
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
