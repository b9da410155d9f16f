import type { DuckDBConnection } from '@duckdb/node-api';

/** The schema of the tables that onepond keeps in the user's file. */
export const OWN_SCHEMA = '_onepond';

/** An identifier of SQL. */
export const quotedName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** `"catalog"._onepond`, for statements that create a table: all others find it by {@link seclude}'s search path. */
export const ownSchemaOf = (catalog: string): string => `${quotedName(catalog)}.${OWN_SCHEMA}`;

/**
 * Settings that change the meaning of a statement and that `SET GLOBAL` changes for everybody. A value that is set
 * for one connection wins.
 */
const PLAIN_SETTINGS = [
  "default_collation = ''",
  "default_order = 'ASC'",
  "default_null_order = 'NULLS_LAST'",
  'integer_division = false',
  'old_implicit_casting = false',
  'ieee_floating_point_ops = true',
  'scalar_subquery_error_on_multiple_rows = true',
  'disable_timestamptz_casts = false',
  'errors_as_json = false',
  "TimeZone = 'UTC'",
]
  .map((setting) => `SET SESSION ${setting};`)
  .join('');

/**
 * Makes a connection of our own immune to what users define: DuckDB looks for functions, operators and types along
 * the search path, and a macro called `now`, `max` or `+` in the user's schema replaces DuckDB's own. With `system.main`
 * first in the path, DuckDB's own are found before any other (measured with 1.5.6). Our schema is second, so that
 * our tables are found by their bare names, also while a file is attached under the name `_onepond`.
 *
 * @param mayCreate false for a file that is open read-only
 */
export async function seclude(
  connection: DuckDBConnection,
  catalog: string,
  mayCreate: boolean,
): Promise<void> {
  const schema = ownSchemaOf(catalog);
  const path = `system.main,${schema}`.replaceAll("'", "''");
  await connection.run("SET search_path = 'system.main'");
  try {
    await connection.run(`SET search_path = '${path}'`);
  } catch {
    // DuckDB refuses a path to a schema that does not exist.
    if (mayCreate) await connection.run(`CREATE SCHEMA IF NOT EXISTS ${schema}; SET search_path = '${path}'`);
  }
  // Refused where the user has locked the configuration.
  await connection.run(PLAIN_SETTINGS).catch(() => undefined);
}

/** The name under which DuckDB knows the file that the instance was opened with, while nothing else is attached. */
export async function catalogOf(connection: DuckDBConnection): Promise<string> {
  await connection.run("SET search_path = 'system.main'");
  const rows = await (
    await connection.run('SELECT database_name FROM duckdb_databases() WHERE NOT internal')
  ).getRowsJS();
  return String(rows[0]?.[0]);
}
