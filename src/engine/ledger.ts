import { type DuckDBConnection, timestampValue } from '@duckdb/node-api';
import { PondError } from '../errors.ts';
import { type Rows, TextRows } from '../text-rows.ts';
import { Turns } from '../turns.ts';
import { appendRows } from './appending.ts';
import { Clients, type Presence, remember } from './clients.ts';
import type { Connection } from './connection.ts';
import { fromDuckDB } from './errors.ts';
import { OWN_SCHEMA } from './own-schema.ts';
import { removeOldRows, removeSettledRows } from './prune-ledger.ts';

/** Rows of RETURNING up to this many bytes of JSON are kept for a call that is sent again. */
export const MAX_RECORDED_BYTES = 64 * 1024;
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
  /** Of the first owner that the call was sent to; undefined for a client that does not tell. */
  readonly firstEpoch?: number | undefined;
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
  readonly clients = new Clients();
  readonly #running = new Map<string, Promise<unknown>>();
  /** Of clients whose rows may have to go: up to which number. */
  readonly #settled = new Map<string, number>();
  #sincePruned = 0;
  readonly #began = performance.now();
  #epoch = 0;
  #forgotten = 0;
  /** Of our own: what a session defines or sets does not reach the ledger. */
  readonly #connection: Connection;
  readonly #turns = new Turns();
  /** That of the file; a session may stand in another. */
  readonly #catalog: string;

  constructor(connection: Connection, catalog: string) {
    this.#connection = connection;
    this.#catalog = catalog;
  }

  /**
   * @param epoch of this ownership; written with each row
   * @param forgotten the latest epoch of which rows were removed that no client had settled
   */
  begin(epoch: number, forgotten: number): void {
    this.#epoch = epoch;
    this.#forgotten = forgotten;
  }

  /**
   * One run of a call at a time, whichever connections it came by: the second finds what the first has done.
   * @throws PondError INVALID for a call that its client has settled; OWNER_LOST, unknown, for one that is older than
   * the ledger's memory
   */
  async once<T>(id: CallId, work: (done: Done | null) => Promise<T>): Promise<T> {
    const key = `${id.client} ${id.call}`;
    for (let before = this.#running.get(key); before; before = this.#running.get(key))
      await before.catch(() => undefined);
    this.#checkNumber(id);
    const run = this.#find(id).then(work);
    this.#running.set(key, run);
    try {
      return await run;
    } finally {
      this.#running.delete(key);
    }
  }

  /**
   * For a call that is sent again: settles when no earlier session of its client can do it any more. An earlier
   * session may be inside the transaction that the call belongs to, and have its COMMIT still to read.
   */
  async settleEarlier({ client }: CallId, presence: Presence, signal: AbortSignal): Promise<void> {
    const aborted = new Promise<never>((_, refuse) => {
      const abort = (): void =>
        refuse(new PondError('ABORTED', 'the call was aborted', { data: { outcome: 'unknown' } }));
      if (signal.aborted) abort();
      else signal.addEventListener('abort', abort, { once: true });
    });
    aborted.catch(() => undefined);
    for (const earlier of this.clients.of(client).sessions) {
      if (earlier === presence) return;
      await Promise.race([earlier.quiet(), aborted]);
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
          appender.appendVarchar(JSON.stringify(recordable(outcome)));
          appender.appendBigInt(BigInt(this.#epoch));
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
      remember(this.clients.of(id.client), id.call, done);
      this.settle(id.client, id.settled);
    }
    this.#sincePruned += entries.length;
  }

  /** The client has the answer of every call up to this number. */
  settle(name: string, settled: number): void {
    if (settled <= 0) return;
    const client = this.clients.of(name);
    client.settled = Math.max(client.settled, settled);
    for (const call of client.calls.keys()) if (call <= client.settled) client.calls.delete(call);
    this.#settled.set(name, client.settled);
  }

  get wantsPruning(): boolean {
    return this.#sincePruned >= PRUNE_EVERY;
  }

  /**
   * Removes what nobody will ask for again: what its client has settled, and what is older than a day. A clock that
   * is set makes rows old at once: those of the last ownership are kept until this one has lasted a day. Rows of
   * this ownership stay: a call that was first sent under it must never be older than the ledger's memory.
   */
  async prune(): Promise<void> {
    const settled = [...this.#settled];
    const hasLasted = performance.now() - this.#began > DAY_MS;
    this.#settled.clear();
    this.#sincePruned = 0;
    this.#forgotten = await this.#turns.take(() =>
      this.#connection.transaction(async () => {
        await removeSettledRows(this.#connection, settled);
        const before = new Date(Date.now() - DAY_MS);
        const last = this.#epoch - (hasLasted ? 1 : 2);
        return Math.max(this.#forgotten, await removeOldRows(this.#connection, before, last));
      }),
    );
  }

  close(): void {
    this.#connection.close();
  }

  #checkNumber({ client, call, settled }: CallId): void {
    const invalid = (why: string): PondError =>
      new PondError('INVALID', `call ${call}: ${why}`, {
        hint: "a client's numbers grow, and it settles a call when it has the answer",
      });
    if (settled > 0 && settled >= call) throw invalid(`it says itself that it is settled`);
    if (call <= this.clients.of(client).settled) throw invalid('its client has settled it');
  }

  async #find(id: CallId): Promise<Done | null> {
    const known = this.clients.of(id.client).calls.get(id.call);
    if (known || !id.sent) return known ?? null;
    const [row] = await this.#turns.take(() =>
      this.#connection.all(
        'SELECT part, is_last, outcome FROM ledger WHERE client = $1 AND call = $2 ORDER BY part DESC LIMIT 1',
        [id.client, id.call],
      ),
    );
    if (!row) {
      this.#checkMemory(id);
      return null;
    }
    return {
      part: Number(row.part),
      isLast: row.is_last === true,
      outcome: JSON.parse(String(row.outcome)) as Outcome,
    };
  }

  /** A row that is not there says "not done" only of a call whose row the ledger would still have. */
  #checkMemory({ firstEpoch }: CallId): void {
    const isForgotten = this.#forgotten > 0 && (firstEpoch ?? 0) <= this.#forgotten;
    // First sent to an owner of a file with another history, as of one that was replaced by an older copy.
    const isForeign = firstEpoch !== undefined && firstEpoch > this.#epoch;
    if (!isForgotten && !isForeign) return;
    throw new PondError('OWNER_LOST', 'the call was first sent to an owner that the ledger no longer knows', {
      data: { outcome: 'unknown' },
      hint: 'look whether the change is there before doing it again',
    });
  }
}

/** The outcome as it is kept. */
export function recordable(outcome: Outcome): Outcome {
  const { rows } = outcome;
  if (rows instanceof TextRows ? rows.bytes <= MAX_RECORDED_BYTES : !rows?.length) return outcome;
  const isSmall = !(rows instanceof TextRows) && JSON.stringify(outcome).length <= MAX_RECORDED_BYTES;
  return isSmall ? outcome : { ...outcome, rows: null };
}

/** The rows that an outcome still has. @throws PondError OWNER_LOST, committed, where they were too large to keep */
export function rowsOf({ rows }: Outcome): Rows {
  if (rows) return rows;
  throw new PondError('OWNER_LOST', 'the change is done, and its rows went with the owner that did it', {
    data: { outcome: 'committed' },
    hint: `rows of RETURNING are kept up to ${MAX_RECORDED_BYTES} bytes; read the table for them`,
  });
}
