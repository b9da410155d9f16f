import { randomUUID } from 'node:crypto';
import { accessSync, constants, existsSync, realpathSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fromSystem, PondError } from './errors.ts';
import { type PondPaths, pondPaths } from './paths.ts';
import {
  CANDIDACIES,
  type Candidacy,
  DEFAULT_BATCH_SIZE,
  PROTOCOL_VERSION,
  type QueryParams,
  type RunParams,
  type StatusResult,
  VALUE_FORMS,
  type ValueForm,
  type WireParams,
} from './protocol.ts';
import type { CallLimits } from './router/budget.ts';
import { type Role, Router, type RouterEvents } from './router/router.ts';
import { streamRows } from './router/stream.ts';
import { toRows } from './rows.ts';
import { encode } from './values.ts';
import { VERSION } from './version.ts';

/** A row by column name. The type of each value is its column's, as `@duckdb/node-api` gives it. */
// biome-ignore lint/suspicious/noExplicitAny: what a column holds is known to the caller's SQL alone.
export type Row = Record<string, any>;

/** `$1`, `?` by array; `$name` by object. Numbers, bigints, strings, Dates, Uint8Arrays, arrays, objects, null. */
export type SqlParams = readonly unknown[] | Readonly<Record<string, unknown>>;

export interface OpenOptions {
  /** Ms that a call may wait for an owner, a lock or a word from the owner ("busy timeout"); 10,000 unless told. */
  readonly timeout?: number;
  /** This handle may not write, whoever owns the file. The file must be there. */
  readonly readOnly?: boolean;
  /** Further files that the owner attaches, by the name they get. */
  readonly attach?: Readonly<Record<string, string>>;
  /** May this process become the owner? `willing` unless told. */
  readonly candidate?: Candidacy;
  /** DuckDB settings used if this process becomes the owner. */
  readonly config?: Readonly<Record<string, string>>;
  /** What `status` calls this client; the script's name unless told. */
  readonly name?: string;
}

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

export interface Pond extends AsyncDisposable {
  readonly role: Role;
  /** Grows with every change of owner. */
  readonly epoch: number;
  /** Real path of the database. */
  readonly path: string;
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
  /**
   * Rows in batches, computed as they are asked for: a slow reader bounds everyone's memory. Runs on a DuckDB
   * connection of its own, outside the handle's transaction.
   * @throws PondError as {@link query}; OWNER_LOST where the owner went after the first batch
   */
  stream<R extends Row = Row>(
    sql: string,
    params?: SqlParams,
    options?: StreamOptions,
  ): AsyncIterableIterator<R[]>;
  status(options?: CallLimits): Promise<StatusResult>;
  /** Ends the handle; an owner without further handles hands over and closes the file. */
  close(): Promise<void>;
  on<E extends keyof RouterEvents>(event: E, listener: (...args: RouterEvents[E]) => void): this;
  off<E extends keyof RouterEvents>(event: E, listener: (...args: RouterEvents[E]) => void): this;
}

/** Set to reach what the index needs and a user does not. */
export const ROUTER = Symbol('router');
export interface InnerPond extends Pond {
  readonly [ROUTER]: Router;
}

/**
 * Opens a DuckDB file that other processes may have open too. Resolves once the file has an owner: this process
 * or another.
 * @throws PondError NOT_FOUND, CORRUPT, PERMISSION, DISK_FULL, INVALID, OWNER_UNREACHABLE, OWNER_UNRESPONSIVE,
 *   PROTOCOL_MISMATCH; TypeError for an option of the wrong type
 */
export async function open(file: string, options: OpenOptions = {}): Promise<Pond> {
  return openInner(file, options);
}

export async function openInner(file: string, options: OpenOptions = {}): Promise<InnerPond> {
  checkOptions(file, options);
  const { timeout = 10_000, readOnly = false, attach = {}, candidate = 'willing', config = {} } = options;
  const paths = pondPaths(file);
  const router = new Router({
    paths,
    version: VERSION,
    config,
    timeout,
    alone: isAlone(paths, readOnly),
    hello: {
      protocol: PROTOCOL_VERSION,
      version: VERSION,
      path: paths.db,
      pid: process.pid,
      client: randomUUID(),
      name: options.name ?? process.argv[1]?.split(/[\\/]/).pop() ?? 'node',
      candidate,
      readOnly,
      ...(Object.keys(attach).length > 0 && { attach: realPaths(attach) }),
    },
  });
  try {
    await router.use({}, (budget) => router.link(budget));
    return new OpenPond(paths.db, router);
  } catch (error) {
    await router.close();
    throw error;
  }
}

function realPaths(attach: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(attach).map(([name, file]) => [name, pondPaths(file).db]));
}

/**
 * True where this process can only read the file, so that no lock can be taken beside it: it is then opened for
 * this process alone. Any number of processes may, while none writes.
 */
function isAlone({ db, record }: PondPaths, readOnly: boolean): boolean {
  if (!existsSync(db)) {
    if (readOnly) throw new PondError('NOT_FOUND', `there is no file ${db}`);
    return false;
  }
  try {
    accessSync(db, constants.R_OK | constants.W_OK);
    accessSync(dirname(db), constants.W_OK);
    return false;
  } catch (error) {
    // An owner of ours serves it all the same.
    if (existsSync(record)) return false;
    if (readOnly) return true;
    throw fromSystem(error, `${db} cannot be written`);
  }
}

function checkOptions(file: unknown, options: OpenOptions): void {
  const { timeout, candidate, readOnly } = options;
  if (typeof file !== 'string') throw new TypeError('open: the file must be a string');
  if (timeout !== undefined && !(timeout >= 0)) throw new TypeError('open: timeout must be a number of ms');
  if (readOnly !== undefined && typeof readOnly !== 'boolean')
    throw new TypeError('open: readOnly must be a boolean');
  if (candidate !== undefined && !CANDIDACIES.includes(candidate)) {
    throw new TypeError(`open: candidate must be one of ${CANDIDACIES.join(', ')}`);
  }
}

class OpenPond implements InnerPond {
  readonly path: string;
  readonly [ROUTER]: Router;

  constructor(path: string, router: Router) {
    this.path = path;
    this[ROUTER] = router;
  }

  get role(): Role {
    return this[ROUTER].role;
  }

  get epoch(): number {
    return this[ROUTER].epoch;
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
    const { names, rows } = await this[ROUTER].call('query', call, options);
    return toRows<R>(names, rows, values);
  }

  async run(sql: string, params?: SqlParams, options: CallLimits = {}): Promise<RunOutcome> {
    const { rowsChanged, epoch, replayed } = await this[ROUTER].call(
      'run',
      this.#statement(sql, params),
      options,
    );
    return { rowsChanged, epoch, replayed };
  }

  async *stream<R extends Row = Row>(
    sql: string,
    params?: SqlParams,
    options: StreamOptions = {},
  ): AsyncIterableIterator<R[]> {
    const { values, batchSize = DEFAULT_BATCH_SIZE } = checkValues(options);
    const call = { ...this.#statement(sql, params), ...(values && { values }) };
    for await (const { names, rows } of streamRows(this[ROUTER], call, batchSize, options)) {
      yield await toRows<R>(names, rows, values);
    }
  }

  status(options: CallLimits = {}): Promise<StatusResult> {
    return this[ROUTER].call('status', {}, options);
  }

  close(): Promise<void> {
    return this[ROUTER].close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  on<E extends keyof RouterEvents>(event: E, listener: (...args: RouterEvents[E]) => void): this {
    this[ROUTER].events.on(event, listener as never);
    return this;
  }

  off<E extends keyof RouterEvents>(event: E, listener: (...args: RouterEvents[E]) => void): this {
    this[ROUTER].events.off(event, listener as never);
    return this;
  }

  #statement(sql: string, params: SqlParams | undefined): RunParams {
    if (typeof sql !== 'string') throw new TypeError('the statement must be a string');
    const call = this[ROUTER].nextCall();
    return params === undefined ? { sql, call } : { sql, call, params: encode(params) as WireParams };
  }
}

function checkValues<O extends { readonly values?: ValueForm }>(options: O): O {
  const { values } = options;
  if (values !== undefined && !VALUE_FORMS.includes(values)) {
    throw new TypeError(`values must be one of ${VALUE_FORMS.join(', ')}`);
  }
  return options;
}

/** The real path of a project's folder. @throws PondError NOT_FOUND */
export function realFolder(folder: string): string {
  try {
    return realpathSync.native(resolve(folder));
  } catch (error) {
    throw fromSystem(error, folder);
  }
}
