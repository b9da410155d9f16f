import type { DuckDBConnection } from '@duckdb/node-api';
import { type BindParams, bindParams } from './bind.ts';
import type { StatementInfo } from './statements.ts';

/** Preparing these opens files or runs other statements: once more may not be harmless, as of a pipe. */
const OPENS_MORE =
  /\b(?:copy|import|execute|read_\w+|\w*_?scan\w*|sniff_\w+|glob|query\w*)\b|\b(?:from|join)\s*'|"[^"]*[./][^"]*"/i;

/** Where a statement stands: enough to know what its names mean, as long as no temporary table takes one of them. */
export interface Standing {
  /** The session's own connection, in its transaction. */
  readonly session: DuckDBConnection;
  readonly connect: () => Promise<DuckDBConnection>;
  /** The catalog of the file that has the ledger. */
  readonly catalog: string;
  readonly params: BindParams | undefined;
}

/**
 * True where the statement certainly writes to the file that has the ledger, and not to an attached one. No plan
 * names the file that it writes to, and a transaction that tries to write to a second file is lost. But in a read-only
 * transaction DuckDB refuses a write before it begins, and names the file: so the statement is started in one, on a
 * connection of its own with the session's search path.
 */
export async function writesToOwnFile(
  { text, part, isLast }: StatementInfo,
  { session, connect, catalog, params }: Standing,
): Promise<boolean> {
  if (OPENS_MORE.test(text)) return false;
  let probe: DuckDBConnection | undefined;
  try {
    const path = await session.run("SELECT system.main.current_setting('search_path')");
    const [row] = await path.getRowsJS();
    probe = await connect();
    if (row?.[0]) await probe.run(`SET search_path = '${String(row[0]).replaceAll("'", "''")}'`);
    await probe.run('BEGIN TRANSACTION READ ONLY');
    const statement = await (await probe.extractStatements(text)).prepare(part);
    bindParams(statement, isLast ? params : []);
    statement.start();
    // Nothing that DuckDB calls a write, or one to a temporary table.
    return false;
  } catch (error) {
    const refusal = `Cannot write to database "${catalog}" - transaction is launched in read-only mode`;
    return error instanceof Error && error.message.includes(refusal);
  } finally {
    probe?.closeSync();
  }
}
