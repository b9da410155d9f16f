import {
  type DuckDBConnection,
  type DuckDBPreparedStatement,
  type DuckDBResult,
  StatementType,
} from '@duckdb/node-api';
import { type BindParams, bindParams } from './bind.ts';
import { fromDuckDB } from './errors.ts';
import { execute } from './execute.ts';
import { keptBy, noteRun, type Prepared, prepared } from './kept-statements.ts';

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
 * What is prepared is kept where that is safe: engine/kept-statements.ts.
 */
export async function runStatements(
  connection: DuckDBConnection,
  sql: string,
  params?: BindParams,
  options: RunOptions = {},
): Promise<DuckDBResult> {
  try {
    const kept = keptBy(connection);
    const only = kept.take(sql) ?? (await prepareOnly(connection, sql));
    if (only) {
      // A streaming result still reads from its statement; that one goes with its connection.
      const keep = options.streaming ? undefined : () => kept.put(sql, only);
      return await runPrepared(only.statement, { text: sql, alone: true }, params, options, keep);
    }
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
async function prepareOnly(connection: DuckDBConnection, sql: string): Promise<Prepared | null> {
  try {
    return await prepared(() => connection.prepare(sql));
  } catch (error) {
    if (error instanceof Error && error.message.includes('Cannot prepare multiple statements')) return null;
    throw error;
  }
}

/**
 * `alone` is false for one of several statements, whose own text the driver does not tell.
 * @param keep called with the statement after it has run well; otherwise it is destroyed
 */
async function runPrepared(
  statement: DuckDBPreparedStatement,
  { text, alone }: { readonly text: string; readonly alone: boolean },
  params: BindParams | undefined,
  { streaming = false, before }: RunOptions,
  keep?: () => void,
): Promise<DuckDBResult> {
  const type = statement.statementType;
  let isDone = false;
  try {
    const succeeded = await before?.({ type, text, mayWrite: !alone || mayWrite(type, text) });
    bindParams(statement, params);
    const result = WHOLE.has(type)
      ? await statement.run()
      : await execute(streaming ? statement.startStream() : statement.start());
    isDone = true;
    succeeded?.();
    return result;
  } finally {
    noteRun(type);
    if (isDone && keep) keep();
    else if (!streaming) statement.destroySync();
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
