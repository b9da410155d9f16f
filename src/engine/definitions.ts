import type { DuckDBConnection } from '@duckdb/node-api';
import {
  callOf,
  HARMLESS_VOLATILE,
  NAME_FUNCTIONS,
  nameOf,
  OPAQUE_FUNCTIONS,
  OUTSIDE_FUNCTIONS,
  READING_TABLE_FUNCTIONS,
  SEQUENCE_FUNCTIONS,
} from './functions.ts';
import { definitionsOn } from './meaning.ts';
import { runText } from './statements.ts';

/** Names that a statement which only reads may not use, in lower case. */
export interface Harmful {
  /** Functions and macros that change something. */
  readonly functions: ReadonlySet<string>;
  /** Views that call one. */
  readonly views: ReadonlySet<string>;
  /** Finds any of them in a text. It may also find a column of that name. */
  readonly namesOnly: RegExp;
  /** The same, and the functions that take a text to run. */
  readonly anyName: RegExp;
  /** A macro is among them: it may stand for an operator, or for what `[…]` calls, which no word shows. */
  readonly hasMacro: boolean;
}

/**
 * All user macros and views, the table functions and the volatile functions. The names are ours and DuckDB's alone:
 * nobody can define anything in `system.main`.
 */
const DEFINED = `SELECT function_name, function_type, macro_definition FROM system.main.duckdb_functions()
  WHERE function_type = 'table' OR stability = 'VOLATILE' OR (macro_definition IS NOT NULL AND NOT internal)
  UNION ALL SELECT view_name, 'view', sql FROM system.main.duckdb_views() WHERE NOT internal`;

type Defined = readonly [name: string, type: string, definition: string | null];

/** Which names of a database hide a change; read again when a definition may have changed. */
export class Definitions {
  #known: { readonly at: number; readonly harmful: Harmful } | undefined;

  /** @param connection in the transaction that will run the statement: it sees the same definitions */
  async harmful(connection: DuckDBConnection): Promise<Harmful> {
    const at = definitionsOn(connection);
    if (this.#known && this.#known.at === at) return this.#known.harmful;
    const rows = await runText(connection, DEFINED, { around: async (_, run) => (await run()).getRowsJS() });
    const harmful = harmfulOf(rows as unknown as Defined[]);
    if (definitionsOn(connection) === at) this.#known = { at, harmful };
    return harmful;
  }
}

function harmfulOf(defined: readonly Defined[]): Harmful {
  const functions = new Set([...SEQUENCE_FUNCTIONS, ...OUTSIDE_FUNCTIONS, ...OPAQUE_FUNCTIONS]);
  const views = new Set<string>();
  const hiding: { readonly name: string; readonly text: string; readonly isView: boolean }[] = [];
  for (const [given, type, text] of defined) {
    const name = given.toLowerCase();
    if (text !== null) hiding.push({ name, text, isView: type === 'view' });
    else if (type === 'table' ? !READING_TABLE_FUNCTIONS.has(name) : !HARMLESS_VOLATILE.has(name))
      functions.add(name);
  }
  let hasMacro = false;
  for (let before = -1; before !== functions.size + views.size; ) {
    before = functions.size + views.size;
    const calls = callOf([...functions, 'query', ...(views.size > 0 ? NAME_FUNCTIONS : [])]);
    const names = nameOf(views);
    for (const { name, text, isView } of hiding)
      if (calls.test(text) || names.test(text)) {
        // A syntax tree has the name of a view with its quotes or without them.
        if (isView) views.add(name).add(name.replaceAll('"', ''));
        else {
          functions.add(name);
          hasMacro = true;
        }
      }
  }
  const names = [...functions, ...views];
  return {
    functions,
    views,
    namesOnly: nameOf(names),
    anyName: nameOf([...names, 'query', ...NAME_FUNCTIONS]),
    hasMacro,
  };
}
