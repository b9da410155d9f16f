import type { DuckDBConnection, DuckDBPreparedStatement } from '@duckdb/node-api';
import { Turns } from '../turns.ts';
import { fromDuckDB } from './errors.ts';
import { ownSchemaOf } from './own-schema.ts';

/** What a statement does to its session's transaction. */
export type Verb = 'begin' | 'begin-read-only' | 'commit' | 'rollback';

/** Texts whose answer is kept, and the longest of them. */
const KEPT = 64;
const LONGEST = 256;

/**
 * Tells BEGIN, COMMIT and ROLLBACK apart, in all their spellings. The driver gives all three one type. DuckDB itself
 * tells: the statement runs on a connection without a transaction, where a BEGIN succeeds, and DuckDB's refusal of
 * the others names what it refuses.
 */
export class TransactionVerbs {
  readonly #connection: DuckDBConnection;
  /** Changes nothing, and is refused in a read-only transaction. */
  readonly #write: string;
  readonly #turns = new Turns();
  readonly #known = new Map<string, Verb>();

  /** @param connection of our own, for this alone */
  constructor(connection: DuckDBConnection, catalog: string) {
    this.#connection = connection;
    this.#write = `EXPLAIN DELETE FROM ${ownSchemaOf(catalog)}.ledger WHERE false`;
  }

  /** @param part the place of the statement in its text, from 0 */
  async of(text: string, part: number): Promise<Verb> {
    const key = `${part} ${text}`;
    const known = this.#known.get(key);
    if (known) return known;
    const verb = await this.#turns.take(() => this.#ask(text, part));
    if (text.length <= LONGEST && this.#known.size < KEPT) this.#known.set(key, verb);
    return verb;
  }

  close(): void {
    this.#connection.closeSync();
  }

  async #ask(text: string, part: number): Promise<Verb> {
    let statement: DuckDBPreparedStatement | undefined;
    try {
      statement = await (await this.#connection.extractStatements(text)).prepare(part);
      await statement.run();
    } catch (error) {
      const message = error instanceof Error ? error.message : '';
      if (/cannot commit - no transaction/.test(message)) return 'commit';
      if (/cannot rollback - no transaction/.test(message)) return 'rollback';
      throw fromDuckDB(error, text);
    } finally {
      statement?.destroySync();
    }
    try {
      await this.#connection.run(this.#write);
      return 'begin';
    } catch (error) {
      return /read-only/.test((error as Error).message) ? 'begin-read-only' : 'begin';
    } finally {
      await this.#connection.run('ROLLBACK');
    }
  }
}
