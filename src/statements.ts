import { DEFAULT_BATCH_SIZE, type QueryParams, type RunParams, type WireParams } from './protocol.ts';
import type { Router } from './router/router.ts';
import { streamRows } from './router/stream.ts';
import { toRows } from './rows.ts';
import { type CallLimits, VALUE_FORMS, type ValueForm } from './shapes.ts';
import { encodeParams } from './values.ts';

/** A row by column name. The type of each value is its column's, as `@duckdb/node-api` gives it. */
// biome-ignore lint/suspicious/noExplicitAny: what a column holds is known to the caller's SQL alone.
export type Row = Record<string, any>;

/** `$1`, `?` by array; `$name` by object. Numbers, bigints, strings, Dates, Uint8Arrays, arrays, objects, null. */
export type SqlParams = readonly unknown[] | Readonly<Record<string, unknown>>;

export interface QueryOptions extends CallLimits {
  /** `js` (default), `duckdb` for DuckDB's own value objects, `json` for JSON values. */
  readonly values?: ValueForm;
  /** More rows than this end in TOO_LARGE. */
  readonly maxRows?: number;
}

export interface StreamOptions extends CallLimits {
  readonly values?: ValueForm;
  /** Rows in one batch, at most; 2048 unless told. */
  readonly batchSize?: number;
}

export interface RunOutcome {
  readonly rowsChanged: number;
  /** The ownership under which it was done. */
  readonly epoch: number;
  readonly replayed: boolean;
}

/** What a handle and a transaction have in common. */
export interface Statements {
  /**
   * All rows of the last statement in `sql`.
   * @throws PondError SQL, INVALID, READ_ONLY, TOO_LARGE (use {@link stream}), TIMEOUT, ABORTED, OWNER_*, CLOSED
   */
  query<R extends Row = Row>(sql: string, params?: SqlParams, options?: QueryOptions): Promise<R[]>;
  /**
   * Runs statements for their effect.
   * @throws PondError as {@link query}; OWNER_LOST with `data.outcome` where the owner went during the change
   */
  run(sql: string, params?: SqlParams, options?: CallLimits): Promise<RunOutcome>;
}

/** Statements through a router: params out, rows in. @internal */
export class RoutedStatements implements Statements {
  readonly router: Router;

  constructor(router: Router) {
    this.router = router;
  }

  async query<R extends Row = Row>(
    sql: string,
    params?: SqlParams,
    options: QueryOptions = {},
  ): Promise<R[]> {
    const { values, maxRows } = checkValues(options);
    const call: QueryParams = {
      ...this.#statement(sql, params),
      ...(values && { values }),
      ...(maxRows !== undefined && { maxRows }),
    };
    const { names, rows } = await this.router.call('query', call, options);
    return toRows<R>(names, rows, values);
  }

  async run(sql: string, params?: SqlParams, options: CallLimits = {}): Promise<RunOutcome> {
    const { rowsChanged, epoch, replayed } = await this.router.call(
      'run',
      this.#statement(sql, params),
      options,
    );
    return { rowsChanged, epoch, replayed };
  }

  /** Begins a transaction in a session without settings or temporary tables of an earlier one. */
  async begin(limits: CallLimits): Promise<void> {
    await this.router.call('run', { ...this.#statement('BEGIN', undefined), fresh: true }, limits);
  }

  async *stream<R extends Row = Row>(
    sql: string,
    params?: SqlParams,
    options: StreamOptions = {},
  ): AsyncIterableIterator<R[]> {
    const { values, batchSize = DEFAULT_BATCH_SIZE } = checkValues(options);
    const call = { ...this.#statement(sql, params), ...(values && { values }) };
    for await (const { names, rows } of streamRows(this.router, call, batchSize, options)) {
      yield await toRows<R>(names, rows, values);
    }
  }

  #statement(sql: string, params: SqlParams | undefined): RunParams {
    if (typeof sql !== 'string') throw new TypeError('the statement must be a string');
    const call = this.router.nextCall();
    return params === undefined ? { sql, call } : { sql, call, params: encodeParams(params) as WireParams };
  }
}

function checkValues<O extends { readonly values?: ValueForm }>(options: O): O {
  const { values } = options;
  if (values !== undefined && !VALUE_FORMS.includes(values)) {
    throw new TypeError(`values must be one of ${VALUE_FORMS.join(', ')}`);
  }
  return options;
}
