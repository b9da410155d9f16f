import { statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { PondError } from '../errors.ts';
import { Attachments, type AttachOptions, type ClaimFile, type FileIdentity } from './attachments.ts';
import { type Connection, type ConnectionOptions, createConnection } from './connection.ts';
import { nextEpoch, readEpoch } from './epoch.ts';
import { fromDuckDB, HeldError, heldBy } from './errors.ts';
import { type Guard, setGuard } from './guards.ts';
import { Ledger } from './ledger.ts';
import { checkConfig, OwnFiles } from './own-files.ts';
import { catalogOf, seclude } from './own-schema.ts';
import { SqlSession, type SqlSessionOptions } from './sql-session.ts';
import { TransactionVerbs } from './transaction-verbs.ts';
import { Writer } from './writer.ts';

export interface DatabaseOptions {
  /** DuckDB settings, as `DuckDBInstance.create` takes them. */
  readonly config?: Readonly<Record<string, string>>;
  readonly readOnly?: boolean;
  /** Rejects where this process may not write any more. Asked before each commit. */
  readonly checkFence?: () => Promise<void>;
  /** Elects this process to open a further file. */
  readonly claim?: ClaimFile;
  /** Whether this process has a kernel lock on the file, whoever took it. */
  readonly isLockedHere?: (dev: bigint, ino: bigint) => Promise<boolean>;
  /** A statement may have opened a file and dropped its lock: to be looked at before the next commit. */
  readonly doubtFence?: () => void;
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
  /** The name of the file in SQL. */
  readonly catalog: string;
  readonly ledger: Ledger;
  readonly verbs: TransactionVerbs;
  readonly writer: Writer;
  /** True where a further database is attached that a transaction may write to: the ledger is not in that one. */
  readonly hasForeign: boolean;
  /** Real paths of the attached files. */
  readonly attached: readonly string[];
  checkFence(): Promise<void>;
  /** Counts this ownership in the database: one higher than the last. A read-only file keeps its count. */
  beginEpoch(): Promise<number>;
  /**
   * Attaches a further file, once: two clients that name it alike share it.
   * @throws as {@link openDatabase}; PondError OWNER_UNREACHABLE, NOT_FOUND for another file than the expected one
   */
  attach(name: string, file: string, options?: AttachOptions): Promise<FileIdentity>;
  /** To be called when no transaction is open on a session's connection, or when it is closed: one may have attached a file. */
  settled(connection: DuckDBConnection): Promise<unknown> | undefined;
  /** True for the files that this process may not open beside DuckDB. */
  isOwnFile(path: string, dev: bigint, ino: bigint): boolean;
  connect(): Promise<Connection>;
  driverConnection(): Promise<DuckDBConnection>;
  openSession(options: SqlSessionOptions): Promise<SqlSession>;
  /** Closing will write nothing into the file. */
  forgoCheckpoint(): Promise<void>;
  /** Settles when nothing is being attached any more. */
  idle(): Promise<void>;
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
  const { config = {}, readOnly = false, checkFence = async () => undefined, claim = unclaimed } = options;
  await checkConfig(path, config);
  const instance = await create(path, { ...config, ...(readOnly ? { access_mode: 'READ_ONLY' } : {}) });
  try {
    const [home, writes, records, asks, attaching, listing] = await Promise.all([
      instance.connect(),
      instance.connect(),
      instance.connect(),
      instance.connect(),
      instance.connect(),
      instance.connect(),
    ]);
    await Promise.all(
      [attaching, listing].map((connection) => connection.run("SET search_path = 'system.main'")),
    );
    const own = { catalog: await catalogOf(home), readOnly, checkFence };
    const { dev, ino } = await stat(path, { bigint: true });
    const [device, inode] = [String(dev), String(ino)];
    return new OpenDatabase({
      path,
      instance,
      writes,
      listing,
      options,
      own,
      home: await createConnection(home, { ...own, checkFence: async () => undefined }),
      attachments: new Attachments(
        attaching,
        { path, id: fileId(dev, ino), catalog: own.catalog, readOnly },
        claim,
      ),
      ledger: new Ledger(await createConnection(records, own), own.catalog),
      verbs: await verbsOf(asks, own),
      device,
      inode,
    });
  } catch (error) {
    instance.closeSync();
    throw fromDuckDB(error);
  }
}

async function verbsOf(
  connection: DuckDBConnection,
  { catalog, readOnly }: Required<ConnectionOptions>,
): Promise<TransactionVerbs> {
  await seclude(connection, catalog, !readOnly);
  return new TransactionVerbs(connection, catalog);
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

const fileId = (dev: bigint | string, ino: bigint | string): string => `${dev}:${ino}`;

/** For a database that no election is about. */
const unclaimed: ClaimFile = async () => ({ opened: async () => undefined, release: () => undefined });

const refuseAttach: Guard['attach'] = async () => {
  throw new PondError('INVALID', 'a stream may not attach or detach', {
    hint: 'use run() or query() for it',
  });
};

interface Opened {
  readonly path: string;
  readonly instance: DuckDBInstance;
  readonly home: Connection;
  readonly writes: DuckDBConnection;
  readonly listing: DuckDBConnection;
  readonly options: DatabaseOptions;
  readonly attachments: Attachments;
  readonly ledger: Ledger;
  readonly verbs: TransactionVerbs;
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
  /** Serves the owner's own statements. */
  readonly #home: Connection;
  readonly #attachments: Attachments;
  readonly #files: OwnFiles;
  readonly #listing: DuckDBConnection;
  readonly #isLockedHere: NonNullable<DatabaseOptions['isLockedHere']>;
  readonly catalog: string;
  readonly ledger: Ledger;
  readonly verbs: TransactionVerbs;
  readonly #own: Required<ConnectionOptions>;
  readonly writer: Writer;
  readonly checkFence: () => Promise<void>;
  #epoch = 0;
  #isClosed = false;

  constructor(opened: Opened) {
    const { path, instance, home, writes, listing, attachments, ledger, own } = opened;
    const { verbs, device, inode } = opened;
    const { isLockedHere = async () => false, doubtFence: doubt = () => undefined } = opened.options;
    this.path = path;
    this.readOnly = own.readOnly;
    this.#instance = instance;
    this.#home = home;
    this.#attachments = attachments;
    this.#listing = listing;
    this.#isLockedHere = isLockedHere;
    this.#files = new OwnFiles(
      { paths: () => [path, ...this.attached], has: (...file) => this.#isOpen(...file), doubt },
      listing,
    );
    setGuard(writes, { ...this.#files.guard(writes), attach: refuseAttach });
    this.#own = own;
    this.catalog = own.catalog;
    this.ledger = ledger;
    this.verbs = verbs;
    this.checkFence = own.checkFence;
    this.writer = new Writer(writes, ledger, own.checkFence);
    this.device = device;
    this.inode = inode;
  }

  get hasForeign(): boolean {
    return this.#attachments.hasWritable;
  }

  get attached(): readonly string[] {
    return this.#attachments.files;
  }

  get epoch(): number {
    return this.#epoch;
  }

  async beginEpoch(): Promise<number> {
    const { epoch, forgotten } = await (this.readOnly ? readEpoch(this.#home) : nextEpoch(this.#home));
    this.#epoch = epoch;
    this.ledger.begin(epoch, forgotten);
    return this.#epoch;
  }

  attach(name: string, file: string, options?: AttachOptions): Promise<FileIdentity> {
    return this.#attachments.attach(name, file, options).finally(() => this.#files.changed());
  }

  settled(connection: DuckDBConnection): Promise<unknown> | undefined {
    return this.#attachments.settle(connection);
  }

  isOwnFile(path: string, dev: bigint, ino: bigint): boolean {
    const id = fileId(dev, ino);
    return (
      id === fileId(this.device, this.inode) ||
      this.#attachments.isAttached(id) ||
      [this.path, ...this.attached].some((name) => path === name || path === `${name}.wal`)
    );
  }

  async connect(): Promise<Connection> {
    return createConnection(await this.#instance.connect(), this.#own);
  }

  /** For a stream: what it attached would be gone with it. */
  driverConnection(): Promise<DuckDBConnection> {
    return this.#guarded(() => refuseAttach);
  }

  async openSession(options: SqlSessionOptions): Promise<SqlSession> {
    const attach =
      (connection: DuckDBConnection): Guard['attach'] =>
      (info, run) =>
        this.#attachments.run(connection, info, run);
    return new SqlSession(this, await this.#guarded(attach), options);
  }

  async #guarded(attach: (connection: DuckDBConnection) => Guard['attach']): Promise<DuckDBConnection> {
    const connection = await this.#instance.connect();
    setGuard(connection, { ...this.#files.guard(connection), attach: attach(connection) });
    return connection;
  }

  async idle(): Promise<void> {
    await Promise.all([this.#attachments.idle(), this.#files.idle()]);
  }

  async #isOpen(path: string, dev: bigint, ino: bigint): Promise<boolean> {
    if (this.isOwnFile(path, dev, ino) || (await this.#isLockedHere(dev, ino))) return true;
    return [this.path, ...this.attached].some((file) => {
      const log = statSync(`${file}.wal`, { bigint: true, throwIfNoEntry: false });
      return log !== undefined && log.dev === dev && log.ino === ino;
    });
  }

  async forgoCheckpoint(): Promise<void> {
    await this.#home.run('PRAGMA disable_checkpoint_on_shutdown');
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#home.close();
    this.ledger.close();
    this.verbs.close();
    this.writer.close();
    this.#attachments.closeConnection();
    this.#listing.closeSync();
    this.#instance.closeSync();
    this.#attachments.releaseAll();
  }
}
