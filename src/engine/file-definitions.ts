import type { DuckDBConnection } from '@duckdb/node-api';
import { type FileUses, fileUsesOf } from './file-uses.ts';

/** A view or a macro that may open files when it is used. */
export interface Definition {
  /** Of a macro; null for a view. */
  readonly parameters: readonly string[] | null;
  readonly uses: readonly FileUses[];
}

/** By name in lower case; several schemas may have one of a name. Only those that may open files, or use one that may. */
export type Definitions = ReadonlyMap<string, readonly Definition[]>;

const VIEWS = 'SELECT view_name, NULL, sql FROM system.main.duckdb_views() WHERE NOT internal';
/** Some 15 ms: DuckDB lists its own functions too. */
const MACROS = `SELECT function_name, parameters, macro_definition FROM system.main.duckdb_functions()
  WHERE NOT internal AND macro_definition IS NOT NULL`;

/** As the connection sees them, its temporary ones and those of its open transaction included. */
export async function definitionsOn(connection: DuckDBConnection): Promise<Definitions> {
  const all = new Map<string, Definition[]>();
  for (const sql of [VIEWS, MACROS]) {
    const rows = await (await connection.run(sql)).getRowsJS();
    for (const [name, parameters, text] of rows as [string, string[] | null, string | null][]) {
      const key = name.toLowerCase();
      all.set(key, [...(all.get(key) ?? []), { parameters, uses: fileUsesOf(text ?? '') }]);
    }
  }
  const found = new Map<string, readonly Definition[]>();
  for (let before = -1; before < found.size; ) {
    before = found.size;
    for (const [name, definitions] of all)
      if (definitions.some(({ uses }) => uses.some((one) => opens(one) || usesAny(one, found))))
        found.set(name, definitions);
  }
  return found;
}

/** Whether the statement names files, by its text alone. */
export const opens = ({ names, computed, folders, texts, computedTexts, executed }: FileUses): boolean =>
  executed !== null || [names, computed, folders, texts, computedTexts].some(({ length }) => length > 0);

const usesAny = ({ words }: FileUses, definitions: Definitions): boolean =>
  [...definitions.keys()].some((name) => words.has(name));
