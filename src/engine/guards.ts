import type { DuckDBConnection, DuckDBResult } from '@duckdb/node-api';
import type { BindParams } from './bind.ts';
import type { StatementInfo } from './statements.ts';

/** What stands before the statements of a client: they may open files that only DuckDB's own handles may be on. */
export interface Guard {
  /**
   * Before a statement of a text is prepared: preparing opens some files already.
   * @param part its place among the `count` statements of the text; the first is looked at before they are counted
   * @throws PondError INVALID where it would open a file that this process has open
   */
  check(sql: string, params: BindParams | undefined, part: number, count?: number): Promise<void> | undefined;
  /** When the text has run, well or not. */
  ran(sql: string): void;
  /** Runs an ATTACH or DETACH. */
  attach(info: StatementInfo, run: () => Promise<DuckDBResult>): Promise<DuckDBResult>;
}

const guards = new WeakMap<DuckDBConnection, Guard>();

/** The owner's own connections have none. */
export const guardOf = (connection: DuckDBConnection): Guard | undefined => guards.get(connection);

export function setGuard(connection: DuckDBConnection, guard: Guard): void {
  guards.set(connection, guard);
}
