import {
  type DuckDBConnection,
  type DuckDBPreparedStatement,
  type DuckDBResult,
  StatementType,
} from '@duckdb/node-api';
import { type BindParams, bindParams } from './bind.ts';
import { fromDuckDB } from './errors.ts';
import { execute } from './execute.ts';
import { guardOf } from './guards.ts';
import { uninterrupted } from './interrupt.ts';
import { keptBy, noteRun, type Prepared, prepared } from './kept-statements.ts';
import { type Kind, kindOf } from './kinds.ts';

/** One long task, which would stop the loop and cannot be interrupted: run by the driver on a thread of its own. */
const WHOLE = /^\s*(?:vacuum|analyze|(?:force\s+)?checkpoint)\b/i;

/** Takes no time at all, and would wait for a thread behind everyone's file system calls. */
const BEGIN = /^\s*begin[\s\w]*$/i;

/** What changes which files are open. */
const ATTACHES: ReadonlySet<StatementType> = new Set([StatementType.ATTACH, StatementType.DETACH]);

/** What one statement of a text is, told before it runs. */
export interface StatementInfo {
  readonly type: StatementType;
  readonly kind: Kind;
  /** The whole text that it stands in. */
  readonly text: string;
  /** Its place in the text, from 0. */
  readonly part: number;
  readonly isLast: boolean;
  /** Statements in the text. */
  readonly count: number;
}

/** Runs the statement; again, where its transaction was rolled back in between. */
export type Run = () => Promise<DuckDBResult>;

/** Called for each statement in its turn. What it throws ends the text there. */
export type Around<T> = (info: StatementInfo, run: Run) => Promise<T>;

interface TextOptions<T> {
  /** Statements up to this place were done before; only what they gave their session is done again. */
  readonly done?: number | undefined;
  readonly params?: BindParams | undefined;
  /** The rows of a last statement that reads are computed as they are fetched. */
  readonly streaming?: boolean;
  /** Its tasks are short, as of a statement of our own: this thread may run them. */
  readonly light?: boolean;
  readonly around: Around<T>;
}

/** Runs every statement of a text for its effect; params go to the last, whose result is returned. */
export function runStatements(
  connection: DuckDBConnection,
  sql: string,
  params?: BindParams,
): Promise<DuckDBResult> {
  return runText(connection, sql, { params, light: true, around: (_, run) => run() });
}

/**
 * Runs every statement of a text on one connection; params go to the last, whose value is returned. The caller
 * sees to it that calls on one connection do not overlap.
 *
 * What is prepared is kept where that is safe: engine/kept-statements.ts.
 */
export async function runText<T>(
  connection: DuckDBConnection,
  sql: string,
  options: TextOptions<T>,
): Promise<T> {
  try {
    const kept = keptBy(connection);
    const only = kept.take(sql) ?? (await prepareOnly(connection, sql));
    if (only) {
      const part = new Part(connection, only.statement, () => connection.prepare(sql), {
        text: sql,
        part: 0,
        isLast: true,
        count: 1,
      });
      // A streaming result still reads from its statement; that one goes with its connection.
      const keep = options.streaming ? undefined : () => kept.put(sql, only);
      return await part.run(options, keep);
    }
    const extracted = await connection.extractStatements(sql);
    const last = extracted.count - 1;
    for (let at = 0; ; at++) {
      // An extracted statement can be prepared once.
      const prepare = async (): Promise<DuckDBPreparedStatement> =>
        (await connection.extractStatements(sql)).prepare(at);
      if (at <= (options.done ?? -1) && !(await isForSession(prepare, sql))) continue;
      const place = { text: sql, part: at, isLast: at === last, count: extracted.count };
      const part = new Part(connection, await extracted.prepare(at), prepare, place);
      const value = await part.run(options);
      if (at === last) return value;
    }
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

/** What was done may not even be prepared again: the table that it dropped is gone. */
async function isForSession(prepare: () => Promise<DuckDBPreparedStatement>, text: string): Promise<boolean> {
  const statement = await prepare().catch(() => null);
  const isSession = statement !== null && kindOf(statement.statementType, text) === 'session';
  statement?.destroySync();
  return isSession;
}

type Place = Pick<StatementInfo, 'text' | 'part' | 'isLast' | 'count'>;

/** One prepared statement of a text. */
class Part {
  readonly #connection: DuckDBConnection;
  #statement: DuckDBPreparedStatement;
  readonly #prepare: () => Promise<DuckDBPreparedStatement>;
  readonly #place: Place;
  #runs = 0;

  constructor(
    connection: DuckDBConnection,
    statement: DuckDBPreparedStatement,
    prepare: () => Promise<DuckDBPreparedStatement>,
    place: Place,
  ) {
    this.#connection = connection;
    this.#statement = statement;
    this.#prepare = prepare;
    this.#place = place;
  }

  /** @param keep called with a statement that ran once and well; any other is destroyed */
  async run<T>(options: TextOptions<T>, keep?: () => void): Promise<T> {
    const { statementType: type } = this.#statement;
    const info = { ...this.#place, type, kind: kindOf(type, this.#place.text) };
    const streaming = options.streaming === true && info.isLast && info.kind === 'read';
    let isWell = false;
    try {
      const execute = (): Promise<DuckDBResult> => this.#execute(type, options, streaming);
      const guard = ATTACHES.has(type) ? guardOf(this.#connection) : undefined;
      const value = await options.around(info, guard ? () => guard.attach(info, execute) : execute);
      isWell = true;
      return value;
    } finally {
      noteRun(type);
      if (isWell && keep && this.#runs <= 1) keep();
      else if (!streaming) this.#statement.destroySync();
    }
  }

  async #execute<T>(
    type: StatementType,
    { params, light }: TextOptions<T>,
    streaming: boolean,
  ): Promise<DuckDBResult> {
    if (this.#runs++ > 0) await this.#prepareAgain();
    const statement = this.#statement;
    bindParams(statement, this.#place.isLast ? params : []);
    const { text } = this.#place;
    if (type === StatementType.TRANSACTION && !BEGIN.test(text))
      return uninterrupted(this.#connection, () => statement.run());
    if (WHOLE.test(text)) return statement.run();
    return execute(streaming ? statement.startStream() : statement.start(), light === true);
  }

  /** A CREATE TABLE that is executed a second time makes a table without columns (DuckDB 1.5.6). */
  async #prepareAgain(): Promise<void> {
    this.#statement.destroySync();
    this.#statement = await this.#prepare();
  }
}
