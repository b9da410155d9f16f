import { randomUUID } from 'node:crypto';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { ownIdentity } from '../../src/election/identity.ts';
import type { OwnerRecord } from '../../src/election/record.ts';
import { type Database, openDatabase } from '../../src/engine/database.ts';
import { Owner } from '../../src/owner/owner.ts';
import { type PondPaths, pondPaths } from '../../src/paths.ts';
import {
  type Calls,
  type HelloParams,
  type Params,
  PROTOCOL_VERSION,
  type QueryParams,
  type Result,
  type WireParams,
} from '../../src/protocol.ts';
import { toRows } from '../../src/rows.ts';
import type { ValueForm } from '../../src/shapes.ts';
import type { Peer } from '../../src/transport/peer.ts';
import { encodeParams } from '../../src/values.ts';

/** One session with the service, whatever lies in between. */
export interface Session {
  call<M extends keyof Calls>(method: M, params: Params<M>, signal?: AbortSignal): Promise<Result<M>>;
  /** Settles when the service has announced that this call begins to change data. */
  began(call: number): Promise<void>;
  close(): Promise<void>;
}

/** What the contract is run against: a way to open one more session with the owner. */
export type Connect = (place: Place, hello: HelloParams) => Promise<Session>;

/** A database with its owner in this thread, from source. */
export interface Place {
  readonly dir: string;
  readonly database: Database;
  readonly owner: Owner;
  readonly socket: string;
  readonly record: OwnerRecord;
  /** The owner leaves in peace, and another takes over: nothing that was in memory is left. */
  restart(): Promise<void>;
}

export const VERSION = '0.0.0-test';

/** A folder that goes with the test; its real path. */
export function tempFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'onepond-contract-')));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export async function openPlace(): Promise<Place> {
  const dir = tempFolder();
  const paths = pondPaths(join(dir, 'test.duckdb'));
  let reign = await takeOver(paths, join(dir, 's1.sock'));
  let reigns = 1;
  onTestFinished(() => abdicate(reign));
  return {
    dir,
    get database() {
      return reign.database;
    },
    get owner() {
      return reign.owner;
    },
    get socket() {
      return reign.socket;
    },
    get record() {
      return reign.record;
    },
    async restart() {
      await abdicate(reign);
      reign = await takeOver(paths, join(dir, `s${++reigns}.sock`));
    },
  };
}

interface OwnReign {
  readonly database: Database;
  readonly owner: Owner;
  readonly socket: string;
  readonly record: OwnerRecord;
}

async function takeOver(paths: PondPaths, socket: string): Promise<OwnReign> {
  const database = await openDatabase(paths.db);
  const owner = new Owner({ paths, version: VERSION, log: () => undefined, onStop: () => undefined });
  const { device, inode } = database;
  const record = {
    ...ownIdentity(randomUUID(), socket),
    protocol: PROTOCOL_VERSION,
    version: VERSION,
    db: paths.db,
    device,
    inode,
    epoch: await database.beginEpoch(),
    startedAt: new Date().toISOString(),
    thread: 0,
  };
  owner.serve(database, record);
  return { database, owner, socket, record };
}

async function abdicate({ owner, database }: OwnReign): Promise<void> {
  await owner.drain();
  owner.end();
  database.close();
}

export interface ClientOptions {
  readonly readOnly?: boolean;
  /** Its name in the ledger. */
  readonly client?: string;
  readonly attach?: Readonly<Record<string, string>>;
}

export function helloFor({ database }: Place, options: ClientOptions = {}): HelloParams {
  const { readOnly = false, client, attach } = options;
  return {
    protocol: PROTOCOL_VERSION,
    version: VERSION,
    path: database.path,
    pid: process.pid,
    name: 'contract',
    candidate: 'never',
    readOnly,
    ...(client !== undefined && { client }),
    ...(attach && { attach }),
  };
}

/** Says hello on a connection, and makes a session of it. */
export async function greet(peer: Peer, hello: HelloParams): Promise<Session> {
  const begun = announcements();
  peer.onNotice('$/began', ({ call }) => begun.announce(call));
  await peer.request('hello', hello);
  return {
    call: (method, params, signal) => peer.request(method, params, signal),
    began: begun.of,
    close: async () => peer.close(),
  };
}

/** Which calls were announced, and who waits for one. */
export function announcements() {
  const seen = new Set<number>();
  const waiting = new Map<number, () => void>();
  return {
    announce(call: number): void {
      seen.add(call);
      waiting.get(call)?.();
    },
    of: (call: number): Promise<void> =>
      new Promise((settle) => (seen.has(call) ? settle() : waiting.set(call, settle))),
    has: (call: number): boolean => seen.has(call),
  };
}

/** A session in the words of a user. */
export class Client {
  readonly session: Session;
  constructor(session: Session) {
    this.session = session;
  }

  get call(): Session['call'] {
    return this.session.call;
  }

  /** Row objects, as a user of the library gets them. */
  async rows(sql: string, params?: unknown, values?: ValueForm): Promise<Record<string, unknown>[]> {
    const { names, rows } = await this.query(sql, params, values ? { values } : {});
    return toRows(names, rows, values);
  }

  query(
    sql: string,
    params?: unknown,
    more: Partial<QueryParams> = {},
    signal?: AbortSignal,
  ): Promise<Result<'query'>> {
    return this.call('query', { sql, ...wired(params), ...more }, signal);
  }

  run(sql: string, params?: unknown, signal?: AbortSignal): Promise<Result<'run'>> {
    return this.call('run', { sql, ...wired(params) }, signal);
  }
}

const wired = (params: unknown): { params?: WireParams } =>
  params === undefined ? {} : { params: encodeParams(params) as WireParams };

export interface Contract {
  /** A new place, and a first session in it. */
  open(options?: ClientOptions): Promise<{
    place: Place;
    client: Client;
    another(options?: ClientOptions): Promise<Client>;
  }>;
}

export function contractOver(connect: Connect): Contract {
  return {
    async open(first = {}) {
      const place = await openPlace();
      const another = async (options: ClientOptions = {}): Promise<Client> => {
        const session = await connect(place, helloFor(place, options));
        onTestFinished(() => session.close());
        return new Client(session);
      };
      return { place, client: await another(first), another };
    },
  };
}

/** Runs until it is interrupted. */
export const ENDLESS = 'SELECT sum(a.range * b.range % 7) FROM range(10000000) a, range(10000000) b';
