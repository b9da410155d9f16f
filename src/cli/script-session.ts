import { PondError } from '../errors.ts';
import { type InnerPond, ROUTER } from '../pond.ts';
import type { QueryParams, QueryResult, StreamOpenResult, WireForm, WireParams } from '../protocol.ts';
import type { Link } from '../router/link.ts';
import { streamRows } from '../router/stream.ts';
import type { CallLimits } from '../shapes.ts';
import type { ScriptStatement } from './split-script.ts';
import { bindsSession, mayStream } from './statement-words.ts';
import type { Rows } from './write-rows.ts';

/** Rows in a batch: fewer answers than the library's default, and each of 4 MiB at most. */
const BATCH_ROWS = 16_384;

/**
 * The statements of a script on the session of one handle, each a call of its own. What only reads is streamed, on a
 * connection of its own; everything else runs in the session and is recorded, so that it is done exactly once.
 *
 * A script that has settings or temporary tables of its own is bound to the owner that has them. If that owner goes,
 * its next statement would mean something else with the next one: the script ends in OWNER_LOST instead.
 */
export class ScriptSession {
  readonly #db: InnerPond;
  readonly #limits: CallLimits;
  /** The owner that has what the script has left in its session. */
  #bound: Link | null = null;
  #inTransaction = false;

  constructor(db: InnerPond, limits: CallLimits) {
    this.#db = db;
    this.#limits = limits;
  }

  get inTransaction(): boolean {
    return this.#inTransaction;
  }

  async rows(statement: ScriptStatement, params: WireParams, values: WireForm): Promise<Rows> {
    if (mayStream(statement) && !this.#inTransaction && !this.#bound) {
      const streamed = await this.#stream(statement, params, values);
      if (streamed) return streamed;
    }
    const { names, types, rows } = await this.#query(statement, params, values);
    const hasNoResult = rows.length === 0 && isNoResult(names);
    return { names: hasNoResult ? [] : names, types, batches: only(rows) };
  }

  /** Null for a statement that does more than read: nothing of it was done. */
  async #stream(statement: ScriptStatement, params: WireParams, values: WireForm): Promise<Rows | null> {
    const router = this.#db[ROUTER];
    const call = { sql: statement.text, params, call: router.nextCall(), values, onlyReads: true };
    let opened: StreamOpenResult | undefined;
    const batches = streamRows(router, call, BATCH_ROWS, this.#limits, (columns) => {
      opened = columns;
    });
    try {
      const first = await batches.next();
      const { names = [], types } = opened ?? {};
      return { names, types, batches: rowsOf(first, batches) };
    } catch (error) {
      if (error instanceof PondError && error.code === 'READ_ONLY') return null;
      throw error;
    }
  }

  async #query(statement: ScriptStatement, params: WireParams, values: WireForm): Promise<QueryResult> {
    const router = this.#db[ROUTER];
    const call: QueryParams = { sql: statement.text, params, call: router.nextCall(), values };
    const isBound = this.#bound !== null || bindsSession(statement);
    // Inside a transaction the router itself sees to it that nothing runs outside of it.
    const result =
      isBound && !this.#inTransaction
        ? await this.#queryBound(call)
        : await router.call('query', call, this.#limits);
    // A setting inside a transaction: the owner that has the one has the other.
    if (isBound && !this.#bound)
      this.#bound = await router.use(this.#limits, (budget) => router.link(budget));
    this.#inTransaction = result.inTransaction;
    return result;
  }

  /** On the owner that the script is bound to, or is from here on. */
  async #queryBound(call: QueryParams): Promise<QueryResult> {
    const router = this.#db[ROUTER];
    const record = router.record('query', call);
    try {
      return await router.use(this.#limits, (budget) =>
        router.deliver(record, budget, (owner) => {
          this.#bound ??= owner;
          // Also where it went with the call: the next owner would do it in another session.
          if (owner !== this.#bound) throw sessionLost();
          return router.sendOn(owner, record, 'query', call, budget);
        }),
      );
    } finally {
      record.end();
    }
  }
}

const sessionLost = (): PondError =>
  new PondError('OWNER_LOST', "the owner went, and with it the script's settings and temporary tables", {
    hint: 'see whether the statement was done, and run the rest again with the settings it needs',
  });

/** What DuckDB calls the column of a statement that has no result, such as CREATE and SET. */
const isNoResult = ([first, ...rest]: readonly string[]): boolean =>
  rest.length === 0 && (first === 'Count' || first === 'Success');

type Batch = { readonly rows: readonly (readonly unknown[])[] };

async function* rowsOf(first: IteratorResult<Batch, void>, rest: AsyncGenerator<Batch, void, void>) {
  try {
    if (first.done) return;
    yield first.value.rows;
    for await (const { rows } of rest) yield rows;
  } finally {
    await rest.return();
  }
}

async function* only(rows: readonly (readonly unknown[])[]) {
  yield rows;
}
