import type { DuckDBConnection } from '@duckdb/node-api';
import { PondError } from '../errors.ts';
import type { WireRow } from './rows.ts';
import { runStatements } from './statements.ts';

/** Rows of RETURNING up to this many bytes of JSON are kept for a call that is sent again. */
export const MAX_RECORDED_BYTES = 64 * 1024;
/** Clients whose calls are remembered in memory; a late frame of one beyond them is found in the table. */
const REMEMBERED_CLIENTS = 1000;
/** Rows written between two prunings. */
const PRUNE_EVERY = 4096;
const DAY_MS = 86_400_000;

/** One row a statement that was done. No index, and no upsert: both have cost others their file. */
export const LEDGER_TABLE = `CREATE TABLE IF NOT EXISTS _onepond.ledger (
  client VARCHAR NOT NULL, call BIGINT NOT NULL, part INTEGER NOT NULL, is_last BOOLEAN NOT NULL,
  outcome VARCHAR NOT NULL, epoch BIGINT NOT NULL, written_at TIMESTAMP NOT NULL)`;

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
  readonly rows: readonly WireRow[] | null;
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

  /** One run of a call at a time, whichever connections it came by: the second finds what the first has done. */
  async once<T>(
    connection: DuckDBConnection,
    id: CallId,
    work: (done: Done | null) => Promise<T>,
  ): Promise<T> {
    const key = `${id.client} ${id.call}`;
    for (let before = this.#running.get(key); before; before = this.#running.get(key))
      await before.catch(() => undefined);
    const run = this.#find(connection, id).then(work);
    this.#running.set(key, run);
    try {
      return await run;
    } finally {
      this.#running.delete(key);
    }
  }

  /** Writes what was done, in the transaction that is open on the connection. */
  async record(connection: DuckDBConnection, entries: readonly Entry[]): Promise<void> {
    if (entries.length === 0) return;
    await runStatements(
      connection,
      `INSERT INTO _onepond.ledger SELECT unnest($1::VARCHAR[]), unnest($2::BIGINT[]), unnest($3::INTEGER[]),
        unnest($4::BOOLEAN[]), unnest($5::VARCHAR[]), $6, now() AT TIME ZONE 'UTC'`,
      [
        entries.map(({ id }) => id.client),
        entries.map(({ id }) => id.call),
        entries.map(({ part }) => part),
        entries.map(({ isLast }) => isLast),
        entries.map(({ outcome }) => recorded(outcome)),
        this.epoch,
      ],
    );
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
  async prune(connection: DuckDBConnection): Promise<void> {
    const settled = [...this.#settled];
    const isOld = performance.now() - this.#began > DAY_MS;
    this.#settled.clear();
    this.#sincePruned = 0;
    await runStatements(
      connection,
      `DELETE FROM _onepond.ledger WHERE written_at < now() AT TIME ZONE 'UTC' - INTERVAL 1 DAY AND epoch < $1`,
      [this.epoch + (isOld ? 1 : -1)],
    );
    // The driver cannot bind a list without items.
    if (settled.length === 0) return;
    await runStatements(
      connection,
      `DELETE FROM _onepond.ledger WHERE call <= (
        SELECT max(settled) FROM (SELECT unnest($1::VARCHAR[]) AS c, unnest($2::BIGINT[]) AS settled)
        WHERE c = client)`,
      [settled.map(([client]) => client), settled.map(([, call]) => call)],
    );
  }

  async #find(connection: DuckDBConnection, id: CallId): Promise<Done | null> {
    const known = this.#calls.get(id.client)?.get(id.call);
    if (known || !id.sent) return known ?? null;
    const result = await runStatements(
      connection,
      `SELECT part, is_last, outcome FROM _onepond.ledger WHERE client = $1 AND call = $2
        ORDER BY part DESC LIMIT 1`,
      [id.client, id.call],
    );
    const [row] = await result.getRowsJS();
    if (!row) return null;
    const [part, isLast, outcome] = row as [number, boolean, string];
    return { part, isLast, outcome: JSON.parse(outcome) as Outcome };
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
  const text = JSON.stringify({ rowsChanged, names, rows });
  return text.length <= MAX_RECORDED_BYTES ? text : JSON.stringify({ rowsChanged, names, rows: null });
}

/** The rows that an outcome still has. @throws PondError OWNER_LOST, committed, where they were too large to keep */
export function rowsOf({ rows }: Outcome): readonly WireRow[] {
  if (rows) return rows;
  throw new PondError('OWNER_LOST', 'the change is done, and its rows went with the owner that did it', {
    data: { outcome: 'committed' },
    hint: `rows of RETURNING are kept up to ${MAX_RECORDED_BYTES} bytes; read the table for them`,
  });
}
