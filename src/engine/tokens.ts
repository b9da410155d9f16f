/**
 * A text in DuckDB's own tokens (its scanner is PostgreSQL's): strings of every spelling, quoted names, comments.
 * Nothing is parsed here; who reads tokens refuses what it does not understand.
 */
export interface Token {
  readonly kind: 'word' | 'quoted' | 'string' | 'param' | 'number' | 'symbol';
  /** A word in lower case, a string or quoted name without its quotes and escapes, a param without its sign. */
  readonly value: string;
  /** Where it stands in the text. */
  readonly start: number;
  readonly end: number;
}

const SPACE = /(?:\s|--[^\n]*|\/\*)/y;
const WORD = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y;
const NUMBER = /(?:\d[\d_]*\.?\d*|\.\d+)(?:e[+-]?\d+)?/iy;
const DOLLAR = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;
const PARAM = /[$?](\w*)/y;
/** A string goes on in the next line where nothing but white space is between. */
const GOES_ON = /[ \t\f\r]*\n\s*'/y;

export function tokensOf(sql: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    return pattern.exec(sql);
  };
  while (at < sql.length) {
    const start = at;
    const space = match(SPACE);
    if (space) {
      at = space[0] === '/*' ? endOfComment(sql, at) : at + space[0].length;
      continue;
    }
    const add = (kind: Token['kind'], value: string, end: number): void => {
      tokens.push({ kind, value, start, end });
      at = end;
    };
    const next = sql[at] as string;
    const dollar = next === '$' ? match(DOLLAR)?.[0] : undefined;
    const isEscaped = /[eE]/.test(next) && sql[at + 1] === "'";
    if (next === "'" || isEscaped) {
      const { value, end } = stringAt(sql, isEscaped ? at + 1 : at, isEscaped);
      add('string', value, end);
    } else if (dollar !== undefined) {
      const end = sql.indexOf(dollar, at + dollar.length);
      const last = end < 0 ? sql.length : end;
      add('string', sql.slice(at + dollar.length, last), Math.min(last + dollar.length, sql.length));
    } else if (next === '"') {
      const { value, end } = quotedAt(sql, at, '"');
      add('quoted', value, end);
    } else {
      const found = ofKind('word', match(WORD)) ??
        ofKind('param', match(PARAM)) ??
        ofKind('number', match(NUMBER)) ?? { kind: 'symbol' as const, text: next };
      const value = found.kind === 'param' ? found.text.slice(1) : found.text.toLowerCase();
      add(found.kind, value, at + found.text.length);
    }
  }
  return tokens;
}

/** The statements of a text, each by its tokens; a semicolon inside parentheses ends none. */
export function statementsOf(tokens: readonly Token[]): Token[][] {
  const statements: Token[][] = [[]];
  for (const token of tokens) {
    if (isSymbol(token, ';')) statements.push([]);
    else statements.at(-1)?.push(token);
  }
  return statements.filter((statement) => statement.length > 0);
}

export const isWord = (token: Token | undefined, ...words: readonly string[]): boolean =>
  token?.kind === 'word' && words.includes(token.value);

export const isSymbol = (token: Token | undefined, symbol: string): boolean =>
  token?.kind === 'symbol' && token.value === symbol;

const ofKind = <K extends Token['kind']>(kind: K, found: RegExpExecArray | null) =>
  found ? { kind, text: found[0] } : null;

/** Comments lie in one another. */
function endOfComment(sql: string, from: number): number {
  const mark = /\/\*|\*\//g;
  mark.lastIndex = from;
  let depth = 0;
  for (let found = mark.exec(sql); found; found = mark.exec(sql)) {
    depth += found[0] === '/*' ? 1 : -1;
    if (depth === 0) return mark.lastIndex;
  }
  return sql.length;
}

function quotedAt(sql: string, from: number, quote: string): { value: string; end: number } {
  let value = '';
  for (let at = from + 1; ; ) {
    const end = sql.indexOf(quote, at);
    if (end < 0) return { value: value + sql.slice(at), end: sql.length };
    value += sql.slice(at, end);
    if (sql[end + 1] !== quote) return { value, end: end + 1 };
    value += quote;
    at = end + 2;
  }
}

function stringAt(sql: string, from: number, isEscaped: boolean): { value: string; end: number } {
  let value = '';
  for (let at = from; ; ) {
    const part = isEscaped ? escapedAt(sql, at) : quotedAt(sql, at, "'");
    value += part.value;
    GOES_ON.lastIndex = part.end;
    const more = GOES_ON.exec(sql);
    if (!more) return { value, end: part.end };
    at = part.end + more[0].length - 1;
  }
}

const SIMPLE: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };
const NUMERIC = /\\(?:u([\da-f]{4})|U([\da-f]{8})|x([\da-f]{1,2})|([0-7]{1,3}))/iy;

/** Escapes give bytes; what is no ASCII is taken for the character of that number, which names no file of ours. */
function escapedAt(sql: string, from: number): { value: string; end: number } {
  let value = '';
  let at = from + 1;
  while (at < sql.length) {
    const next = sql[at] as string;
    if (next === "'") {
      if (sql[at + 1] !== "'") return { value, end: at + 1 };
      value += "'";
      at += 2;
    } else if (next === '\\') {
      NUMERIC.lastIndex = at;
      const number = NUMERIC.exec(sql);
      const [all = sql.slice(at, at + 2), u, long, x, octal] = number ?? [];
      const code = number ? Number.parseInt(u ?? long ?? x ?? octal ?? '', octal ? 8 : 16) : 0;
      value += number
        ? String.fromCodePoint(Math.min(code, 0x10ffff))
        : (SIMPLE[all[1] ?? ''] ?? all[1] ?? '');
      at += all.length;
    } else {
      value += next;
      at++;
    }
  }
  return { value, end: sql.length };
}
