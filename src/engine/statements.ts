import {
  type DuckDBConnection,
  type DuckDBPendingResult,
  type DuckDBPreparedStatement,
  type DuckDBResult,
  StatementType,
} from '@duckdb/node-api';
import { refuseRename } from './attach-statement.ts';
import { type BindParams, bindParams } from './bind.ts';
import { type Classified, classify, mayCallSequence } from './classify.ts';
import { fromDuckDB, isRefusedWrite, writesInBinding } from './errors.ts';
import { type Executable, execute, type Weight } from './execute.ts';
import { guardOf } from './guards.ts';
import { uninterrupted } from './interrupt.ts';
import { keptBy, type Prepared, prepared } from './kept-statements.ts';
import { type Kind, kindOf, mayPlanLong, namesFile, namesNothing } from './kinds.ts';
import { aboutToRun, isInTransaction } from './meaning.ts';
import { type Statement, statementsOf } from './sql-text.ts';
import { onEndlessThread, onThread, onTriedThread, wasSlow } from './threads.ts';

/** One long task, which would stop the loop and cannot be interrupted: run by the driver on a thread of its own. */
const WHOLE = /^\s*(?:vacuum|analyze|(?:force\s+)?checkpoint)\b/i;

/** Takes no time at all, and would wait for a thread behind everyone's file system calls. */
const BEGIN = /^\s*begin[\s\w]*$/i;

/** What changes which files are open. */
const ATTACHES: ReadonlySet<StatementType> = new Set([StatementType.ATTACH, StatementType.DETACH]);

/** A parameter may be a statement's text to these: they read one time, and write another. */
const TAKES_TEXT = /\bquery(?:_table)?\b/i;

/** What one statement of a text is, told before it runs. */
export interface StatementInfo {
  /** For EXPLAIN ANALYZE and EXECUTE the type of what they run, where that is known. */
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
  /** Where the text stands in the caller's own; its errors have their place in that. */
  readonly start?: number;
  /** The rows of a last statement that reads are computed as they are fetched. */
  readonly streaming?: boolean;
  /** It is a client's: what it does is asked of DuckDB. What our own do is known. */
  readonly isForeign?: boolean;
  /** Its tasks are short, as of a statement of our own: this thread may run them. */
  readonly light?: boolean;
  /** Ends the wait for a thread. What runs is interrupted by the caller. */
  readonly signal?: AbortSignal | undefined;
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
  const guard = guardOf(connection);
  const whole: Statement = { text: sql, start: 0 };
  let current = whole;
  try {
    const checked = guard?.check(sql, options.params, 0);
    if (checked) await checked;
    const kept = keptBy(connection);
    const safely = <P>(prepare: () => Promise<P>): Promise<P> => onSomeThread(sql, options, prepare);
    const prepareWhole = (): Promise<DuckDBPreparedStatement> => safely(() => connection.prepare(sql));
    const only = kept.take(sql) ?? (await prepareOnly(connection, prepareWhole, options.isForeign === true));
    if (only) {
      const place = { text: sql, part: 0, isLast: true, count: 1 };
      const part = new Part(connection, only, prepareWhole, place, sql);
      // A streaming result still reads from its statement; that one goes with its connection.
      const keep = options.streaming ? undefined : () => kept.put(sql, only);
      return await part.run(options, keep);
    }
    const extracted = await connection.extractStatements(sql);
    const last = extracted.count - 1;
    // DuckDB makes several statements of a PIVOT, and of COPY FROM DATABASE.
    const apart = statementsOf(sql);
    const isKnown = apart.length === extracted.count;
    for (let at = 0; ; at++) {
      if (at > 0) {
        guard?.ran(sql);
        await guard?.check(sql, options.params, at, extracted.count);
      }
      current = (isKnown && apart[at]) || whole;
      const { text } = current;
      // Prepared by its own text, a statement's errors have a place in that. An extracted one can be prepared once,
      // and the names that DuckDB makes up for a PIVOT are others when it is extracted again.
      const prepare = async (): Promise<DuckDBPreparedStatement> =>
        safely(async () =>
          isKnown ? connection.prepare(text) : (await connection.extractStatements(sql)).prepare(at),
        );
      if (at <= (options.done ?? -1) && !(await isForSession(prepare, text))) continue;
      const first = await prepareFirst(
        connection,
        isKnown ? prepare : () => safely(() => extracted.prepare(at)),
        options.isForeign === true,
      );
      const place = { text: sql, part: at, isLast: at === last, count: extracted.count };
      const value = await new Part(connection, first, prepare, place, isKnown ? text : '').run(options);
      if (at === last) return value;
    }
  } catch (error) {
    throw fromDuckDB(error, current.text, current.start + (options.start ?? 0));
  } finally {
    guard?.ran(sql);
  }
}

/** The text as one statement; null where it holds several. One step less than extracting, for nearly every call. */
async function prepareOnly(
  connection: DuckDBConnection,
  prepare: () => Promise<DuckDBPreparedStatement>,
  isForeign: boolean,
): Promise<Prepared | null> {
  try {
    return await prepareFirst(connection, prepare, isForeign);
  } catch (error) {
    if (error instanceof Error && error.message.includes('Cannot prepare multiple statements')) return null;
    throw error;
  }
}

/**
 * DuckDB calls a sequence in preparing a statement such as `FROM range(nextval('s'))`, and then refuses it with an
 * internal error (1.5.6). In a transaction that is rolled back it tells the type.
 */
async function prepareFirst(
  connection: DuckDBConnection,
  prepare: () => Promise<DuckDBPreparedStatement>,
  isForeign: boolean,
): Promise<Prepared> {
  try {
    return await prepared(connection, prepare);
  } catch (error) {
    if (!isForeign || isInTransaction(connection) || !writesInBinding(error)) throw error;
    await runStatements(connection, 'BEGIN TRANSACTION READ ONLY');
    try {
      const statement = await prepare();
      const { statementType: type } = statement;
      statement.destroySync();
      return { statement: null, type, meaning: Number.NaN };
    } finally {
      await runStatements(connection, 'ROLLBACK');
    }
  }
}

/** Preparing looks a text up, and reads the head of each file in it: any text but a few may lead to a file. */
function onSomeThread<T>(
  text: string,
  options: Pick<TextOptions<unknown>, 'light' | 'signal'>,
  prepare: () => Promise<T>,
): Promise<T> {
  const weight = weightOf(text, options);
  if (weight === 'light' || namesNothing(text)) return prepare();
  return weight === 'endless'
    ? onEndlessThread(prepare, options.signal)
    : onTriedThread(text, prepare, options.signal);
}

function weightOf(text: string, { light }: Pick<TextOptions<unknown>, 'light'>): Weight {
  if (light) return 'light';
  if (namesFile(text) || wasSlow(text)) return 'endless';
  return mayPlanLong(text) ? 'planning' : 'any';
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
  readonly #prepared: Prepared;
  #statement: DuckDBPreparedStatement | null;
  readonly #prepare: () => Promise<DuckDBPreparedStatement>;
  readonly #place: Place;
  /** The statement alone; empty where that is not known. */
  readonly #text: string;
  #runs = 0;

  constructor(
    connection: DuckDBConnection,
    prepared: Prepared,
    prepare: () => Promise<DuckDBPreparedStatement>,
    place: Place,
    text: string,
  ) {
    this.#connection = connection;
    this.#prepared = prepared;
    this.#statement = prepared.statement;
    this.#prepare = prepare;
    this.#place = place;
    this.#text = text;
  }

  /** @param keep called with a statement that ran once and well; any other is destroyed */
  async run<T>(options: TextOptions<T>, keep?: () => void): Promise<T> {
    let isWell = false;
    let isStream = false;
    try {
      const classified = await this.#classify(options);
      const info = { ...this.#place, ...classified };
      isStream = options.streaming === true && info.isLast && info.kind === 'read';
      const read = await this.#read(info, options, isStream);
      if (!read) isStream = false;
      const value = read ? read.value : await this.#around({ ...info, kind: asWrite(info.kind) }, options);
      isWell = true;
      return value;
    } finally {
      if (isWell && keep && this.#runs <= 1 && this.#statement) keep();
      else if (!isStream) this.#statement?.destroySync();
    }
  }

  async #classify(options: TextOptions<unknown>): Promise<Classified> {
    const { type } = this.#prepared;
    if (!options.isForeign) return { type, kind: kindOf(type, this.#place.text) };
    this.#prepared.classified ??= await classify(this.#connection, type, this.#shown(type));
    const { kind, type: known } = this.#prepared.classified;
    return { kind: kind === 'read' && !this.#statement ? 'write' : kind, type: known || type };
  }

  /** A PIVOT stands for several statements, and only its SELECT may be taken for the text's own words. */
  #shown(type: StatementType): string {
    return this.#text === '' && type === StatementType.SELECT ? this.#place.text : this.#text;
  }

  /**
   * Runs a statement that reads; null for one that DuckDB knows to write, whatever macro or view hides it. Only a
   * call of a sequence can, and DuckDB refuses that in a read-only transaction before it does anything. A stream
   * reads in one in any case: it tells an error from an end.
   */
  async #read<T>(
    info: StatementInfo,
    options: TextOptions<T>,
    isStream: boolean,
  ): Promise<{ value: T } | null> {
    if (info.kind !== 'read') return null;
    const connection = this.#connection;
    const isSure = !options.isForeign || isInTransaction(connection) || this.#prepared.isSureToRead === true;
    if (!isStream && (isSure || !(await mayCallSequence(connection))))
      return { value: await this.#around(info, options) };
    if (isInTransaction(connection)) return { value: await this.#around(info, options, isStream) };
    await runStatements(connection, 'BEGIN TRANSACTION READ ONLY');
    let isOpen = false;
    let started: DuckDBPendingResult | null = null;
    try {
      started = this.#executable(options, isStream).start();
      this.#prepared.isSureToRead = !TAKES_TEXT.test(this.#text);
      const value = await this.#around(info, options, isStream, started);
      isOpen = isStream;
      return { value };
    } catch (error) {
      if (started || !isRefusedWrite(error)) throw error;
      return null;
    } finally {
      if (!isOpen) await runStatements(connection, 'ROLLBACK');
    }
  }

  #around<T>(
    info: StatementInfo,
    options: TextOptions<T>,
    isStream = false,
    started: DuckDBPendingResult | null = null,
  ): Promise<T> {
    let first = started;
    const run = async (): Promise<DuckDBResult> => {
      const pending = first;
      first = null;
      if (pending) {
        const begun = { start: () => pending, run: () => pending.getResult() };
        return execute(begun, weightOf(this.#place.text, options), options.signal);
      }
      const done = aboutToRun(this.#connection, { ...info, text: this.#text });
      let isWell = false;
      try {
        const result = await this.#execute(info.type, options, isStream);
        isWell = true;
        return result;
      } finally {
        done(isWell);
      }
    };
    if (info.type === StatementType.ALTER) refuseRename(info.text);
    const guard = ATTACHES.has(info.type) ? guardOf(this.#connection) : undefined;
    return options.around(info, guard ? () => guard.attach(info, run) : run);
  }

  async #execute<T>(type: StatementType, options: TextOptions<T>, isStream: boolean): Promise<DuckDBResult> {
    if (this.#runs > 0 || !this.#statement) await this.#prepareAgain();
    const { text } = this.#place;
    if (type === StatementType.TRANSACTION && !BEGIN.test(text))
      return uninterrupted(this.#connection, () => this.#bound(options).run());
    if (WHOLE.test(text)) return onThread(() => this.#bound(options).run(), options.signal);
    return execute(this.#executable(options, isStream), weightOf(text, options), options.signal);
  }

  #executable(options: TextOptions<unknown>, isStream: boolean): Executable {
    const statement = this.#bound(options);
    return {
      start: () => (isStream ? statement.startStream() : statement.start()),
      run: () => (isStream ? statement.stream() : statement.run()),
    };
  }

  #bound({ params }: TextOptions<unknown>): DuckDBPreparedStatement {
    this.#runs++;
    const statement = this.#statement;
    if (!statement) throw new Error('the statement was not prepared');
    bindParams(statement, this.#place.isLast ? params : []);
    return statement;
  }

  /** A CREATE TABLE that is executed a second time makes a table without columns (DuckDB 1.5.6). */
  async #prepareAgain(): Promise<void> {
    this.#statement?.destroySync();
    this.#statement = null;
    this.#statement = await this.#prepare();
  }
}

const asWrite = (kind: Kind): Kind => (kind === 'read' ? 'write' : kind);
