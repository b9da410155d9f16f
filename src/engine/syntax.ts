import type { DuckDBConnection } from '@duckdb/node-api';
import { NAME_FUNCTIONS } from './functions.ts';
import { runStatements } from './statements.ts';

/** What a SELECT names, in lower case, as DuckDB's parser sees it. */
export interface NamesUsed {
  readonly functions: readonly string[];
  readonly tables: readonly string[];
  /** Texts that table functions are given. */
  readonly texts: readonly string[];
  /** The texts that `query(…)` runs; null for one that is computed. */
  readonly queries: readonly (string | null)[];
  /** A table function computes the name of the table that it reads. */
  readonly computesName: boolean;
}

/** The names of `system.main` are DuckDB's alone. DuckDB shows the syntax of a SELECT, and of nothing else. */
const PARSE = 'SELECT system.main.json_serialize_sql($1::VARCHAR)';

/** Null where the text is no SELECT, or none that DuckDB's parser can show. Nothing of it is bound or run. */
export async function namesUsed(connection: DuckDBConnection, text: string): Promise<NamesUsed | null> {
  const result = await runStatements(connection, PARSE, [text]);
  const [row] = await result.getRowsJS();
  const parsed = JSON.parse(String(row?.[0])) as { readonly error: boolean; readonly statements?: unknown };
  return parsed.error ? null : collect(parsed.statements);
}

interface Node {
  readonly [key: string]: unknown;
}

function collect(root: unknown): NamesUsed {
  const functions: string[] = [];
  const tables: string[] = [];
  const texts: string[] = [];
  const queries: (string | null)[] = [];
  let computesName = false;
  const open: { readonly node: unknown; readonly inTableFunction: boolean }[] = [
    { node: root, inTableFunction: false },
  ];
  for (let next = open.pop(); next; next = open.pop()) {
    const { node, inTableFunction } = next;
    if (typeof node !== 'object' || node === null) continue;
    const { type, function_name: fn, table_name: table, children, value } = node as Node;
    const name = typeof fn === 'string' ? fn.toLowerCase() : '';
    if (name !== '') functions.push(name);
    if (name === 'query') queries.push(onlyText(children));
    if (NAME_FUNCTIONS.has(name)) computesName ||= !isConstant(children);
    if (typeof table === 'string') tables.push(table.replaceAll('"', '').toLowerCase());
    if (inTableFunction && type === 'VALUE_CONSTANT') texts.push(...textOf(value));
    for (const child of Object.values(node))
      open.push({ node: child, inTableFunction: inTableFunction || type === 'TABLE_FUNCTION' });
  }
  return { functions, tables, texts, queries, computesName };
}

function isConstant(children: unknown): boolean {
  return (children as readonly Node[]).every(
    ({ type, function_name: name, children: items }) =>
      type === 'VALUE_CONSTANT' || (name === 'list_value' && isConstant(items)),
  );
}

function onlyText(children: unknown): string | null {
  if (!Array.isArray(children) || children.length !== 1) return null;
  const { type, value } = children[0] as Node;
  return type === 'VALUE_CONSTANT' ? (textOf(value)[0] ?? null) : null;
}

function textOf(value: unknown): string[] {
  const text = (value as Node | null)?.value;
  return typeof text === 'string' ? [text] : [];
}
