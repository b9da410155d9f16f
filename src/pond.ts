import { randomUUID } from 'node:crypto';
import { checkOptions, isAlone, type OpenOptions, realPaths } from './options.ts';
import { pondPaths } from './paths.ts';
import { PROTOCOL_VERSION } from './protocol.ts';
import { whilePending } from './router/alive.ts';
import { Router, type RouterOptions } from './router/router.ts';
import { visitOwner } from './router/visit.ts';
import type { CallLimits, Role, RouterEvents, StatusResult } from './shapes.ts';
import {
  RoutedStatements,
  type Row,
  type SqlParams,
  type Statements,
  type StreamOptions,
} from './statements.ts';
import { type Transaction, type TransactionOptions, Transactions } from './transaction.ts';
import { VERSION } from './version.ts';

export interface Pond extends Statements, AsyncDisposable {
  readonly role: Role;
  /** Grows with every change of owner. */
  readonly epoch: number;
  /** Real path of the database. */
  readonly path: string;
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
  /**
   * Runs `fn` in a transaction with a session of its own, and commits what it did when it returns. It runs again
   * where its transaction met another's, or its owner went before the commit: so `fn` has no effects but through
   * `tx`. An owner that goes during the commit is asked for by the next: committed once, or run again.
   * @throws what `fn` throws, once it is rolled back; PondError as {@link query}
   */
  transaction<T>(fn: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>;
  status(options?: CallLimits): Promise<StatusResult>;
  /** Ends the handle; an owner without further handles hands over and closes the file. */
  close(): Promise<void>;
  on<E extends keyof RouterEvents>(event: E, listener: (...args: RouterEvents[E]) => void): this;
  off<E extends keyof RouterEvents>(event: E, listener: (...args: RouterEvents[E]) => void): this;
}

/** Set to reach what the index needs and a user does not. @internal */
export const ROUTER = Symbol('router');
/** @internal */
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

/** @internal */
export async function openInner(file: string, options: OpenOptions = {}): Promise<InnerPond> {
  checkOptions(file, options);
  const { timeout = 10_000, readOnly = false, attach = {}, candidate = 'willing', config = {} } = options;
  const paths = pondPaths(file);
  const routes: RouterOptions = {
    paths,
    version: VERSION,
    config,
    timeout,
    alone: false,
    hello: {
      protocol: PROTOCOL_VERSION,
      version: VERSION,
      path: paths.db,
      pid: process.pid,
      client: randomUUID(),
      confirms: true,
      name: options.name ?? process.argv[1]?.split(/[\\/]/).pop() ?? 'node',
      candidate,
      readOnly,
      ...(Object.keys(attach).length > 0 && { attach: realPaths(attach) }),
    },
  };
  return whilePending(async () => connect({ ...routes, alone: await standsAlone(routes) }));
}

/** A record that nobody removed may name an owner that is gone. One that keeps silent is there. */
async function standsAlone({ paths, hello, timeout }: RouterOptions): Promise<boolean> {
  const alone = isAlone(paths, hello.readOnly);
  if (alone !== 'unless-owned') return alone;
  try {
    const link = await visitOwner(paths, { ...hello, candidate: 'never' }, timeout);
    link?.close();
    return link === null;
  } catch {
    return false;
  }
}

async function connect(routes: RouterOptions): Promise<InnerPond> {
  const router = new Router(routes);
  try {
    await router.use({}, (budget) => router.link(budget));
    return new OpenPond(routes, router);
  } catch (error) {
    await router.close();
    throw error;
  }
}

class OpenPond extends RoutedStatements implements InnerPond {
  readonly path: string;
  readonly #transactions: Transactions;
  #closed: Promise<unknown> | undefined;

  constructor(options: RouterOptions, router: Router) {
    super(router);
    this.path = options.paths.db;
    this.#transactions = new Transactions(options);
  }

  get [ROUTER](): Router {
    return this.router;
  }

  get role(): Role {
    return this.router.role;
  }

  get epoch(): number {
    return this.router.epoch;
  }

  transaction<T>(fn: (tx: Transaction) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    return this.#transactions.run(fn, options);
  }

  status(options: CallLimits = {}): Promise<StatusResult> {
    return this.router.call('status', {}, options);
  }

  async close(): Promise<void> {
    this.#closed ??= Promise.all([this.#transactions.close(), this.router.close()]);
    await this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  on<E extends keyof RouterEvents>(event: E, listener: (...args: RouterEvents[E]) => void): this {
    this.router.events.on(event, listener as never);
    return this;
  }

  off<E extends keyof RouterEvents>(event: E, listener: (...args: RouterEvents[E]) => void): this {
    this.router.events.off(event, listener as never);
    return this;
  }
}
