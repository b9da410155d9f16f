import {
  type DuckDBConnection,
  type DuckDBPreparedStatement,
  type DuckDBResult,
  StatementType,
} from '@duckdb/node-api';
import { type BindParams, bindParams } from './bind.ts';
import { fromDuckDB } from './errors.ts';
import { execute } from './execute.ts';

/**
 * Run by the driver on a thread of its own: a commit or a checkpoint is one long task, which would stop the loop,
 * and cannot be interrupted anyway.
 */
const WHOLE: ReadonlySet<StatementType> = new Set([StatementType.TRANSACTION, StatementType.VACUUM]);

/** What one statement of a text is, told before it runs. */
export interface StatementInfo {
  readonly type: StatementType;
  /** The whole text that it stands in. */
  readonly text: string;
  /** False where the statement is known to change nothing at all. */
  readonly mayWrite: boolean;
}

/** Called before each statement; what it throws ends the text there. What it returns is called on success. */
export type BeforeStatement = (info: StatementInfo) => Promise<(() => void) | undefined>;

interface RunOptions {
  /** The result is computed as it is fetched. */
  readonly streaming?: boolean;
  readonly before?: BeforeStatement | undefined;
}

/**
 * Runs every statement of a text on one connection; params go to the last, whose result is returned. The caller
 * sees to it that calls on one connection do not overlap.
 *
 * Nothing prepared is kept for a second run: DuckDB plans with the table's statistics of the moment and does not
 * look at them again, so that `count(*) where a > 1000`, prepared while no such row was there, stays 0 for ever
 * (DuckDB 1.5.6; a statement with parameters is planned anew).
 */
export async function runStatements(
  connection: DuckDBConnection,
  sql: string,
  params?: BindParams,
  options: RunOptions = {},
): Promise<DuckDBResult> {
  try {
    const only = await prepareOnly(connection, sql);
    if (only) return await runPrepared(only, { text: sql, alone: true }, params, options);
    const extracted = await connection.extractStatements(sql);
    const last = extracted.count - 1;
    const part = { text: sql, alone: false };
    for (let i = 0; i < last; i++)
      await runPrepared(await extracted.prepare(i), part, [], { before: options.before });
    return await runPrepared(await extracted.prepare(last), part, params, options);
  } catch (error) {
    throw fromDuckDB(error, sql);
  }
}

/** The text as one statement; null where it holds several. One step less than extracting, for nearly every call. */
async function prepareOnly(
  connection: DuckDBConnection,
  sql: string,
): Promise<DuckDBPreparedStatement | null> {
  try {
    return await connection.prepare(sql);
  } catch (error) {
    if (error instanceof Error && error.message.includes('Cannot prepare multiple statements')) return null;
    throw error;
  }
}

/** `alone` is false for one of several statements, whose own text the driver does not tell. */
async function runPrepared(
  prepared: DuckDBPreparedStatement,
  { text, alone }: { readonly text: string; readonly alone: boolean },
  params: BindParams | undefined,
  { streaming = false, before }: RunOptions,
): Promise<DuckDBResult> {
  try {
    const type = prepared.statementType;
    const succeeded = await before?.({ type, text, mayWrite: !alone || mayWrite(type, text) });
    bindParams(prepared, params);
    const result = WHOLE.has(type)
      ? await prepared.run()
      : await execute(streaming ? prepared.startStream() : prepared.start());
    succeeded?.();
    return result;
  } finally {
    // A streaming result still reads from its statement; that one goes with its connection.
    if (!streaming) prepared.destroySync();
  }
}

/**
 * Whether a statement can change data. DuckDB tells the type only: a SELECT writes through nextval alone, and an
 * EXPLAIN through ANALYZE. When in doubt, yes: the cost is a call that cannot be sent again.
 */
function mayWrite(type: StatementType, sql: string): boolean {
  if (type === StatementType.SELECT) return /\bnextval\b/i.test(sql);
  if (type === StatementType.EXPLAIN) return /\banalyze\b/i.test(sql);
  return true;
}
