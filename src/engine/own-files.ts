import { readFileSync, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { fromSystem, PondError } from '../errors.ts';
import { type BindParams, bindParams } from './bind.ts';
import { fromDuckDB } from './errors.ts';
import { type Definition, type Definitions, definitionsOn, opens } from './file-definitions.ts';
import { type FileName, type FileUses, type FunctionCall, fileUsesOf } from './file-uses.ts';
import type { Guard } from './guards.ts';
import { tokensOf } from './tokens.ts';

/** The files that DuckDB has open in this process. */
export interface OpenFiles {
  /** Real paths of the database and of what is attached. */
  paths(): readonly string[];
  has(path: string, dev: bigint, ino: bigint): Promise<boolean>;
  /** A statement may have opened one of them all the same. */
  doubt(): void;
}

/** Texts whose analysis is kept. Longer ones are made by programs and seldom come twice. */
const KEPT = 512;
const LONGEST = 4096;
/** Statements in statements that are followed; DuckDB itself ends later. */
const DEEPEST = 16;
/** What EXPORT makes in its folder. */
const FOLDER_FILES = ['*.sql', '*.csv', '*.parquet', '*.json', '*.gz', '*.zst'];
/** Words of statements that may make a view or a macro, or bring some. */
const DEFINING = ['view', 'macro', 'function', 'attach', 'detach', 'import', 'database', 'schema'];
const ENDING = ['commit', 'end', 'rollback', 'abort'];
/** Words that a text without a file, a view or a macro may do without. A cheap look before the tokens. */
const MAY_OPEN =
  /\b(?:from|join|using|table|describe|desc|summarize|pivot|unpivot|show|copy|export|import|load|install|set|pragma|call|execute|attach|detach|view|macro|function|schema|commit|rollback|end|abort)\b|\w\s*\(/i;

/** What hides quotes from {@link STRINGS}. */
const TRICKY = /\$\w*\$|\be'|--|\/\*|"/i;
const STRINGS = /'[^']*'/g;
const NO_CALL = /\binsert\s+into\s+[\w.]+\s*\(|\bvalues\s*\(/gi;

/** Long texts are mostly values: 10 MB of them take a second to read token by token. */
function mayOpen(sql: string): boolean {
  if (!MAY_OPEN.test(sql)) return false;
  if (sql.length <= LONGEST || TRICKY.test(sql)) return true;
  return MAY_OPEN.test(sql.replace(STRINGS, "''").replace(NO_CALL, ' '));
}

const NONE: readonly FileUses[] = [];

interface Look {
  readonly connection: DuckDBConnection;
  readonly params: BindParams | undefined;
  readonly definitions: Definitions;
  /** Set where a name may mean other files than its path says. */
  readonly searchPath: boolean;
  /** Definitions whose own files have been looked at: a view's text has its own name in it. */
  readonly seen: Set<Definition>;
}

/**
 * Keeps SQL from opening the files that DuckDB has open here as databases: closing any descriptor of a file drops
 * the kernel's locks that this process has on it, and with them the fence. Preparing a statement opens some files
 * already, so the names are found in the text before it is prepared, resolved as DuckDB would, and compared by
 * device and inode.
 *
 * What a text does not tell is looked up: definitions of views and macros, values of variables and parameters. What
 * cannot be looked up is refused. The fence stands behind it.
 */
export class OwnFiles {
  readonly #files: OpenFiles;
  readonly #catalog: DuckDBConnection;
  readonly #plans = new Map<string, readonly FileUses[]>();
  /** It is asked for before and after the text has run. */
  #last: { readonly sql: string; readonly uses: readonly FileUses[] } = { sql: '', uses: NONE };
  /** Grows when a definition may have changed. */
  #generation = 0;
  #shared: { readonly generation: number; readonly definitions: Promise<Definitions> } | undefined;
  /** Once they are there. */
  #known: { readonly generation: number; readonly definitions: Definitions } | undefined;
  #listing: Promise<unknown> = Promise.resolve();

  /** @param catalog a connection for the listing of definitions alone */
  constructor(files: OpenFiles, catalog: DuckDBConnection) {
    this.#files = files;
    this.#catalog = catalog;
  }

  /** To be called when a database was attached or detached. */
  changed(): void {
    this.#generation++;
  }

  /** Settles when the catalog's connection is at rest. */
  idle(): Promise<unknown> {
    return this.#listing;
  }

  /** What stands before the texts of one connection. */
  guard(connection: DuckDBConnection): Pick<Guard, 'check' | 'ran'> {
    /** It has defined something: perhaps for itself alone, or in a transaction that is still open. */
    let isDefining = false;
    let own: { readonly generation: number; readonly definitions: Promise<Definitions> } | undefined;
    const definitions = (): Promise<Definitions> | Definitions => {
      if (!isDefining) return this.#sharedDefinitions();
      if (own?.generation !== this.#generation)
        own = { generation: this.#generation, definitions: definitionsOn(connection) };
      return own.definitions;
    };
    return {
      check: (sql, params, part, count) => {
        const uses = this.#planOf(sql);
        const some = [uses.length, undefined].includes(count) ? uses.slice(part, part + 1) : uses;
        const folders = part === 0 ? uses.filter((one) => one.folders.length > 0) : [];
        const relevant = [...some, ...folders].filter((one) => this.#isRelevant(one, isDefining));
        if (relevant.length === 0) return undefined;
        return this.#look(connection, relevant, params, definitions);
      },
      ran: (sql) => {
        const uses = this.#planOf(sql);
        if (uses.some(opens)) this.#files.doubt();
        const has = (words: readonly string[]): boolean =>
          uses.some((one) => words.some((word) => one.words.has(word)));
        const defines = has(DEFINING);
        if (defines || (isDefining && has(ENDING))) this.#generation++;
        isDefining ||= defines;
      },
    };
  }

  #isRelevant(uses: FileUses, isDefining: boolean): boolean {
    if (opens(uses)) return true;
    if (!uses.mayUseDefinitions) return false;
    if (isDefining || this.#known?.generation !== this.#generation) return true;
    return [...this.#known.definitions.keys()].some((name) => uses.words.has(name));
  }

  #planOf(sql: string): readonly FileUses[] {
    if (sql === this.#last.sql) return this.#last.uses;
    const known = this.#plans.get(sql);
    if (known) return known;
    const uses = mayOpen(sql) ? fileUsesOf(sql) : NONE;
    this.#last = { sql, uses };
    if (sql.length > LONGEST || uses === NONE) return uses;
    this.#plans.set(sql, uses);
    const [oldest] = this.#plans.keys();
    if (this.#plans.size > KEPT && oldest !== undefined) this.#plans.delete(oldest);
    return uses;
  }

  #sharedDefinitions(): Promise<Definitions> | Definitions {
    const generation = this.#generation;
    if (this.#known?.generation === generation) return this.#known.definitions;
    if (this.#shared?.generation === generation) return this.#shared.definitions;
    // One after the other on the one connection.
    const definitions = this.#listing.then(() => definitionsOn(this.#catalog));
    this.#listing = definitions.catch(() => undefined);
    this.#shared = { generation, definitions };
    void definitions.then(
      (found) => {
        this.#known = { generation, definitions: found };
      },
      () => {
        this.#shared = undefined;
      },
    );
    return definitions;
  }

  async #look(
    connection: DuckDBConnection,
    uses: readonly FileUses[],
    params: BindParams | undefined,
    definitions: () => Promise<Definitions> | Definitions,
  ): Promise<void> {
    const look: Look = {
      connection,
      params,
      definitions: await definitions(),
      searchPath: await hasSearchPath(connection),
      seen: new Set(),
    };
    for (const one of uses) await this.#checkUses(look, one, 0);
  }

  async #checkUses(look: Look, uses: FileUses, depth: number): Promise<void> {
    if (depth > DEEPEST) throw unknowable('the statement goes too deep');
    if (uses.words.has('enable_peg_parser'))
      throw new PondError('INVALID', 'onepond cannot read statements as that parser does', {
        hint: 'leave the parser as it is',
      });
    for (const name of uses.names) await this.#checkNames(look, this.#valueOf(look, uses, name), uses);
    for (const folder of uses.folders) await this.#checkFolder(look, folder, depth);
    for (const call of look.definitions.size > 0 ? uses.words : []) {
      for (const definition of look.definitions.get(call) ?? [])
        await this.#checkDefinition(look, call, definition, uses, depth);
    }
    for (const text of uses.texts) await this.#checkText(look, this.#valueOf(look, uses, text), depth);
    for (const text of uses.computedTexts)
      await this.#checkText(look, await evaluate(look, uses, text), depth);
    for (const name of uses.computed) await this.#checkNames(look, await evaluate(look, uses, name), uses);
    if (uses.executed) await this.#checkExecuted(look, uses.executed, depth);
  }

  /** The names that a macro makes of its arguments are found by evaluating them with those of each call. */
  async #checkDefinition(
    look: Look,
    name: string,
    definition: Definition,
    caller: FileUses,
    depth: number,
  ): Promise<void> {
    const isSeen = look.seen.has(definition);
    look.seen.add(definition);
    const parameters = definition.parameters ?? [];
    for (const one of definition.uses) {
      const { computed, computedTexts } = one;
      const isWhole = parameters.length === 0;
      if (!isSeen)
        await this.#checkUses(look, isWhole ? one : { ...one, computed: [], computedTexts: [] }, depth + 1);
      if (isWhole) continue;
      for (const call of caller.calls.filter((other) => other.name === name)) {
        const given = (expression: string): string => withArguments(expression, parameters, call);
        for (const expression of computed)
          await this.#checkNames(look, await evaluate(look, caller, given(expression)), one);
        for (const text of computedTexts)
          await this.#checkText(look, await evaluate(look, caller, given(text)), depth);
      }
    }
  }

  async #checkText(look: Look, texts: readonly string[], depth: number): Promise<void> {
    for (const text of texts)
      for (const uses of fileUsesOf(text)) await this.#checkUses(look, uses, depth + 1);
  }

  /** Arguments of an EXECUTE are files only where its statement opens some. */
  async #checkExecuted(
    look: Look,
    { name, uses }: NonNullable<FileUses['executed']>,
    depth: number,
  ): Promise<void> {
    const sql = 'SELECT statement FROM system.main.duckdb_prepared_statements() WHERE name = $1';
    const [text] = (await rowsOf(look.connection, sql, [name])).flat() as string[];
    const inner = text === undefined ? [] : fileUsesOf(text);
    const isReading = inner.some(
      (one) => opens(one) || [...look.definitions.keys()].some((key) => one.words.has(key)),
    );
    if (!isReading) return;
    for (const one of inner) await this.#checkUses(look, { ...one, isPrepared: true }, depth + 1);
    await this.#checkUses(look, uses, depth + 1);
  }

  /** What EXPORT writes and IMPORT reads, under names of their own. */
  async #checkFolder(look: Look, folder: string, depth: number): Promise<void> {
    await this.#checkNames(
      look,
      FOLDER_FILES.map((name) => join(folder, name)),
      NO_USES,
    );
    for (const name of ['schema.sql', 'load.sql']) {
      const file = join(folder, name);
      if (!statSync(file, { throwIfNoEntry: false })?.isFile()) continue;
      await this.#checkText(look, [readText(file)], depth);
    }
  }

  #valueOf({ params }: Look, uses: FileUses, name: FileName): readonly string[] {
    if (typeof name === 'string') return [name];
    if (uses.isPrepared) return [];
    return stringsOf(paramOf(params, String(name.param)));
  }

  async #checkNames(look: Look, names: readonly string[], uses: FileUses): Promise<void> {
    for (const name of names) {
      const path = name.replace(/^file:(?:\/\/(?:localhost)?(?=\/))?/i, '');
      if (path === '' || path.includes('\0') || path.length > 4096) continue;
      if (await this.#isOpen(path)) throw own(name);
      if (uses.words.has('overwrite') && this.#isAround(path)) throw own(name);
      const isUrl = /^[a-z][a-z0-9+.-]*:\/\//i.test(path);
      if (isUrl || !(look.searchPath || /[*?[{~]/.test(path))) continue;
      const files = (await rowsOf(look.connection, 'SELECT file FROM system.main.glob($1)', [name])).flat();
      for (const file of files as string[]) if (await this.#isOpen(file)) throw own(name);
    }
  }

  /** Beside this thread: a network file system may keep a stat waiting. */
  async #isOpen(path: string): Promise<boolean> {
    const found = await stat(path, { bigint: true }).catch(() => null);
    return found !== null && this.#files.has(path, found.dev, found.ino);
  }

  /** What is written over there is removed first. */
  #isAround(folder: string): boolean {
    const within = `${resolve(folder)}/`;
    return this.#files.paths().some((path) => path.startsWith(within));
  }
}

const [NO_USES = undefined as never] = fileUsesOf('SELECT 1');

const own = (name: string): PondError =>
  new PondError(
    'INVALID',
    `${name} is open here as a database: reading or writing it as a file would unlock it`,
    {
      hint: 'query its tables, or take a copy by COPY FROM DATABASE',
    },
  );

const unknowable = (why: string, cause?: unknown): PondError =>
  new PondError('INVALID', `the name of a file cannot be told before the statement runs: ${why}`, {
    hint: 'write the name as a literal or as a parameter',
    ...(cause === undefined ? {} : { cause }),
  });

async function hasSearchPath(connection: DuckDBConnection): Promise<boolean> {
  const sql = "SELECT value FROM system.main.duckdb_settings() WHERE name = 'file_search_path'";
  const [value] = (await rowsOf(connection, sql)).flat();
  return typeof value === 'string' && value !== '';
}

/** The strings that an expression gives, on the connection of its statement. */
async function evaluate(look: Look, uses: FileUses, expression: string): Promise<readonly string[]> {
  if (hasSubquery(expression) && !expression.startsWith(GIVEN)) throw unknowable('it comes from a subquery');
  if (uses.isPrepared) throw unknowable('a prepared statement computes it');
  try {
    const sql = expression.startsWith(GIVEN) ? expression.slice(GIVEN.length) : `SELECT (${expression})`;
    return (await rowsOf(look.connection, sql, look.params, true)).flatMap(stringsOf);
  } catch (error) {
    const known = fromDuckDB(error);
    if (known.code === 'ABORTED' || known.data?.kind === 'TransactionContext') throw known;
    throw unknowable(known.message, known);
  }
}

const hasSubquery = (expression: string): boolean =>
  tokensOf(expression).some(({ kind, value }) => kind === 'word' && /^(?:select|from)$/.test(value));

/** Marks a whole statement among expressions. */
const GIVEN = '/*given*/';

function withArguments(expression: string, parameters: readonly string[], { args }: FunctionCall): string {
  if (args.length !== parameters.length)
    throw unknowable('a macro computes it from defaults or named arguments');
  if (hasSubquery(`${expression} ${args.join(' ')}`)) throw unknowable('a macro computes it from a subquery');
  const names = parameters.map((name) => `"${name.replaceAll('"', '""')}"`);
  return `${GIVEN}SELECT (${expression}) FROM (SELECT ${args.join(', ')}) AS "given"(${names.join(', ')})`;
}

/** @param isPart the parameters are those of a larger statement */
async function rowsOf(
  connection: DuckDBConnection,
  sql: string,
  params: BindParams = [],
  isPart = false,
): Promise<readonly unknown[][]> {
  const statement = await connection.prepare(sql);
  try {
    const names = Array.from({ length: statement.parameterCount }, (_, i) => statement.parameterName(i + 1));
    bindParams(statement, isPart ? names.map((name) => paramOf(params, name)) : params);
    return await (await statement.run()).getRowsJS();
  } finally {
    statement.destroySync();
  }
}

function paramOf(params: BindParams | undefined, name: string): unknown {
  if (params === undefined) return undefined;
  if (Array.isArray(params)) return params[Number(name) - 1];
  const named = params as Readonly<Record<string, unknown>>;
  return Object.hasOwn(named, name) ? named[name] : undefined;
}

function stringsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap(stringsOf);
  const items = (value as { readonly items?: unknown } | null)?.items;
  return Array.isArray(items) ? items.flatMap(stringsOf) : [];
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw fromSystem(error, file);
  }
}

/** Before there is a database: a setting may name a file that DuckDB opens with it. */
export async function checkConfig(path: string, config: Readonly<Record<string, string>>): Promise<void> {
  const main = await stat(path, { bigint: true }).catch(() => null);
  for (const value of Object.values(config)) {
    const other = await stat(String(value), { bigint: true }).catch(() => null);
    if (main && other && main.dev === other.dev && main.ino === other.ino) throw own(value);
  }
}
