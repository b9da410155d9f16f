import { stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { type DuckDBConnection, StatementType } from '@duckdb/node-api';
import { fromSystem, PondError } from '../errors.ts';
import { pondPaths } from '../paths.ts';
import { Turns } from '../turns.ts';
import { defaultName, readAttach, readDetach } from './attach-statement.ts';
import { HeldError, heldBy } from './errors.ts';
import { quotedName } from './own-schema.ts';
import { runStatements, type StatementInfo } from './statements.ts';

/** The right to open a further file, won in its election. */
export interface Claim {
  /** DuckDB has it open now. */
  opened(file: { readonly path: string; readonly device: string; readonly inode: string }): Promise<void>;
  release(): void;
}

/** Wins the right to open a file. @throws PondError OWNER_UNREACHABLE while somebody else has it */
export type ClaimFile = (file: string, readOnly: boolean) => Promise<Claim>;

/** `st_dev` and `st_ino`, in decimal. */
export interface FileIdentity {
  readonly device: string;
  readonly inode: string;
}

export interface AttachOptions {
  /** False for a client that may not write: a file that is not there stays so. */
  readonly mayMake?: boolean;
  /** The file that the client knows from an earlier owner; no other is attached or made in its place. */
  readonly expected?: FileIdentity;
}

interface Attached {
  readonly file: string;
  readonly name: string;
  readonly claim: Claim;
}

/** One line of DuckDB's own list. */
interface Listed {
  readonly name: string;
  readonly path: string | null;
  readonly readOnly: boolean;
}

interface MainFile {
  readonly path: string;
  /** `st_dev:st_ino`. */
  readonly id: string;
  /** Its name in SQL: our own statements go by it. */
  readonly catalog: string;
  readonly readOnly: boolean;
}

/** Qualified: a client may have a macro of that name. */
const LIST = `SELECT database_name, path, readonly FROM system.main.duckdb_databases() WHERE NOT internal`;

/**
 * The further files of the database, however they are attached: by a hello or by SQL. Each is claimed before DuckDB
 * opens it, and let go of when DuckDB's own list no longer has it. One ATTACH or DETACH runs at a time, so that what
 * the list says is not older than what is known here.
 */
export class Attachments {
  readonly #connection: DuckDBConnection;
  readonly #main: MainFile;
  readonly #claim: ClaimFile;
  readonly #turns = new Turns();
  /** By `st_dev:st_ino`: a file has many names. */
  readonly #attached = new Map<string, Attached>();
  /** Names of those that a transaction may write to. */
  #writable: ReadonlySet<string> = new Set();
  /** Connections whose transaction, where it is rolled back, takes an ATTACH with it. */
  readonly #unsettled = new Set<DuckDBConnection>();
  #isClosed = false;

  /** @param connection for these statements alone */
  constructor(connection: DuckDBConnection, main: MainFile, claim: ClaimFile) {
    this.#connection = connection;
    this.#main = main;
    this.#claim = claim;
  }

  /** True where a transaction may write to another database than the main one. */
  get hasWritable(): boolean {
    return this.#writable.size > 0;
  }

  get files(): string[] {
    return [...this.#attached.values()].map(({ file }) => file);
  }

  isAttached(id: string): boolean {
    return this.#attached.has(id);
  }

  /** For a client that asks for the file in its hello: once for all who name it alike. */
  attach(name: string, file: string, options: AttachOptions = {}): Promise<FileIdentity> {
    return this.#turns.take(async () => {
      await this.#attachNamed(name, file, options);
      const [device = '', inode = ''] = ((await idOf(file)) ?? '').split(':');
      return { device, inode };
    });
  }

  async #attachNamed(name: string, file: string, { mayMake = true, expected }: AttachOptions): Promise<void> {
    // DuckDB attaches a database in memory for an empty path, and other things for other names that are no path.
    if (!isAbsolute(file)) throw new PondError('INVALID', `to attach ${name}, its absolute path is needed`);
    if (!mayMake) await checkThere(file);
    if (expected) await checkExpected(file, expected);
    const known = (await this.#list()).find((one) => one.name.toLowerCase() === name.toLowerCase());
    if (known) {
      if (known.path !== null && (await idOf(known.path)) === (await idOf(file))) return;
      throw new PondError('INVALID', `${name} is attached already, to ${known.path ?? 'no file'}`);
    }
    const mode = this.#main.readOnly ? ' (READ_ONLY)' : '';
    const sql = `ATTACH ${quotedText(file)} AS ${quotedName(name)}${mode}`;
    await this.#open(file, false, () => runStatements(this.#connection, sql));
  }

  /** Runs a client's ATTACH or DETACH. */
  run<T>(connection: DuckDBConnection, info: StatementInfo, work: () => Promise<T>): Promise<T> {
    return this.#turns.take(async () => {
      this.#unsettled.add(connection);
      if (info.type === StatementType.DETACH) {
        this.#checkName(readDetach(info.text, info.part, info.count));
        return work().finally(() => this.#sync());
      }
      try {
        return await this.#runAttach(info, work);
      } catch (error) {
        if (error instanceof HeldError) throw heldOutside(error.pid);
        throw error;
      }
    });
  }

  /** To be called when no transaction is open on the connection, or when it is closed. */
  settle(connection: DuckDBConnection): Promise<unknown> | undefined {
    return this.#unsettled.delete(connection) ? this.#turns.take(() => this.#sync()) : undefined;
  }

  /** Settles when nothing of it is under way. */
  idle(): Promise<void> {
    return this.#turns.take(async () => undefined);
  }

  closeConnection(): void {
    this.#isClosed = true;
    this.#connection.closeSync();
  }

  /** Once DuckDB has closed the files. */
  releaseAll(): void {
    for (const { claim } of this.#attached.values()) claim.release();
    this.#attached.clear();
  }

  async #runAttach<T>({ text, part, count }: StatementInfo, work: () => Promise<T>): Promise<T> {
    const { target, name, ifNotExists, readOnly } = readAttach(text, part, count);
    // With IF NOT EXISTS it is there, and stays what it is.
    if (!ifNotExists) this.#checkName(name ?? defaultName(target.path ?? ''));
    if (target.kind === 'other') {
      const id = target.path === null ? null : await idOf(target.path);
      if (id !== null) this.#checkNotOurs(target.path as string, id);
      return work().finally(() => this.#sync());
    }
    const file = pondPaths(target.path).db;
    if (ifNotExists) {
      const known = (await this.#list()).map((one) => one.name.toLowerCase());
      // DuckDB opens nothing then.
      if (known.includes((name ?? defaultName(target.path)).toLowerCase())) return work();
    }
    return this.#open(file, readOnly, work);
  }

  /** @param run has DuckDB open the file */
  async #open<T>(file: string, readOnly: boolean, run: () => Promise<T>): Promise<T> {
    const before = await idOf(file);
    if (before !== null) this.#checkNotOurs(file, before);
    const claim = await this.#claim(file, readOnly || this.#main.readOnly);
    try {
      const result = await run();
      await this.#note(file, claim);
      return result;
    } catch (error) {
      await this.#sync();
      if (![...this.#attached.values()].some((one) => one.claim === claim)) claim.release();
      const pid = heldBy(error);
      throw pid === null ? error : new HeldError(pid);
    }
  }

  /** DuckDB has opened the path: what it leads to must be what was claimed. */
  async #note(file: string, claim: Claim): Promise<void> {
    const id = await idOf(file);
    const found = await this.#sync();
    const listed = id === null ? undefined : found.get(id);
    if (id === null || !listed) {
      for (const [other, { name }] of found) {
        if (this.#attached.has(other)) continue;
        await runStatements(this.#connection, `DETACH ${quotedName(name)}`);
      }
      throw new PondError('INVALID', `${file} was replaced while it was being attached`);
    }
    this.#attached.set(id, { file, name: listed.name, claim });
    const [device = '', inode = ''] = id.split(':');
    await claim.opened({ path: file, device, inode });
  }

  /** DuckDB keeps the main file only from a session that stands in it. Our own rows would follow its name. */
  #checkName(name: string): void {
    const { catalog } = this.#main;
    if (name.toLowerCase() !== catalog.toLowerCase()) return;
    throw new PondError(
      'INVALID',
      `${catalog} is the database itself, which cannot be detached or replaced`,
      {
        hint: 'close the handle to let go of it, or attach the other file under another name',
      },
    );
  }

  #checkNotOurs(file: string, id: string): void {
    if (id === this.#main.id) throw new PondError('INVALID', `${file} is the database itself`);
    const known = this.#attached.get(id);
    if (known)
      throw new PondError('INVALID', `${file} is attached already, as ${known.name}`, {
        hint: `use the name ${known.name}, or DETACH it first`,
      });
  }

  /** What is attached is what DuckDB says; what is not any more is let go of. Listed files by identity. */
  async #sync(): Promise<ReadonlyMap<string, Listed>> {
    const byId = new Map<string, Listed>();
    if (this.#isClosed) return byId;
    const further: Listed[] = [];
    for (const one of await this.#list()) {
      const id = one.path === null ? null : await idOf(one.path);
      if (id === this.#main.id || one.path === this.#main.path) continue;
      further.push(one);
      if (id !== null) byId.set(id, one);
    }
    for (const [id, { file, claim }] of this.#attached) {
      // A file that was moved away is attached all the same: the fence knows what to do.
      if (byId.has(id) || further.some(({ path }) => path === file)) continue;
      this.#attached.delete(id);
      claim.release();
    }
    this.#writable = new Set(further.filter(({ readOnly }) => !readOnly).map(({ name }) => name));
    return byId;
  }

  async #list(): Promise<Listed[]> {
    const rows = await (await runStatements(this.#connection, LIST)).getRowsJS();
    return rows.map(([name, path, readOnly]) => ({
      name: name as string,
      path: path as string | null,
      readOnly: readOnly as boolean,
    }));
  }
}

async function checkThere(file: string): Promise<void> {
  try {
    await stat(file);
  } catch (error) {
    throw fromSystem(error, `cannot attach ${file}`);
  }
}

async function checkExpected(file: string, { device, inode }: FileIdentity): Promise<void> {
  const id = await idOf(file);
  if (id === `${device}:${inode}`) return;
  throw new PondError(
    'NOT_FOUND',
    `${file} ${id === null ? 'is gone' : 'was replaced'} since it was attached`,
    {
      hint: 'nothing was written to what is there now; put the file back, or close the handle and open it again',
    },
  );
}

async function idOf(file: string): Promise<string | null> {
  try {
    const { dev, ino } = await stat(file, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return null;
  }
}

function heldOutside(pid: number): PondError {
  const who = pid > 0 ? `process ${pid}` : 'another process';
  return new PondError('OWNER_UNREACHABLE', `the file to attach is held by ${who}`, {
    data: { pid },
    hint: `let ${who} close the file, or have it open the file through onepond`,
  });
}

const quotedText = (text: string): string => `'${text.replaceAll("'", "''")}'`;
