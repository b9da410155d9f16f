import { stat } from 'node:fs/promises';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { fromSystem, PondError } from '../errors.ts';
import { Turns } from '../turns.ts';
import { type Connection, type ConnectionOptions, createConnection } from './connection.ts';
import { nextEpoch, readEpoch } from './epoch.ts';
import { fromDuckDB, HeldError, heldBy } from './errors.ts';
import { Ledger } from './ledger.ts';
import { catalogOf } from './own-schema.ts';
import { SqlSession, type SqlSessionOptions } from './sql-session.ts';
import { Writer } from './writer.ts';

export interface DatabaseOptions {
  /** DuckDB settings, as `DuckDBInstance.create` takes them. */
  readonly config?: Readonly<Record<string, string>>;
  readonly readOnly?: boolean;
  /** Rejects where this process may not write any more. Asked before each commit. */
  readonly checkFence?: () => Promise<void>;
}

/** An open DuckDB file. While it stands, this process holds the kernel lock: the fence. */
export interface Database {
  readonly path: string;
  readonly readOnly: boolean;
  /** `st_dev` and `st_ino` at the time of opening. */
  readonly device: string;
  readonly inode: string;
  /** 0 until {@link Database.beginEpoch}. */
  readonly epoch: number;
  readonly ledger: Ledger;
  readonly writer: Writer;
  /** True where a further file is attached: a transaction may write to that one, where the ledger is not. */
  readonly hasForeign: boolean;
  /** To be called when a session has attached one. */
  noteAttached(): void;
  checkFence(): Promise<void>;
  /** Counts this ownership in the database: one higher than the last. A read-only file keeps its count. */
  beginEpoch(): Promise<number>;
  /**
   * Attaches a further file, once: two clients that name it alike share it.
   * @param mayMake false for one that may not write: a file that is not there stays so
   * @throws as {@link openDatabase}
   */
  attach(name: string, file: string, mayMake?: boolean): Promise<void>;
  /** True for the files that this process may not open beside DuckDB. */
  isOwnFile(path: string, dev: bigint, ino: bigint): boolean;
  connect(): Promise<Connection>;
  driverConnection(): Promise<DuckDBConnection>;
  openSession(options: SqlSessionOptions): Promise<SqlSession>;
  /** Closing will write nothing into the file. */
  forgoCheckpoint(): Promise<void>;
  /** Lets go of the file, and with it of the fence. Sessions and connections are closed by those who opened them. */
  close(): void;
}

/**
 * Opens the file, making it where there is none.
 *
 * Nothing else in this process may open it, not even to read: closing any descriptor of a file drops the
 * process's POSIX locks on it, and with them the fence.
 * @throws HeldError while another process has it; PondError CORRUPT, PERMISSION, DISK_FULL, INVALID, NOT_FOUND
 */
export async function openDatabase(path: string, options: DatabaseOptions = {}): Promise<Database> {
  const { config = {}, readOnly = false, checkFence = async () => undefined } = options;
  const instance = await create(path, { ...config, ...(readOnly ? { access_mode: 'READ_ONLY' } : {}) });
  try {
    const [home, writes, records] = await Promise.all([
      instance.connect(),
      instance.connect(),
      instance.connect(),
    ]);
    const own = { catalog: await catalogOf(home), readOnly, checkFence };
    const { dev, ino } = await stat(path, { bigint: true });
    const [device, inode] = [String(dev), String(ino)];
    return new OpenDatabase({
      path,
      instance,
      writes,
      own,
      home: await createConnection(home, { ...own, checkFence: async () => undefined }),
      ledger: new Ledger(await createConnection(records, own), own.catalog),
      device,
      inode,
    });
  } catch (error) {
    instance.closeSync();
    throw fromDuckDB(error);
  }
}

async function create(path: string, config: Record<string, string>): Promise<DuckDBInstance> {
  try {
    return await DuckDBInstance.create(path, config);
  } catch (error) {
    const pid = heldBy(error);
    if (pid !== null) throw new HeldError(pid);
    const known = fromDuckDB(error);
    const refused = known.code === 'SQL' && /option|config|setting/i.test(known.message);
    throw refused ? new PondError('INVALID', known.message, { cause: error }) : known;
  }
}

async function checkThere(file: string): Promise<void> {
  try {
    await stat(file);
  } catch (error) {
    throw fromSystem(error, `cannot attach ${file}`);
  }
}

const fileId = ({ dev, ino }: { readonly dev: bigint; readonly ino: bigint }): string => `${dev}:${ino}`;

const quoted = (text: string, quote: string): string => quote + text.replaceAll(quote, quote + quote) + quote;

interface Attached {
  readonly file: string;
  /** Settles when the file is there for all. */
  readonly done: Promise<void>;
}

interface Opened {
  readonly path: string;
  readonly instance: DuckDBInstance;
  readonly home: Connection;
  readonly writes: DuckDBConnection;
  readonly ledger: Ledger;
  /** For connections of our own. */
  readonly own: Required<ConnectionOptions>;
  readonly device: string;
  readonly inode: string;
}

class OpenDatabase implements Database {
  readonly path: string;
  readonly readOnly: boolean;
  readonly device: string;
  readonly inode: string;
  readonly #instance: DuckDBInstance;
  /** Keeps attached files attached, and serves the owner's own statements. */
  readonly #home: Connection;
  readonly #attached = new Map<string, Attached>();
  /** DuckDB refuses a file that another ATTACH is about to open. */
  readonly #attaching = new Turns();
  readonly #ownFiles = new Set<string>();
  readonly ledger: Ledger;
  readonly #own: Required<ConnectionOptions>;
  readonly writer: Writer;
  readonly checkFence: () => Promise<void>;
  #epoch = 0;
  #hasForeign = false;
  #isClosed = false;

  constructor({ path, instance, home, writes, ledger, own, device, inode }: Opened) {
    this.path = path;
    this.readOnly = own.readOnly;
    this.#instance = instance;
    this.#home = home;
    this.#own = own;
    this.ledger = ledger;
    this.checkFence = own.checkFence;
    this.writer = new Writer(writes, ledger, own.checkFence);
    this.device = device;
    this.inode = inode;
    this.#ownFiles.add(`${device}:${inode}`);
  }

  get hasForeign(): boolean {
    return this.#hasForeign;
  }

  noteAttached(): void {
    this.#hasForeign = true;
  }

  get epoch(): number {
    return this.#epoch;
  }

  async beginEpoch(): Promise<number> {
    this.#epoch = await (this.readOnly ? readEpoch(this.#home) : nextEpoch(this.#home));
    this.ledger.epoch = this.#epoch;
    return this.#epoch;
  }

  async attach(name: string, file: string, mayMake = true): Promise<void> {
    if (!mayMake) await checkThere(file);
    const known = this.#attached.get(name);
    if (known?.file === file) return known.done;
    if (known) throw new PondError('INVALID', `${name} is attached already, to ${known.file}`);
    const done = this.#attaching.take(() => this.#attachNow(name, file));
    this.#attached.set(name, { file, done });
    // It may go better next time, or with another file.
    done.catch(() => this.#attached.delete(name));
    return done;
  }

  async #attachNow(name: string, file: string): Promise<void> {
    const mode = this.readOnly ? ' (READ_ONLY)' : '';
    try {
      await this.#home.run(`ATTACH ${quoted(file, "'")} AS ${quoted(name, '"')}${mode}`);
    } catch (error) {
      const pid = heldBy(error);
      throw pid === null ? error : new HeldError(pid);
    }
    this.noteAttached();
    this.#ownFiles.add(fileId(await stat(file, { bigint: true })));
  }

  isOwnFile(path: string, dev: bigint, ino: bigint): boolean {
    const names = [this.path, ...[...this.#attached.values()].map(({ file }) => file)];
    return (
      this.#ownFiles.has(fileId({ dev, ino })) ||
      names.some((name) => path === name || path === `${name}.wal`)
    );
  }

  async connect(): Promise<Connection> {
    return createConnection(await this.driverConnection(), this.#own);
  }

  driverConnection(): Promise<DuckDBConnection> {
    return this.#instance.connect();
  }

  async openSession(options: SqlSessionOptions): Promise<SqlSession> {
    return new SqlSession(this, await this.driverConnection(), options);
  }

  async forgoCheckpoint(): Promise<void> {
    await this.#home.run('PRAGMA disable_checkpoint_on_shutdown');
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#home.close();
    this.ledger.close();
    this.writer.close();
    this.#instance.closeSync();
  }
}
