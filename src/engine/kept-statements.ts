import { type DuckDBConnection, type DuckDBPreparedStatement, StatementType } from '@duckdb/node-api';

/** Statements kept for each connection. Preparing is half of a short query. */
const KEPT = 32;
/** Longer texts are made by programs and seldom come twice. */
const LONGEST = 4096;

/** What leaves every text meaning what it meant. All else may change a setting, a path or a catalog. */
const CHANGES_NO_MEANING: ReadonlySet<StatementType> = new Set([
  StatementType.SELECT,
  StatementType.INSERT,
  StatementType.UPDATE,
  StatementType.DELETE,
  StatementType.EXPLAIN,
  StatementType.TRANSACTION,
]);

/** Grows when a text may have come to mean something else, whichever session did it: `SET GLOBAL` is everyone's. */
let meaning = 0;

/** To be called when a statement of this type has run, well or not. */
export function noteRun(type: StatementType): void {
  if (!CHANGES_NO_MEANING.has(type)) meaning++;
}

/** A statement and what texts meant when its preparing began. */
export interface Prepared {
  readonly statement: DuckDBPreparedStatement;
  readonly meaning: number;
}

/** The prepared statements of one connection that may run again; the longest unused goes first. */
class KeptStatements {
  readonly #byText = new Map<string, Prepared>();

  /** Out of the store while it runs: two runs of one statement would spoil each other. */
  take(sql: string): Prepared | undefined {
    const prepared = this.#byText.get(sql);
    if (!prepared) return undefined;
    this.#byText.delete(sql);
    if (prepared.meaning === meaning) return prepared;
    prepared.statement.destroySync();
    return undefined;
  }

  put(sql: string, prepared: Prepared): void {
    if (!mayKeep(sql, prepared)) {
      prepared.statement.destroySync();
      return;
    }
    this.#byText.set(sql, prepared);
    const [oldest] = this.#byText;
    if (this.#byText.size <= KEPT || !oldest) return;
    this.#byText.delete(oldest[0]);
    oldest[1].statement.destroySync();
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
export async function prepared(prepare: () => Promise<DuckDBPreparedStatement>): Promise<Prepared> {
  const before = meaning;
  return { statement: await prepare(), meaning: before };
}

/**
 * DuckDB plans with the tables' statistics of the moment and does not look at them again (1.5.6): `count(*) WHERE
 * a > 1000`, prepared while no such row was there, stays 0 for ever. A statement with parameters is planned anew
 * each time it runs, though not parsed anew; and a number selected, as by a health check, or a BEGIN cannot go
 * stale.
 */
function mayKeep(sql: string, { statement, meaning: then }: Prepared): boolean {
  if (then !== meaning || sql.length > LONGEST) return false;
  return statement.parameterCount > 0 || /^\s*(?:select\s+\d+|begin|commit|rollback)\s*;?\s*$/i.test(sql);
}
