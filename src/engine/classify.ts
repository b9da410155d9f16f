import { type DuckDBConnection, StatementType } from '@duckdb/node-api';
import { PondError } from '../errors.ts';
import { callOf, OUTSIDE_FUNCTIONS } from './functions.ts';
import { type Kind, kindOf } from './kinds.ts';
import { currentDefinitions } from './meaning.ts';
import { withoutComments } from './sql-text.ts';
import { runStatements } from './statements.ts';

/** What a statement is when it runs. */
export interface Classified {
  readonly kind: Kind;
  /** Of what it runs: EXPLAIN ANALYZE and EXECUTE run another one. INVALID where that is not known. */
  readonly type: StatementType;
}

/** EXPLAIN with its options. The text behind it is what it explains. */
const EXPLAIN = /^\s*explain\b\s*((?:analy[sz]e\b\s*)?(?:\(\s*(?:analy[sz]e|format|verbose)\b[^()]*\)\s*)?)/i;
const EXECUTE = /^\s*execute\s+(?:"((?:""|[^"])+)"|([^\s"(;]+))/i;
const CHANGES_OUTSIDE = callOf(OUTSIDE_FUNCTIONS);
const UNKNOWN: Classified = { kind: 'write', type: StatementType.INVALID };

/**
 * What a statement does that has been prepared on the connection. For a read that is all DuckDB's type says: whether
 * it calls a sequence, DuckDB tells when it starts ({@link mayCallSequence}).
 * @param text the statement alone; empty where it is not known
 */
export async function classify(
  connection: DuckDBConnection,
  type: StatementType,
  text: string,
): Promise<Classified> {
  if (type === StatementType.SELECT)
    return { kind: CHANGES_OUTSIDE.test(withoutComments(text)) ? 'outside' : 'read', type };
  if (type === StatementType.EXPLAIN) return explained(connection, withoutComments(text));
  if (type === StatementType.EXECUTE) return executed(connection, withoutComments(text));
  return { kind: kindOf(type, withoutComments(text)), type };
}

/** What a parenthesis behind EXPLAIN may begin with, that is no option. */
const SELECT_IN_PARENTHESES =
  /^\(+\s*(?:select|from|with|values|table|pivot|unpivot|describe|show|summarize)\b/i;

/**
 * What an EXPLAIN explains, and whether it runs that. Null where its options are not understood.
 * @param text without comments
 */
export function behindExplain(text: string): { readonly text: string; readonly runs: boolean } | null {
  const [head = '', options = ''] = EXPLAIN.exec(text) ?? [];
  const rest = text.slice(head.length);
  if (head === '' || (rest.startsWith('(') && !SELECT_IN_PARENTHESES.test(rest))) return null;
  return { text: rest, runs: /\banaly[sz]e\b/i.test(options) };
}

async function explained(connection: DuckDBConnection, text: string): Promise<Classified> {
  const behind = behindExplain(text);
  if (!behind) return UNKNOWN;
  if (!behind.runs) return { kind: 'read', type: StatementType.EXPLAIN };
  const inner = await innerOf(connection, behind.text);
  if (inner.kind === 'transaction')
    throw new PondError('INVALID', 'EXPLAIN ANALYZE of a statement that begins or ends a transaction', {
      hint: 'run the statement itself',
    });
  return inner;
}

async function executed(connection: DuckDBConnection, text: string): Promise<Classified> {
  const [, quoted, plain = ''] = EXECUTE.exec(text) ?? [];
  const name = (quoted?.replaceAll('""', '"') ?? plain).toLowerCase();
  const result = await runStatements(
    connection,
    'SELECT name, statement FROM system.main.duckdb_prepared_statements()',
  );
  const rows = (await result.getRowsJS()) as [string, string][];
  const found = rows.filter(([prepared]) => prepared.toLowerCase() === name);
  const [, statement] = found[0] ?? [];
  return found.length === 1 && statement !== undefined ? innerOf(connection, statement) : UNKNOWN;
}

/** Of a statement that another one runs. */
async function innerOf(connection: DuckDBConnection, text: string): Promise<Classified> {
  try {
    const statement = await connection.prepare(text);
    const { statementType: type } = statement;
    statement.destroySync();
    return await classify(connection, type, text);
  } catch (error) {
    if (error instanceof PondError) throw error;
    return UNKNOWN;
  }
}

interface Sequences {
  readonly definitions: number;
  readonly areThere: boolean;
}

const sequences = new WeakMap<DuckDBConnection, Sequences>();

/**
 * False where no statement can write by what it selects: only through a sequence does DuckDB (1.5.6) change a
 * database in a SELECT, and the connection sees none. Looked up once until a definition may have changed.
 */
export async function mayCallSequence(connection: DuckDBConnection): Promise<boolean> {
  const definitions = currentDefinitions();
  const known = sequences.get(connection);
  if (known && known.definitions === definitions) return known.areThere;
  const found = await runStatements(connection, 'SELECT 1 FROM system.main.duckdb_sequences() LIMIT 1');
  const areThere = (await found.getRowsJS()).length > 0;
  sequences.set(connection, { definitions, areThere });
  return areThere;
}
