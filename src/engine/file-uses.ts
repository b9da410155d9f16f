import { isSymbol, isWord, statementsOf, type Token, tokensOf } from './tokens.ts';

/** A file's name as it stands in a text: written out, or the value of a parameter (by name, or by place from 1). */
export type FileName = string | { readonly param: string | number };

export interface FunctionCall {
  /** Lower case. */
  readonly name: string;
  /** As they stand in the text. */
  readonly args: readonly string[];
}

/** Which files a statement may open, as far as its text tells. What is not listed is no name of a file. */
export interface FileUses {
  readonly names: readonly FileName[];
  /** Expressions that give names. */
  readonly computed: readonly string[];
  /** Folders whose files are read or written by their own names. */
  readonly folders: readonly string[];
  /** Statements in a statement. */
  readonly texts: readonly FileName[];
  /** Expressions that give statements. */
  readonly computedTexts: readonly string[];
  /** Prepared by SQL, with its arguments: whether those are files is for the statement to tell. */
  readonly executed: { readonly name: string; readonly uses: FileUses } | null;
  /** All names in it, in lower case: a view or a macro may be among them. */
  readonly words: ReadonlySet<string>;
  readonly calls: readonly FunctionCall[];
  /** A view or a macro may be among its words. */
  readonly mayUseDefinitions: boolean;
  /** A statement that is only prepared has its parameters later. */
  readonly isPrepared: boolean;
}

/** Functions that open what their arguments name, of DuckDB and of its extensions. `glob` only lists. */
const OPENS = new RegExp(
  `^(?:${[
    'read_(?:blob|text|csv|csv_auto|json|json_auto|json_objects|json_objects_auto|parquet|duckdb)',
    'read_ndjson(?:_auto|_objects)?|read_(?:xlsx|avro|vortex)|st_read(?:_meta)?',
    'parquet_(?:scan|metadata|schema|file_metadata|kv_metadata|bloom_probe|full_metadata)',
    'sniff_csv|query_table|(?:sqlite|delta|iceberg)_scan',
  ].join('|')})$`,
);
/** Others whose strings may name files, by what they are called: a user may have more extensions. */
const MAY_OPEN = /(?:^|_)(?:read|scan|sniff|parquet|open|load)(?:_|$)/;
/** What a table may stand behind, and so the name of a file in its place. */
const TABLES = new Set(
  'from join using table describe desc summarize pivot unpivot pivot_wider pivot_longer show copy to'.split(
    ' ',
  ),
);
/** Behind these are expressions, where a string is a value. */
const VALUES = new Set(
  'select where on group order having values set limit qualify window returning when is default check by'.split(
    ' ',
  ),
);
/** Statements whose strings name files, in one way or another. */
const NAMING = ['set', 'pragma', 'call', 'load', 'install', 'force'];
/** Settings that name a file or a folder. */
const FILE_SETTING = /path|file|director|output|repositor|storage/;

export function fileUsesOf(sql: string): FileUses[] {
  return statementsOf(tokensOf(sql)).map((tokens) => new Reader(sql, tokens).read());
}

class Reader {
  readonly #sql: string;
  readonly #tokens: readonly Token[];
  readonly #names: FileName[] = [];
  readonly #computed: string[] = [];
  readonly #folders: string[] = [];
  readonly #texts: FileName[] = [];
  readonly #computedTexts: string[] = [];
  readonly #calls: FunctionCall[] = [];
  #executed: FileUses['executed'] = null;

  constructor(sql: string, tokens: readonly Token[]) {
    this.#sql = sql;
    this.#tokens = tokens;
  }

  read(): FileUses {
    const tokens = this.#tokens;
    const [first, second] = tokens;
    // What a macro is to do is looked at where it is called.
    if (!this.#makesMacro()) {
      if (isWord(first, 'export', 'import')) this.#folders.push(...strings(tokens));
      if (isWord(first, 'copy')) this.#readCopy();
      if (isWord(first, ...NAMING) && !isWord(second, 'variable')) this.#readNaming();
      if (isWord(first, 'execute')) this.#readExecute();
      this.#readTables();
    }
    return this.#uses(new Set(tokens.filter(isName).map(({ value }) => value.toLowerCase())));
  }

  #uses(words: ReadonlySet<string>): FileUses {
    return {
      names: this.#names,
      computed: this.#computed,
      folders: this.#folders,
      texts: this.#texts,
      computedTexts: this.#computedTexts,
      executed: this.#executed,
      words,
      calls: this.#calls,
      mayUseDefinitions:
        this.#calls.length > 0 ||
        this.#tokens.some(({ kind, value }) => kind === 'word' && TABLES.has(value)),
      isPrepared: isWord(this.#tokens[0], 'prepare'),
    };
  }

  #makesMacro(): boolean {
    if (!isWord(this.#tokens[0], 'create')) return false;
    const kind = this.#tokens.slice(1).find((token) => !isWord(token, 'or', 'replace', 'temp', 'temporary'));
    return isWord(kind, 'macro', 'function');
  }

  /** `COPY … TO ('a' || 'b')`: a name between parentheses is an expression. */
  #readCopy(): void {
    let depth = 0;
    this.#tokens.forEach((token, at) => {
      depth += isSymbol(token, '(') ? 1 : isSymbol(token, ')') ? -1 : 0;
      if (depth > 0 || token.kind !== 'word' || !/^(?:to|from)$/.test(token.value)) return;
      const next = this.#tokens[at + 1];
      if (isSymbol(next, '(')) this.#addArgument(this.#inside(at + 1), true);
      else if (next?.kind === 'param') this.#addArgument([next], true);
    });
  }

  #readNaming(): void {
    this.#names.push(...strings(this.#tokens));
    const equals = this.#tokens.findIndex((token) => isSymbol(token, '=') || isWord(token, 'to'));
    const setting = this.#tokens.slice(0, Math.max(equals, 0));
    if (!setting.some(({ value }) => FILE_SETTING.test(value.toLowerCase()))) return;
    const value = this.#tokens.slice(equals + 1);
    if (value.length === 1 && value[0]?.kind !== 'param') this.#names.push(this.#slice(value));
    else if (value.length > 0) this.#addArgument(value, true);
  }

  #readExecute(): void {
    const [, name, open] = this.#tokens;
    const args = isSymbol(open, '(') ? this.#inside(2) : [];
    const inner = new Reader(this.#sql, args);
    for (const arg of splitByCommas(args)) inner.#addArgument(withoutName(arg), true);
    this.#executed = { name: name?.value ?? '', uses: inner.#uses(new Set()) };
  }

  /** Follows the clauses: a string is a file where a table may stand, and a value elsewhere. */
  #readTables(): void {
    const levels: { isTable: boolean; isFrom: boolean }[] = [{ isTable: false, isFrom: false }];
    this.#tokens.forEach((token, at) => {
      const level = levels.at(-1) ?? { isTable: false, isFrom: false };
      const before = this.#tokens[at - 1];
      if (token.kind === 'word' && !isSymbol(before, '.')) {
        if (TABLES.has(token.value)) level.isTable = true;
        if (TABLES.has(token.value)) level.isFrom = true;
        if (VALUES.has(token.value)) level.isTable = false;
        if (VALUES.has(token.value) && token.value !== 'on') level.isFrom = false;
      }
      if (isSymbol(token, ',') && level.isFrom) level.isTable = true;
      if (isSymbol(token, '(')) {
        const isCall = before !== undefined && isName(before) && !TABLES.has(before.value);
        levels.push({ isTable: level.isTable && !isCall, isFrom: level.isFrom && !isCall });
        if (isCall) this.#readCall(before, at);
      }
      if (isSymbol(token, ')') && levels.length > 1) levels.pop();
      if (!level.isTable) return;
      if (token.kind === 'string') this.#names.push(token.value);
      if (isName(token) && !isSymbol(before, '.')) this.#addDotted(at);
    });
  }

  /** `FROM data.csv`, `FROM "data.csv"`: DuckDB looks for a file where there is no such table. */
  #addDotted(at: number): void {
    const parts: string[] = [];
    let token = this.#tokens[at];
    for (let i = at; token && isName(token); token = this.#tokens[i]) {
      parts.push(token.kind === 'quoted' ? token.value : this.#sql.slice(token.start, token.end));
      if (!isSymbol(this.#tokens[i + 1], '.')) break;
      i += 2;
    }
    const name = parts.join('.');
    if (/[./\\:]/.test(name)) this.#names.push(name);
  }

  #readCall({ value }: Token, open: number): void {
    const name = value.toLowerCase();
    const inside = this.#inside(open);
    const args = splitByCommas(inside);
    this.#calls.push({ name, args: args.map((arg) => this.#expression(arg)) });
    if (name === 'query' || name === 'json_execute_serialized_sql') {
      const [text = []] = args;
      const [only] = text;
      if (name === 'query' && text.length === 1 && only?.kind === 'string') this.#texts.push(only.value);
      else if (name === 'query' && text.length === 1 && only?.kind === 'param')
        this.#texts.push(this.#param(only));
      else if (text.length > 0)
        this.#computedTexts.push(
          name === 'query' ? this.#expression(text) : `json_deserialize_sql(${this.#expression(text)})`,
        );
      return;
    }
    const isKnown = OPENS.test(name);
    if (!isKnown && !MAY_OPEN.test(name)) return;
    for (const arg of args) {
      const bare = withoutName(arg);
      this.#addArgument(bare, isKnown && bare === arg);
    }
  }

  /** @param isFile false for an option of a function, which is no file but by a string of its own */
  #addArgument(tokens: readonly Token[], isFile: boolean): void {
    for (const token of tokens) {
      if (token.kind === 'string') this.#names.push(token.value);
      if (token.kind === 'param') this.#names.push(this.#param(token));
    }
    if (isFile && tokens.length > 0 && !tokens.every(isPlain)) this.#computed.push(this.#expression(tokens));
  }

  /** The place of a `?` is found by its turn among all of the text. */
  #param(token: Token): FileName {
    if (token.value !== '') return { param: /^\d+$/.test(token.value) ? Number(token.value) : token.value };
    return { param: tokensOf(this.#sql.slice(0, token.end)).filter(isQuestion).length };
  }

  /** The tokens between the parenthesis at `open` and its other half. */
  #inside(open: number): readonly Token[] {
    let depth = 0;
    for (let at = open; at < this.#tokens.length; at++) {
      const token = this.#tokens[at];
      depth += isSymbol(token, '(') ? 1 : isSymbol(token, ')') ? -1 : 0;
      if (depth === 0) return this.#tokens.slice(open + 1, at);
    }
    return this.#tokens.slice(open + 1);
  }

  /** To be evaluated by itself: its `?` get their places. */
  #expression(tokens: readonly Token[]): string {
    const start = tokens[0]?.start ?? 0;
    let text = this.#slice(tokens);
    for (const token of tokens.filter(isQuestion).reverse()) {
      const name = this.#param(token) as { readonly param: number };
      text = `${text.slice(0, token.start - start)}$${name.param}${text.slice(token.end - start)}`;
    }
    return text;
  }

  #slice(tokens: readonly Token[]): string {
    return this.#sql.slice(tokens[0]?.start ?? 0, tokens.at(-1)?.end ?? 0);
  }
}

const isName = ({ kind }: Token): boolean => kind === 'word' || kind === 'quoted';
const isQuestion = ({ kind, value }: Token): boolean => kind === 'param' && value === '';
const strings = (tokens: readonly Token[]): string[] =>
  tokens.filter(({ kind }) => kind === 'string').map(({ value }) => value);

/** Nothing is computed in a list or struct of literals and parameters. */
const isPlain = ({ kind, value }: Token): boolean =>
  ['string', 'number', 'param'].includes(kind) ||
  (kind === 'symbol' ? '[]{},:-'.includes(value) : ['true', 'false', 'null'].includes(value));

function splitByCommas(tokens: readonly Token[]): (readonly Token[])[] {
  const parts: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (token.kind === 'symbol')
      depth += '([{'.includes(token.value) ? 1 : ')]}'.includes(token.value) ? -1 : 0;
    if (depth === 0 && isSymbol(token, ',')) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts.filter((part) => part.length > 0);
}

/** `delim = ';'`, `delim := ';'`, `delim => ';'`. */
function withoutName(arg: readonly Token[]): readonly Token[] {
  const [name, sign, more] = arg;
  if (!name || !isName(name)) return arg;
  if (isSymbol(sign, ':') && isSymbol(more, '=')) return arg.slice(3);
  if (isSymbol(sign, '=')) return arg.slice(isSymbol(more, '>') ? 3 : 2);
  return arg;
}
