import type { DuckDBConnection, DuckDBPreparedStatement, StatementType } from '@duckdb/node-api';
import type { Classified } from './classify.ts';
import { currentMeaning, meaningOn } from './meaning.ts';

/** Statements kept for each connection. Preparing is half of a short query. */
const KEPT = 32;
/** Longer texts are made by programs and seldom come twice. */
const LONGEST = 4096;

/** A statement, and what texts meant when its preparing began. */
export interface Prepared {
  /** Null for one that can be prepared in a transaction alone. */
  readonly statement: DuckDBPreparedStatement | null;
  readonly type: StatementType;
  readonly meaning: number;
  /** What it does; learned once. */
  classified?: Classified;
  /** It has been seen not to write, whatever it calls. */
  isSureToRead?: boolean;
}

/** The prepared statements of one connection that may run again; the longest unused goes first. */
class KeptStatements {
  readonly #byText = new Map<string, Prepared>();

  /** Out of the store while it runs: two runs of one statement would spoil each other. */
  take(sql: string): Prepared | undefined {
    const prepared = this.#byText.get(sql);
    if (!prepared) return undefined;
    this.#byText.delete(sql);
    if (prepared.meaning === currentMeaning()) return prepared;
    prepared.statement?.destroySync();
    return undefined;
  }

  put(sql: string, prepared: Prepared): void {
    if (!mayKeep(sql, prepared)) {
      prepared.statement?.destroySync();
      return;
    }
    this.#byText.set(sql, prepared);
    const [oldest] = this.#byText;
    if (this.#byText.size <= KEPT || !oldest) return;
    this.#byText.delete(oldest[0]);
    oldest[1].statement?.destroySync();
  }
}

const byConnection = new WeakMap<DuckDBConnection, KeptStatements>();

export function keptBy(connection: DuckDBConnection): KeptStatements {
  const known = byConnection.get(connection);
  if (known) return known;
  const made = new KeptStatements();
  byConnection.set(connection, made);
  return made;
}

/** Prepares a text; `prepare` is the driver's step for it. */
export async function prepared(
  connection: DuckDBConnection,
  prepare: () => Promise<DuckDBPreparedStatement>,
): Promise<Prepared> {
  const meaning = meaningOn(connection);
  const statement = await prepare();
  return { statement, type: statement.statementType, meaning };
}

/**
 * DuckDB plans with the tables' statistics of the moment and does not look at them again (1.5.6): `count(*) WHERE
 * a > 1000`, prepared while no such row was there, stays 0 for ever. A statement with parameters is planned anew
 * each time it runs, though not parsed anew; and a number selected, as by a health check, or a BEGIN cannot go
 * stale.
 */
function mayKeep(sql: string, { statement, meaning }: Prepared): boolean {
  if (!statement || meaning !== currentMeaning() || sql.length > LONGEST) return false;
  return statement.parameterCount > 0 || /^\s*(?:select\s+\d+|begin|commit|rollback)\s*;?\s*$/i.test(sql);
}
