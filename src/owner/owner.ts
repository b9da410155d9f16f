import { setMaxListeners } from 'node:events';
import type { OwnerRecord } from '../election/record.ts';
import type { Database } from '../engine/database.ts';
import type { Log } from '../log.ts';
import type { PondPaths } from '../paths.ts';
import type { SearchIndex } from '../search/index.ts';
import type { StatusResult } from '../shapes.ts';
import type { Channel } from '../transport/channel.ts';
import { DRAIN_MS, HARD_MS } from './messages.ts';
import { Session } from './session.ts';
import { Successor } from './successor.ts';

export interface OwnerOptions {
  readonly paths: PondPaths;
  readonly version: string;
  readonly log: Log;
  /** A client has asked the owner to leave. */
  readonly onStop: () => void;
}

/** What a session needs once there is an open database to serve. */
export interface Reign {
  readonly database: Database;
  readonly record: OwnerRecord;
}

/**
 * The owner's sessions and what they share. Connections are taken before the election is decided: their hellos
 * are answered when it is.
 */
export class Owner {
  readonly options: OwnerOptions;
  /** Settles with the first connection that may be served. */
  readonly reign: Promise<Reign>;
  readonly left: Promise<void>;
  /** Settles when nothing runs in DuckDB any more, once {@link drain} was called. */
  drained: Promise<void> = Promise.resolve();
  #beginReign: (reign: Reign) => void = () => undefined;
  #end: () => void = () => undefined;
  #reign: Reign | undefined;
  #index: Promise<SearchIndex> | undefined;
  #leaving = false;
  /** Of a foreign process that has the file. */
  #heldBy: number | null = null;
  readonly #sessions = new Set<Session>();
  /** Sessions whose connection is closed, and whose statements have not come back yet. */
  readonly #ending = new Set<Session>();
  readonly #successor = new Successor(this.#sessions);
  #lastSession = 0;

  constructor(options: OwnerOptions) {
    this.options = options;
    this.reign = new Promise((begin) => {
      this.#beginReign = begin;
    });
    this.left = new Promise((end) => {
      this.#end = end;
    });
  }

  get isLeaving(): boolean {
    return this.#leaving;
  }

  /** Real paths of the further files that this owner has. */
  get attached(): readonly string[] {
    return this.#reign?.database.attached ?? [];
  }

  receive(channel: Channel): void {
    const session = new Session(channel, this, ++this.#lastSession);
    this.#sessions.add(session);
    // Before its hello is answered it hears that somebody is there, and why it waits.
    if (!this.#reign) session.tellElecting(this.#heldBy);
    void session.closed.then(() => {
      this.#sessions.delete(session);
      this.#ending.add(session);
      this.#successor.choose();
    });
    void session.gone.then(() => this.#ending.delete(session));
  }

  /** A foreign process has the file: those who wait for a hello are told. */
  electing(heldBy: number): void {
    if (this.#heldBy === heldBy) return;
    this.#heldBy = heldBy;
    for (const session of this.#sessions) session.tellElecting(heldBy);
  }

  serve(database: Database, record: OwnerRecord): void {
    this.#reign = { database, record };
    this.#beginReign(this.#reign);
  }

  /** A session said hello, or began to stand by. */
  sessionsChanged(): void {
    this.#successor.choose();
  }

  /** @param follower who is to take over, where it has asked to */
  stop(follower?: Session): void {
    if (follower) this.#successor.name(follower);
    // The answer goes out first.
    setImmediate(this.options.onStop);
  }

  /** The index of this database, opened when the first call needs it: most databases have none. */
  index(): Promise<SearchIndex> {
    this.#index ??= this.#openIndex();
    return this.#index;
  }

  async status(): Promise<StatusResult> {
    const { record } = await this.reign;
    const { db, pid, epoch, startedAt, version, socket, thread } = record;
    return {
      db,
      owner: { pid, epoch, started_at: startedAt, version, socket, thread },
      clients: [...this.#sessions].map((session) => session.status()).filter((client) => client !== null),
      index: await (await this.index()).status().catch(() => null),
    };
  }

  /**
   * Takes no more calls, and waits for those under way and for open transactions; what is slow is interrupted.
   * @param patience ms
   * @returns false where something has not come back {@link HARD_MS} after that: {@link drained} settles when it has
   */
  async drain(patience = DRAIN_MS): Promise<boolean> {
    this.#leaving = true;
    const outOfPatience = new AbortController();
    // One for each session.
    setMaxListeners(0, outOfPatience.signal);
    const lose = (): void => {
      outOfPatience.abort();
      this.interrupt();
    };
    if (patience === 0) lose();
    const timer = setTimeout(lose, patience);
    this.drained = this.#drainAll(outOfPatience.signal);
    let late: NodeJS.Timeout | undefined;
    const hardEnd = new Promise<false>((end) => {
      late = setTimeout(() => end(false), patience + HARD_MS);
    });
    const isDrained = await Promise.race([this.drained.then(() => true), hardEnd]);
    clearTimeout(timer);
    clearTimeout(late);
    return isDrained;
  }

  async #drainAll(outOfPatience: AbortSignal): Promise<void> {
    await (await this.#index)?.close();
    await Promise.all([...this.#sessions].map((session) => session.drain(outOfPatience)));
    // DuckDB keeps the file, and the fence with it, for as long as one statement runs.
    await Promise.all([...this.#ending].map((session) => session.gone));
  }

  /** Breaks off the calls under way: the next owner has them, so nobody is told that they were aborted. */
  interrupt(): void {
    this.#leaving = true;
    for (const session of this.#sessions) session.interrupt();
  }

  /** Closes every connection: the word for the readers to look for the next owner. */
  disconnect(): void {
    for (const session of this.#sessions) session.end();
  }

  end(): void {
    this.disconnect();
    this.#end();
  }

  async #openIndex(): Promise<SearchIndex> {
    const { database } = await this.reign;
    const { createSearchIndex } = await import('../search/index.ts');
    return createSearchIndex({
      connect: () => database.connect(),
      db: database.path,
      isProtected: (path, dev, ino) => database.isOwnFile(path, dev, ino),
      readOnly: database.readOnly,
      log: (message, data) => this.options.log('info', message, data),
    });
  }
}
