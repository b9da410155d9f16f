import { type DuckDBConnection, StatementType } from '@duckdb/node-api';
import type { Kind } from './kinds.ts';
import { firstWord, withoutComments } from './sql-text.ts';

/**
 * Counts what may change the meaning of a text, so that nothing learned about a text outlives it. While such a
 * change runs, nobody can tell on which side of it a statement stands: then the count is NaN, which equals nothing.
 */
class Count {
  #value = 0;
  #underWay = 0;

  get value(): number {
    return this.#underWay > 0 ? Number.NaN : this.#value;
  }

  begin(): void {
    this.#value++;
    this.#underWay++;
  }

  end(): void {
    this.#value++;
    this.#underWay--;
  }
}

/** Every change, whichever session makes it: `SET GLOBAL` is everyone's. */
const meaning = new Count();
/** Changes of what a name may stand for: views, macros, sequences, attached files. */
const definitions = new Count();

interface Transaction {
  /** The counts when it began: it goes on to see what was there then. */
  readonly meaning: number;
  readonly definitions: number;
  /** What it has changed becomes, or stops being, everyone's with its end. */
  changes: Count | undefined;
}

const transactions = new WeakMap<DuckDBConnection, Transaction>();

/** As DuckDB has it: what began and ended a transaction on this connection, in whatever text. */
export const isInTransaction = (connection: DuckDBConnection): boolean => transactions.has(connection);

/** Of a text in every session, outside a transaction that has begun before. */
export const currentMeaning = (): number => meaning.value;

/** Of the names of views, macros and sequences. */
export const currentDefinitions = (): number => definitions.value;

/** Of the names that a statement on the connection sees now. */
export const definitionsOn = (connection: DuckDBConnection): number =>
  transactions.get(connection)?.definitions ?? definitions.value;

/** Of a text that is prepared on the connection now. */
export const meaningOn = (connection: DuckDBConnection): number =>
  transactions.get(connection)?.meaning ?? meaning.value;

/** What leaves every text meaning what it meant. All else may change a setting, a path or a catalog. */
const CHANGES_NO_MEANING: ReadonlySet<StatementType> = new Set([
  StatementType.SELECT,
  StatementType.INSERT,
  StatementType.UPDATE,
  StatementType.DELETE,
  StatementType.MERGE_INTO,
  StatementType.COPY,
  StatementType.EXPLAIN,
]);

/** Their names are those of tables and indexes, which hide nothing. */
const OF_TABLES =
  /^\s*(?:create\s+(?:or\s+replace\s+)?(?:temp(?:orary)?\s+)?(?:unique\s+)?|drop\s+|alter\s+)(?:table|index)\b/i;

/** They give their own session something. */
const OF_SESSIONS: ReadonlySet<StatementType> = new Set([
  StatementType.SET,
  StatementType.VARIABLE_SET,
  StatementType.PREPARE,
]);

export interface Running {
  /** For EXPLAIN ANALYZE and EXECUTE the type of what they run. */
  readonly type: StatementType;
  readonly kind: Kind;
  /** The statement alone; empty where that is not known. */
  readonly text: string;
}

/**
 * To be called just before a statement runs; what it returns, just after, whether it went well, and before anybody
 * is told.
 */
export function aboutToRun(connection: DuckDBConnection, running: Running): (isWell: boolean) => void {
  if (running.type === StatementType.TRANSACTION) return aboutToBeginOrEnd(connection, running);
  const changed = changedBy(running);
  if (!changed) return () => undefined;
  const counts = changed === definitions ? [meaning, definitions] : [meaning];
  for (const count of counts) count.begin();
  return () => {
    for (const count of counts) count.end();
    const transaction = transactions.get(connection);
    if (transaction && transaction.changes !== definitions) transaction.changes = changed;
  };
}

function aboutToBeginOrEnd(connection: DuckDBConnection, { text }: Running): (isWell: boolean) => void {
  const before = transactions.get(connection);
  if (!before) {
    const begun = { meaning: meaning.value, definitions: definitions.value, changes: undefined };
    return (isWell) => {
      if (isWell) transactions.set(connection, begun);
    };
  }
  if (/^(?:begin|start)$/.test(firstWord(text))) return () => undefined;
  const counts = !before.changes ? [] : before.changes === definitions ? [meaning, definitions] : [meaning];
  for (const count of counts) count.begin();
  return () => {
    // A COMMIT that fails has rolled back.
    transactions.delete(connection);
    for (const count of counts) count.end();
  };
}

function changedBy({ type, kind, text }: Running): Count | null {
  if (CHANGES_NO_MEANING.has(type) && !(type === StatementType.SELECT && kind === 'outside')) return null;
  return OF_SESSIONS.has(type) || OF_TABLES.test(withoutComments(text)) ? meaning : definitions;
}
