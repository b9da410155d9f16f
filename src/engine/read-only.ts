import { type DuckDBConnection, StatementType } from '@duckdb/node-api';
import { PondError } from '../errors.ts';
import type { BindParams } from './bind.ts';
import { behindExplain } from './classify.ts';
import type { Definitions, Harmful } from './definitions.ts';
import { firstWord, type Statement, statementsOf, withoutComments } from './sql-text.ts';
import { type Around, runText, type StatementInfo } from './statements.ts';
import { namesUsed } from './syntax.ts';

/** What a statement begins with that selects. */
const SELECTING: ReadonlySet<string> = new Set(
  '( select from with values table describe desc show summarize pivot unpivot pivot_wider pivot_longer'.split(
    ' ',
  ),
);

/** Settings that `SET` gives to its own session alone, and that change only its own results. */
export const SESSION_SETTINGS: ReadonlySet<string> = new Set(
  `calendar errors_as_json explain_output ieee_floating_point_ops integer_division lambda_syntax
  order_by_non_integer_literal preserve_identifier_case scalar_subquery_error_on_multiple_rows schema search_path
  timezone`.split(/\s+/),
);

/** The same where the statement says SESSION; without it, everyone gets them. */
export const SETTINGS_BY_WORD: ReadonlySet<string> = new Set(
  'default_collation default_null_order default_order null_order old_implicit_casting'.split(' '),
);

/** PRAGMAs that DuckDB turns into a SELECT. */
const READING_PRAGMAS: ReadonlySet<string> = new Set(
  `collations database_list database_size functions metadata_info platform show_databases show_tables
  show_tables_expanded storage_info table_info user_agent version`.split(/\s+/),
);

const NAME = String.raw`(?:"(?:""|[^"])+"|[\w$\u0080-\uffff]+)`;
const PREPARE = new RegExp(String.raw`^\s*prepare\s+${NAME}\s+as\b`, 'i');
const SET_VARIABLE = new RegExp(String.raw`^\s*set\s+variable\s+${NAME}\s*(?:=|to\b)`, 'i');
const RESET_VARIABLE = new RegExp(String.raw`^\s*reset\s+variable\s+${NAME}\s*$`, 'i');
const SETTING = /^\s*(?:set|reset)\s+(?:(session|local)\s+)?(?:(time\s+zone)|(\w+))\b[^(]*$/i;
const PRAGMA = /^\s*pragma\s+(\w+)\s*(?:\([^()]*\))?\s*$/i;
const USE = /^\s*use\s[^(]*$/i;

/** What a checked statement comes to in DuckDB. */
const READS: ReadonlySet<StatementType> = new Set([
  StatementType.SELECT,
  StatementType.EXPLAIN,
  StatementType.PREPARE,
  StatementType.EXECUTE,
  StatementType.SET,
  StatementType.VARIABLE_SET,
]);

/**
 * Lets through what only reads, from a list of what does: every statement of a text is checked before any of them is
 * prepared, because preparing alone can make a folder, open a file or call a sequence. What runs then runs in a
 * read-only transaction.
 */
export class ReaderCheck {
  readonly #definitions: Definitions;
  /** What PREPARE has got from this session: a definition in it may have changed since. */
  readonly #prepared: string[] = [];

  constructor(definitions: Definitions) {
    this.#definitions = definitions;
  }

  /**
   * The statements of the text.
   * @param connection in the transaction that they will run in
   * @throws PondError READ_ONLY for one that does more than read
   */
  async check(connection: DuckDBConnection, sql: string): Promise<readonly Statement[]> {
    const harmful = await this.#definitions.harmful(connection);
    if (isPlain(sql, harmful)) return [{ text: sql, start: 0 }];
    const statements = statementsOf(sql);
    for (const { text } of statements) await this.#checkOne({ connection, harmful }, text);
    return statements.length > 0 ? statements : [{ text: sql, start: 0 }];
  }

  async #checkOne(among: Among, given: string): Promise<void> {
    const text = withoutComments(given);
    const word = firstWord(text);
    if (word === '') return;
    if (SELECTING.has(word)) return checkSelect(among, text);
    const check = this.#checks[word];
    if (!check || !(await check(among, text))) throw refused(word);
  }

  /** By its first word, what else may run. False for what may not. */
  readonly #checks: Readonly<Record<string, (among: Among, text: string) => boolean | Promise<boolean>>> = {
    __proto__: null as never,
    explain: async (among, text) => {
      const explained = behindExplain(text)?.text ?? '';
      const word = firstWord(explained);
      if (!SELECTING.has(word) && word !== 'execute') return false;
      await this.#checkOne(among, explained);
      return true;
    },
    prepare: async (among, text) => {
      const [head] = PREPARE.exec(text) ?? [];
      if (head === undefined) return false;
      const prepared = text.slice(head.length);
      if (!SELECTING.has(firstWord(prepared))) return false;
      await checkSelect(among, prepared);
      this.#prepared.push(prepared);
      return true;
    },
    execute: async (among, text) => {
      for (const prepared of this.#prepared) await checkSelect(among, prepared);
      // Its arguments are computed as those of a function are.
      await checkSelect(among, text.replace(/execute/i, 'SELECT'));
      return true;
    },
    set: async (among, text) => {
      const [head] = SET_VARIABLE.exec(text) ?? [];
      if (head === undefined) return isOwnSetting(text);
      await checkSelect(among, `SELECT ${text.slice(head.length)}`);
      return true;
    },
    reset: (_, text) => RESET_VARIABLE.test(text) || isOwnSetting(text),
    use: (_, text) => USE.test(text),
    pragma: ({ harmful }, text) => {
      const [, name = ''] = PRAGMA.exec(text) ?? [];
      return READING_PRAGMAS.has(name.toLowerCase()) && !harmful.anyName.test(text);
    },
  };
}

/** What a statement is checked against. */
interface Among {
  readonly connection: DuckDBConnection;
  readonly harmful: Harmful;
}

/** One SELECT without a name that could do harm: nothing else needs to be known of it. */
function isPlain(sql: string, { anyName, hasMacro }: Harmful): boolean {
  return !hasMacro && !/;\s*\S/.test(sql) && SELECTING.has(firstWord(sql)) && !anyName.test(sql);
}

async function checkSelect(among: Among, text: string): Promise<void> {
  const { connection, harmful } = among;
  const isNamed = harmful.anyName.test(text);
  if (!isNamed && !harmful.hasMacro) return;
  const used = await namesUsed(connection, text);
  // A PIVOT, which DuckDB's parser does not show, or no SELECT at all, as behind WITH.
  if (!used && !isNamed) return;
  if (!used) throw refused(harmful.anyName.exec(text)?.[0] ?? 'this');
  const name =
    used.functions.find((one) => harmful.functions.has(one)) ??
    used.tables.find((one) => harmful.views.has(one)) ??
    used.texts.find((one) => harmful.namesOnly.test(one));
  if (name !== undefined) throw refused(name);
  if (used.computesName && harmful.views.size > 0) throw refused('a name that is computed');
  for (const query of used.queries) {
    // A text that is computed, or several, or none that selects.
    const [only, ...more] = query === null ? [] : statementsOf(query);
    if (!only || more.length > 0 || !SELECTING.has(firstWord(only.text))) throw refused('query');
    await checkSelect(among, only.text);
  }
}

function isOwnSetting(text: string): boolean {
  const [, scope, timeZone, name = ''] = SETTING.exec(text) ?? [];
  const setting = timeZone ? 'timezone' : name.toLowerCase();
  return SESSION_SETTINGS.has(setting) || (scope !== undefined && SETTINGS_BY_WORD.has(setting));
}

const refused = (what: string): PondError =>
  new PondError('READ_ONLY', `a read-only handle may not use ${what.toUpperCase()} here`, {
    hint: 'it may change something; open the file without readOnly',
  });

/** The second line: what was checked comes to one of these types, and runs in a read-only transaction. */
function refuseUnchecked({ type, text }: StatementInfo): void {
  // A PIVOT makes a type for as long as the transaction lasts.
  if (READS.has(type) || (type === StatementType.CREATE && /\bpivot/i.test(text))) return;
  throw refused(StatementType[type] ?? 'this');
}

export interface Checked<T> {
  readonly params: BindParams | undefined;
  readonly streaming?: boolean;
  /** Ends the wait for a thread. */
  readonly signal?: AbortSignal | undefined;
  readonly around: Around<T>;
}

/** Runs checked statements, each by itself; params go to the last, whose value is returned. */
export async function runChecked<T>(
  connection: DuckDBConnection,
  statements: readonly Statement[],
  { params, streaming = false, around, signal }: Checked<T>,
): Promise<T> {
  let value: T | undefined;
  for (const [at, { text, start }] of statements.entries()) {
    const isLast = at === statements.length - 1;
    value = await runText<T>(connection, text, {
      start,
      isForeign: true,
      params: isLast ? params : [],
      streaming: isLast && streaming,
      signal,
      around: (info, run) => {
        refuseUnchecked(info);
        return around({ ...info, isLast: isLast && info.isLast }, run);
      },
    });
  }
  return value as T;
}
