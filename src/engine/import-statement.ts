import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { OWN_SCHEMA } from './own-schema.ts';
import { isSymbol, isWord, statementsOf, type Token, tokensOf } from './tokens.ts';

/** What DuckDB runs in place of an IMPORT, in this order. */
const FILES = ['schema.sql', 'load.sql'] as const;

/** Of a file of statements, in bytes. */
const LARGEST = 16 * 1024 * 1024;

/** A word that may stand between CREATE and what is created. */
const BEFORE_KIND: ReadonlySet<string> = new Set(['or', 'replace', 'unique', 'temp', 'temporary']);

type Range = readonly Token[];

/**
 * The text with the statements of the exported folder in place of each IMPORT DATABASE whose folder has our tables in
 * it: all of them but those about our tables. DuckDB exports our schema with the user's, and to import it would fail,
 * or give this file the ledger of another.
 * @param check rejects where a file of the folder is one that this process has open: to close it drops its lock
 */
export async function withoutImportOfOwn(sql: string, check: () => Promise<void>): Promise<string> {
  if (!/\bimport\b/i.test(sql)) return sql;
  await check();
  let text = '';
  let copied = 0;
  for (const statement of statementsIn(sql)) {
    const folder = importedFolder(statement);
    const statements = folder === null ? null : await exported(folder);
    if (!statements) continue;
    text += sql.slice(copied, statement[0]?.start) + statements.join(';\n');
    copied = statement.at(-1)?.end ?? 0;
  }
  return text + sql.slice(copied);
}

const statementsIn = (sql: string): Range[] => statementsOf(tokensOf(sql));

function importedFolder(statement: Range): string | null {
  const [first, second, folder] = statement;
  const isImport = isWord(first, 'import') && isWord(second, 'database') && folder?.kind === 'string';
  return isImport ? folder.value : null;
}

/** Null where nothing in the folder is ours, or where only DuckDB can read it. */
async function exported(folder: string): Promise<string[] | null> {
  const texts = await Promise.all(FILES.map((name) => textOf(join(folder, name)).catch(() => null)));
  const kept: string[] = [];
  let hasOwn = false;
  for (const text of texts) {
    if (text === null) return null;
    for (const statement of statementsIn(text)) {
      if (isAboutOwn(statement)) hasOwn = true;
      else kept.push(relocated(text, statement, folder));
    }
  }
  if (!hasOwn) return null;
  return kept.length > 0 ? kept : ['SELECT NULL WHERE false'];
}

/** A pipe would never end, and nothing that DuckDB exports is larger. */
async function textOf(file: string): Promise<string | null> {
  const stats = await stat(file);
  return stats.isFile() && stats.size <= LARGEST ? await readFile(file, 'utf8') : null;
}

function isAboutOwn(statement: Range): boolean {
  const [first, ...rest] = statement;
  if (isWord(first, 'copy')) return isOwnName(rest);
  if (!isWord(first, 'create')) return false;
  const at = rest.findIndex(({ value }) => !BEFORE_KIND.has(value));
  const name = rest.slice(at + 1);
  if (isWord(rest[at], 'schema')) return name[0]?.value === OWN_SCHEMA;
  if (isWord(rest[at], 'index'))
    return isOwnName(name.slice(name.findIndex((token) => isWord(token, 'on')) + 1));
  return isOwnName(name);
}

const isOwnName = ([schema, dot]: Range): boolean =>
  schema?.value === OWN_SCHEMA && dot !== undefined && isSymbol(dot, '.');

/** The data files are read from where the folder is now, as DuckDB's own IMPORT does. */
function relocated(text: string, statement: Range, folder: string): string {
  const [first] = statement;
  const [start, end] = [first?.start, statement.at(-1)?.end];
  const file = statement[statement.findIndex((token) => isWord(token, 'from')) + 1];
  if (!isWord(first, 'copy') || file?.kind !== 'string') return text.slice(start, end);
  const path = join(folder, basename(file.value)).replaceAll("'", "''");
  return `${text.slice(start, file.start)}'${path}'${text.slice(file.end, end)}`;
}
