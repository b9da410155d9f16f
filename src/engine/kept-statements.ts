import type { DuckDBConnection, DuckDBPreparedStatement } from '@duckdb/node-api';

/** Statements kept for each connection. Preparing is half of a short query. */
const KEPT = 32;
/** Longer texts are made by programs and seldom come twice. */
const LONGEST = 4096;

/** The prepared statements of one connection that may run again; the longest unused goes first. */
interface KeptStatements {
  take(sql: string): DuckDBPreparedStatement | undefined;
  put(sql: string, prepared: DuckDBPreparedStatement): void;
}

const byConnection = new WeakMap<DuckDBConnection, KeptStatements>();

export function keptBy(connection: DuckDBConnection): KeptStatements {
  const known = byConnection.get(connection);
  if (known) return known;
  const made = keep();
  byConnection.set(connection, made);
  return made;
}

function keep(): KeptStatements {
  const statements = new Map<string, DuckDBPreparedStatement>();
  return {
    take(sql) {
      const prepared = statements.get(sql);
      statements.delete(sql);
      return prepared;
    },
    put(sql, prepared) {
      if (sql.length > LONGEST || !mayKeep(sql, prepared)) return prepared.destroySync();
      statements.set(sql, prepared);
      const [oldest] = statements;
      if (statements.size <= KEPT || !oldest) return;
      statements.delete(oldest[0]);
      oldest[1].destroySync();
    },
  };
}

/**
 * DuckDB plans with the tables' statistics of the moment and does not look at them again (1.5.6): `count(*) WHERE
 * a > 1000`, prepared while no such row was there, stays 0 for ever. A statement with parameters is planned anew
 * each time they are bound; and one that calls nothing and reads no table, as the `SELECT 1` of a health check,
 * has nothing to go stale.
 */
function mayKeep(sql: string, prepared: DuckDBPreparedStatement): boolean {
  return (
    prepared.parameterCount > 0 || (/^\s*select\b[^();]*$/i.test(sql) && !/\b(?:from|table)\b/i.test(sql))
  );
}
