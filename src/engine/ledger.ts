import { type DuckDBConnection, timestampValue } from '@duckdb/node-api';
import { PondError } from '../errors.ts';
import { type Rows, TextRows } from '../text-rows.ts';
import { Turns } from '../turns.ts';
import { appendRows } from './appending.ts';
import type { Connection } from './connection.ts';
import { fromDuckDB } from './errors.ts';
import { OWN_SCHEMA } from './own-schema.ts';

/** Rows of RETURNING up to this many bytes of JSON are kept for a call that is sent again. */
export const MAX_RECORDED_BYTES = 64 * 1024;
/** Clients whose calls are remembered in memory; a late frame of one beyond them is found in the table. */
const REMEMBERED_CLIENTS = 1000;
/** Rows written between two prunings. */
const PRUNE_EVERY = 4096;
const DAY_MS = 86_400_000;

/** One row a statement that was done. No index, and no upsert: both have cost others their file. */
export const LEDGER_COLUMNS = `
  client VARCHAR NOT NULL, call BIGINT NOT NULL, part INTEGER NOT NULL, is_last BOOLEAN NOT NULL,
  outcome VARCHAR NOT NULL, epoch BIGINT NOT NULL, written_at TIMESTAMP NOT NULL`;

/** Which call of which client this is, and what the client says of its calls. */
export interface CallId {
  readonly client: string;
  readonly call: number;
  /** Every call up to this number has its answer: nobody will ask for it again. */
  readonly settled: number;
  /** The call was sent to an earlier owner; `in-transaction`: in a transaction that died with it. */
  readonly sent?: 'before' | 'in-transaction' | undefined;
}

/** What a statement did, as its caller hears it. */
export interface Outcome {
  readonly rowsChanged: number;
  readonly names: readonly string[];
  /** Wire form. Null where they were too large to record. */
  readonly rows: Rows | null;
}

/** How far a call came: every statement of its text up to `part` is done, and will not be done again. */
export interface Done {
  readonly part: number;
  /** Nothing of the text is left to do. */
  readonly isLast: boolean;
  readonly outcome: Outcome;
}

export interface Entry extends Done {
  readonly id: CallId;
}

/**
 * Which calls have been done, written in the transaction that did them. What was done under this ownership is also
 * remembered in memory, so that a late frame of a connection that was given up does nothing a second time.
 */
export class Ledger {
  readonly #calls = new Map<string, Map<number, Done>>();
  readonly #running = new Map<string, Promise<unknown>>();
  readonly #settled = new Map<string, number>();
  #sincePruned = 0;
  readonly #began = performance.now();
  /** Of this ownership; written with each row. */
  epoch = 0;
  /** Of our own: what a session defines or sets does not reach the ledger. */
  readonly #connection: Connection;
  readonly #turns = new Turns();
  /** That of the file; a session may stand in another. */
  readonly #catalog: string;

  constructor(connection: Connection, catalog: string) {
    this.#connection = connection;
    this.#catalog = catalog;
  }

  /** One run of a call at a time, whichever connections it came by: the second finds what the first has done. */
  async once<T>(id: CallId, work: (done: Done | null) => Promise<T>): Promise<T> {
    const key = `${id.client} ${id.call}`;
    for (let before = this.#running.get(key); before; before = this.#running.get(key))
      await before.catch(() => undefined);
    const run = this.#find(id).then(work);
    this.#running.set(key, run);
    try {
      return await run;
    } finally {
      this.#running.delete(key);
    }
  }

  /**
   * Writes what was done, in the transaction that is open on the connection. By an appender: it looks up no
   * function, no type and no path, so that nothing that a session has defined or set changes where the rows go.
   */
  async record(connection: DuckDBConnection, entries: readonly Entry[]): Promise<void> {
    if (entries.length === 0) return;
    const now = timestampValue(BigInt(Date.now()) * 1000n);
    try {
      const appender = await connection.createAppender('ledger', OWN_SCHEMA, this.#catalog);
      appendRows(appender, () => {
        for (const { id, part, isLast, outcome } of entries) {
          appender.appendVarchar(id.client);
          appender.appendBigInt(BigInt(id.call));
          appender.appendInteger(part);
          appender.appendBoolean(isLast);
          appender.appendVarchar(recorded(outcome));
          appender.appendBigInt(BigInt(this.epoch));
          appender.appendTimestamp(now);
          appender.endRow();
        }
      });
    } catch (error) {
      throw fromDuckDB(error);
    }
  }

  /** To be called when the transaction of {@link record} has committed. */
  committed(entries: readonly Entry[]): void {
    for (const { id, ...done } of entries) {
      const calls = this.#callsOf(id.client);
      calls.set(id.call, done);
      for (const call of calls.keys()) if (call <= id.settled) calls.delete(call);
      this.#settled.set(id.client, id.settled);
    }
    this.#sincePruned += entries.length;
  }

  get wantsPruning(): boolean {
    return this.#sincePruned >= PRUNE_EVERY;
  }

  /**
   * Removes what nobody will ask for again: what its client has settled, and what is older than a day. A clock that
   * is set makes rows old at once: those of this ownership and the last are kept until this one has lasted a day.
   */
  async prune(): Promise<void> {
    const settled = [...this.#settled];
    const isOld = performance.now() - this.#began > DAY_MS;
    this.#settled.clear();
    this.#sincePruned = 0;
    const dayAgo = new Date(Date.now() - DAY_MS);
    await this.#turns.take(() =>
      this.#connection.transaction(async () => {
        await this.#connection.run('DELETE FROM ledger WHERE written_at < $1 AND epoch < $2', [
          dayAgo,
          this.epoch + (isOld ? 1 : -1),
        ]);
        // The driver cannot bind a list without items.
        if (settled.length === 0) return;
        await this.#connection.run(
          `DELETE FROM ledger WHERE call <= (
            SELECT max(settled) FROM (SELECT unnest($1::VARCHAR[]) AS c, unnest($2::BIGINT[]) AS settled)
            WHERE c = client)`,
          [settled.map(([client]) => client), settled.map(([, call]) => call)],
        );
      }),
    );
  }

  close(): void {
    this.#connection.close();
  }

  async #find(id: CallId): Promise<Done | null> {
    const known = this.#calls.get(id.client)?.get(id.call);
    if (known || !id.sent) return known ?? null;
    const [row] = await this.#turns.take(() =>
      this.#connection.all(
        'SELECT part, is_last, outcome FROM ledger WHERE client = $1 AND call = $2 ORDER BY part DESC LIMIT 1',
        [id.client, id.call],
      ),
    );
    if (!row) return null;
    return {
      part: Number(row.part),
      isLast: row.is_last === true,
      outcome: JSON.parse(String(row.outcome)) as Outcome,
    };
  }

  #callsOf(client: string): Map<number, Done> {
    const calls = this.#calls.get(client) ?? new Map<number, Done>();
    // The longest silent client goes first.
    this.#calls.delete(client);
    this.#calls.set(client, calls);
    const [oldest] = this.#calls.keys();
    if (this.#calls.size > REMEMBERED_CLIENTS && oldest !== undefined) this.#calls.delete(oldest);
    return calls;
  }
}

function recorded({ rowsChanged, names, rows }: Outcome): string {
  const isLarge = rows instanceof TextRows && rows.bytes > MAX_RECORDED_BYTES;
  const text = JSON.stringify({ rowsChanged, names, rows: isLarge ? null : rows });
  return text.length <= MAX_RECORDED_BYTES ? text : JSON.stringify({ rowsChanged, names, rows: null });
}

/** The rows that an outcome still has. @throws PondError OWNER_LOST, committed, where they were too large to keep */
export function rowsOf({ rows }: Outcome): Rows {
  if (rows) return rows;
  throw new PondError('OWNER_LOST', 'the change is done, and its rows went with the owner that did it', {
    data: { outcome: 'committed' },
    hint: `rows of RETURNING are kept up to ${MAX_RECORDED_BYTES} bytes; read the table for them`,
  });
}
