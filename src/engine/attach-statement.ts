import { homedir } from 'node:os';
import { PondError } from '../errors.ts';
import { isSymbol, isWord, statementsOf, type Token, tokensOf } from './tokens.ts';

/** What an ATTACH opens. */
export type AttachTarget =
  /** A DuckDB file of this machine, as it was named. */
  | { readonly kind: 'file'; readonly path: string }
  /** No DuckDB file here: in memory, behind a URL, or of a program with locks of its own. `path` where it is a file. */
  | { readonly kind: 'other'; readonly path: string | null };

export interface AttachStatement {
  readonly target: AttachTarget;
  /** The name that it gives; null where DuckDB makes one from the path. */
  readonly name: string | null;
  readonly ifNotExists: boolean;
  readonly readOnly: boolean;
}

/** Types whose files have programs, and locks, of their own. Others may open DuckDB files that nobody elected. */
const FOREIGN_TYPES = ['sqlite', 'sqlite_scanner', 'postgres', 'postgres_scanner', 'mysql', 'mysql_scanner'];
const TRUE = ['true', '1', 'on', 'yes', 't', 'y'];

/**
 * Reads an ATTACH.
 * @param text the text that it stands in
 * @param part its place among the `count` statements that DuckDB finds in the text, from 0
 * @throws PondError INVALID for one that cannot be understood, before anything is opened
 */
export function readAttach(text: string, part: number, count: number): AttachStatement {
  const statements = statementsOf(tokensOf(text));
  const tokens = statements[part] ?? [];
  let at = 0;
  const next = (...words: readonly string[]): boolean => {
    const is = words.every((word, i) => isWord(tokens[at + i], word));
    if (is) at += words.length;
    return is;
  };
  // DuckDB makes several statements of a PIVOT, and of an IMPORT whatever its files say.
  if (statements.length !== count || !next('attach')) throw unreadable();
  next('or', 'replace');
  next('database');
  const ifNotExists = next('if', 'not', 'exists');
  const path = tokens[at++];
  if (path?.kind !== 'string' || path.value.includes('\0')) throw unreadable();
  let name: string | null = null;
  if (next('as')) {
    const token = tokens[at++];
    if (token?.kind !== 'word' && token?.kind !== 'quoted') throw unreadable();
    name = token.value;
  }
  const options = optionsOf(tokens.slice(at));
  return {
    target: targetOf(path.value, options.get('type')),
    name,
    ifNotExists,
    readOnly: TRUE.includes(options.get('read_only') ?? 'false'),
  };
}

/** The name in a DETACH. @throws PondError INVALID for one that cannot be understood */
export function readDetach(text: string, part: number, count: number): string {
  const statements = statementsOf(tokensOf(text));
  const [first, ...rest] = statements[part] ?? [];
  const name = rest.at(-1);
  const isName = name?.kind === 'word' || name?.kind === 'quoted';
  if (statements.length === count && isWord(first, 'detach') && isName) return name.value;
  throw new PondError('INVALID', 'this DETACH cannot be read', {
    hint: 'write DETACH name, in a text of its own',
  });
}

/**
 * ALTER DATABASE gives a database another name, and DuckDB (1.5.6) does so at once, whatever becomes of the
 * statement: our own rows go by the name of the main file.
 * @throws PondError INVALID
 */
export function refuseRename(text: string): void {
  const renames = statementsOf(tokensOf(text)).some(
    ([first, second]) => isWord(first, 'alter') && isWord(second, 'database'),
  );
  if (!renames) return;
  throw new PondError('INVALID', 'a database cannot be given another name', {
    data: { outcome: 'not-committed' },
    hint: 'DETACH it and attach it under the other name',
  });
}

/** The name that DuckDB makes from a path where a statement gives none. */
export function defaultName(path: string): string {
  return (path.split(/[\\/]/).pop() ?? path).split('.')[0] ?? '';
}

/** `(READ_ONLY, TYPE sqlite)`: by name in lower case; one without a value is on. */
function optionsOf(tokens: readonly Token[]): Map<string, string> {
  const options = new Map<string, string>();
  if (tokens.length === 0) return options;
  if (!isSymbol(tokens[0], '(') || !isSymbol(tokens.at(-1), ')')) throw unreadable();
  let option: Token[] = [];
  for (const token of tokens.slice(1)) {
    if (!isSymbol(token, ',') && token !== tokens.at(-1)) {
      option.push(token);
      continue;
    }
    const [name, ...value] = option;
    if (name)
      options.set(name.value.toLowerCase(), value.map((part) => part.value.toLowerCase()).join('') || 'true');
    option = [];
  }
  return options;
}

function targetOf(named: string, type: string | undefined): AttachTarget {
  const path = expanded(named);
  if (path === '' || path.startsWith(':memory:')) return { kind: 'other', path: null };
  // DuckDB takes what stands before a colon for a type, unless a URL or a drive letter does.
  const prefix = /^([a-z0-9_]{2,}):(?!\/\/)/i.exec(path)?.[1]?.toLowerCase();
  const given = type ?? prefix;
  if (given !== undefined && given !== 'duckdb') {
    if (FOREIGN_TYPES.includes(given))
      return { kind: 'other', path: type ? path : path.slice((prefix ?? '').length + 1) };
    throw new PondError('INVALID', `a database of type ${given} cannot be attached`, {
      hint: `types are ${['duckdb', ...FOREIGN_TYPES].filter((name) => !name.includes('_')).join(', ')}`,
    });
  }
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(path)) return { kind: 'other', path: null };
  return { kind: 'file', path: type === undefined && prefix ? path.slice(prefix.length + 1) : path };
}

/** As DuckDB reads the name of a local file: `~` is the home folder, and a file: URL is its path. */
function expanded(path: string): string {
  const local = path.replace(/^file:(?:\/\/(?:localhost)?(?=\/))?/i, '');
  return local === '~' || local.startsWith('~/') ? homedir() + local.slice(1) : local;
}

const unreadable = (): PondError =>
  new PondError('INVALID', 'this ATTACH cannot be read', {
    hint: "write ATTACH 'path' AS name, with the path as a literal, in a text of its own",
  });
