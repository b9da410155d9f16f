import { StatementType } from '@duckdb/node-api';
import { PondError } from '../errors.ts';

/**
 * What a statement is to those who must know whether it may run twice. specs/exactly-once.md says what each kind
 * means for its caller.
 * - `read`: changes nothing; harmless to repeat
 * - `session`: changes what later statements of the session mean, and no data; harmless to repeat
 * - `write`: changes data in DuckDB's transaction, so that the ledger can say in the same one that it was done
 * - `transaction`: opens or ends one
 * - `outside`: has an effect that no transaction takes back
 */
export type Kind = 'read' | 'session' | 'write' | 'transaction' | 'outside';

/** What is not named here is `outside`: when in doubt, the cost is a call that cannot be sent again. */
const KINDS: Readonly<Partial<Record<StatementType, Kind>>> = {
  [StatementType.SELECT]: 'read',
  [StatementType.EXPLAIN]: 'read',
  [StatementType.SET]: 'session',
  [StatementType.VARIABLE_SET]: 'session',
  [StatementType.PREPARE]: 'session',
  [StatementType.LOAD]: 'session',
  [StatementType.INSERT]: 'write',
  [StatementType.UPDATE]: 'write',
  [StatementType.DELETE]: 'write',
  [StatementType.MERGE_INTO]: 'write',
  [StatementType.CREATE]: 'write',
  [StatementType.CREATE_FUNC]: 'write',
  [StatementType.ALTER]: 'write',
  [StatementType.DROP]: 'write',
  [StatementType.EXECUTE]: 'write',
  [StatementType.TRANSACTION]: 'transaction',
};

/** COPY … FROM changes a table; COPY … TO a file. */
const COPY_FROM = /^\s*copy\s+(?:"[^"]+"|[\w.])+\s*(?:\([^)]*\)\s*)?from\b/i;

/**
 * What a statement's type says of it. What EXPLAIN ANALYZE, EXECUTE and functions do: engine/classify.ts.
 * @param text the statement alone, without comments, or the text that it stands in
 */
export function kindOf(type: StatementType, text: string): Kind {
  if (type === StatementType.COPY && COPY_FROM.test(text)) return 'write';
  return KINDS[type] ?? 'outside';
}

/** True where the statement gives its session something of its own, so that it means more there than elsewhere. */
export function makesSession(kind: Kind, text: string): boolean {
  return kind === 'session' || (kind === 'write' && /\btemp(?:orary)?\b/i.test(text));
}

/** What cannot hold code: strings and comments. */
const INERT = /'(?:[^']|'')*'|--[^\n]*|\/\*[\s\S]*?\*\//g;
/** What reads or writes a file, or runs a text that nobody has seen: a file may be a pipe that nobody writes. */
const NAMES_FILE = [
  /\b(?:copy|attach|export|import|install|load)\b/i,
  /\b(?:from|join|describe|summarize|pivot|unpivot)\s*\(*\s*(?:''|"[^"]*[./][^"]*")/i,
  /\b(?:read_\w+|\w+_scan|sniff_\w+|parquet_\w+|glob|query|query_table|st_read\w*)\s*\(/i,
];

/** True where the text names what DuckDB may wait for without an end, and without hearing an interrupt. */
export function namesFile(text: string): boolean {
  const bare = text.replace(INERT, (found) => (found.startsWith("'") ? "''" : ' '));
  return NAMES_FILE.some((pattern) => pattern.test(bare));
}

/** True where nothing is looked up that could lead to a file: no table, no view, no function. */
export function namesNothing(text: string): boolean {
  return /^\s*(?:begin[\s\w]*|commit|rollback|select\s+\d+)\s*;?\s*$/i.test(text);
}

/** Functions that make much of little: called on what depends on no row, DuckDB computes them in planning. */
const MAKES_MUCH = /\b(?:range|generate_series|repeat|lpad|rpad)\s*\(/i;
/** The same names as tables: those are read, and not planned. */
const AS_TABLE = /\b(?:from|join)\s+(?:range|generate_series)\s*\(/gi;

/** True where planning the text may take as long as running it. */
export function mayPlanLong(text: string): boolean {
  return MAKES_MUCH.test(text) && MAKES_MUCH.test(text.replace(INERT, ' ').replace(AS_TABLE, ' '));
}

/** A parenthesis behind a word that is no call of a function. */
const NO_CALL =
  /^\s*insert\s+(?:or\s+\w+\s+)?into\s+(?:"[^"]*"|[\w.])+\s*\(|\b(?:values|in|and|or|not|set|where)\s*\(/gi;

/**
 * True for one write that cannot be costly: it calls no function and reads no other table and no view. Its tasks are
 * short, whatever its params are, and nothing in it can wait for a file: so it may share a transaction with other
 * sessions' own. False says nothing.
 */
export function isLightWrite(text: string): boolean {
  if (text.length > 16_384) return false;
  const bare = text.replace(INERT, '').replace(/^\s*delete\s+from\b/i, 'delete');
  if (!/^\s*(?:insert|update|delete)\b[^;]*;?\s*$/i.test(bare)) return false;
  if (/\b(?:select|from|using|with|join|table)\b|\$\$/i.test(bare)) return false;
  return !/[\w"]\s*\(/.test(bare.replace(NO_CALL, ' '));
}

/** An EXPLAIN of what begins or ends a transaction; with ANALYZE it does so, and no other statement carries one. */
const EXPLAINED =
  /\bexplain\s*(?:\banaly[sz]e\b\s*|\([^()]*\)\s*)*\b(?:begin|start|commit|end|rollback|abort)\b/i;

/** @throws PondError INVALID */
export function refuseExplained(type: StatementType, text: string): void {
  if (type !== StatementType.EXPLAIN || !EXPLAINED.test(text.replace(INERT, ' '))) return;
  throw new PondError('INVALID', 'a statement that begins or ends a transaction cannot be explained', {
    hint: 'run it by itself',
  });
}
