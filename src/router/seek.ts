import { statSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { isDead } from '../election/holder.ts';
import { type Identity, processLiveness } from '../election/identity.ts';
import { kernelLockHolder } from '../election/kernel-lock.ts';
import { breakLock, readHolder } from '../election/lock-folder.ts';
import {
  elsewhere,
  heldElsewhere,
  opening,
  otherUser,
  ownedElsewhere,
  unreachable,
  unresponsive,
} from '../election/obstacles.ts';
import { readRecord } from '../election/record.ts';
import { PondError } from '../errors.ts';
import type { HostShare } from '../owner/hosts.ts';
import type { PondPaths } from '../paths.ts';
import type { HelloParams } from '../protocol.ts';
import { portChannel } from '../transport/channel.ts';
import type { Dialled } from '../transport/dial.ts';
import { ConnectionLost, openPeer, type Peer } from '../transport/peer.ts';
import { after } from './after.ts';
import { dialOwner, dialSocket } from './dial-owner.ts';
import { Link, type SuccessorNotice } from './link.ts';

/** How long a named successor may keep silent before the others stop waiting for it, in ms. */
const SUCCESSOR_HEAD_START = 500;
/** Between two looks where nothing tells us when to look again, in ms. */
export const LOOK_AGAIN = 50;

/** Rounds without a pause between them. */
const QUICK_ROUNDS = 8;

export const NO_OWNER: Obstacle = () => new PondError('TIMEOUT', 'no owner appeared in time');

/** What stands between a caller and an owner, asked at the moment when the caller gives up. */
export type Obstacle = () => PondError;

/** `st_dev` and `st_ino`, in decimal. */
export interface FileIdentity {
  readonly device: string;
  readonly inode: string;
}

export interface Seeker {
  readonly paths: PondPaths;
  readonly hello: HelloParams;
  readonly host: HostShare;
  /** May this process become the owner? */
  readonly mayOwn: boolean;
  /** Opened for this process alone: there is nobody to look for. */
  readonly alone: boolean;
  /** The file that the handle was opened on; null at first. */
  readonly file: FileIdentity | null;
  /** What stood in the way last: what a caller hears whose time is up. */
  readonly obstacle: { current: Obstacle };
  /** Fires when the handle is closed. */
  readonly closed: AbortSignal;
}

/**
 * Finds the owner, or becomes it: by the port of this thread's own owner, by the record, by the lock's holder, or
 * by an election. Every step may find that the world has moved on, so each failure only leads round the loop, and
 * what stood in the way last is what the caller hears at the deadline.
 * @param deadline on the clock of performance.now()
 */
export async function seekOwner(
  seeker: Seeker,
  deadline: number,
  successor: SuccessorNotice | null,
): Promise<Link> {
  const search = new Search(seeker, deadline);
  if (successor?.socket && !successor.you) {
    const link = await search.tryHeir(successor.socket, successor.pid ?? 0);
    if (link) return link;
  }
  for (let rounds = 1; ; rounds++) {
    const link = await search.once();
    if (link) return link;
    search.checkTime();
    // The first rounds follow a world that moves on; one that goes in circles is not helped by hurry.
    if (rounds >= QUICK_ROUNDS) await search.wait();
  }
}

class Search {
  readonly #seeker: Seeker;
  readonly #deadline: number;
  /** Why an owner that is there did not take us: truer than its silence while it is asked again. */
  #refusal: PondError | null = null;

  constructor(seeker: Seeker, deadline: number) {
    this.#seeker = seeker;
    this.#deadline = deadline;
  }

  /** @throws the last obstacle once the deadline has passed; CLOSED */
  checkTime(isOver = performance.now() >= this.#deadline): void {
    if (this.#seeker.closed.aborted) throw new PondError('CLOSED', 'the handle was closed');
    if (isOver) throw this.#seeker.obstacle.current();
  }

  /** The one that the last owner named: dialled at once, and waited for while it opens the file. */
  async tryHeir(socket: string, pid: number): Promise<Link | null> {
    const dialled = await dialSocket(socket, this.#seeker.closed);
    if (dialled.kind !== 'connected') return null;
    const patience = Math.min(this.#deadline, performance.now() + SUCCESSOR_HEAD_START);
    return this.#greet(dialled.peer, false, pid, patience);
  }

  /** One round. Null where it led nowhere. */
  async once(): Promise<Link | null> {
    const host = this.#seeker.host.owner();
    if (host) return this.#greet(openPeer(portChannel(host.connect())), true, process.pid);
    if (this.#seeker.alone) return this.#run();
    const record = readRecord(this.#seeker.paths);
    if (record) {
      const dialled = await dialOwner(this.#seeker.paths, record, this.#seeker.closed);
      // Whoever listens there may be nobody's owner: then the lock says who is.
      const link = dialled.kind === 'connected' && (await this.#greet(dialled.peer, false, record.pid));
      if (link) return link;
      if (dialled.kind === 'unreachable') this.#unreachable(record, dialled);
    }
    return this.#tryHolder();
  }

  async #tryHolder(): Promise<Link | null> {
    const { lock } = this.#seeker.paths;
    const holder = readHolder(lock);
    if (holder === null) return this.#run();
    if (holder === 'damaged') {
      breakLock(lock, holder, this.#unique());
      return null;
    }
    const dialled = await dialOwner(this.#seeker.paths, holder, this.#seeker.closed);
    if (dialled.kind === 'connected') {
      // The owner of another database has attached this file, and may let go of it.
      if (holder.serves !== undefined) return this.#attachedElsewhere(dialled.peer, holder);
      return this.#greet(dialled.peer, false, holder.pid);
    }
    if (this.#seeker.mayOwn && isDead(holder, dialled, lock)) {
      breakLock(lock, holder, this.#unique());
      return this.#run();
    }
    if (readHolder(lock) === null) return null;
    this.#unreachable(holder, dialled);
    return this.wait();
  }

  #attachedElsewhere(peer: Peer, holder: Identity): Promise<null> {
    peer.close();
    this.#seeker.obstacle.current = () => ownedElsewhere(this.#seeker.paths.db, holder);
    return this.wait();
  }

  /** An election, if we may. */
  async #run(): Promise<Link | null> {
    const { host, mayOwn } = this.#seeker;
    if (!mayOwn) {
      this.#seeker.obstacle.current = () =>
        new PondError('TIMEOUT', 'no process owns the file, and this handle may not', {
          hint: 'start `onepond serve`, or let this process be a candidate',
        });
      return this.wait();
    }
    const unfit = host.unfit();
    if (unfit) {
      this.#seeker.obstacle.current = () => unfit;
      return this.wait();
    }
    this.#checkFile();
    if (!host.isStandingBy()) this.#lookForHolder();
    const candidate = await host.candidate();
    const timeout = Math.max(this.#deadline - performance.now(), 0);
    const end = await this.#unlessClosed(candidate.campaign(timeout, (pid) => this.#held(pid)));
    if (end.end === 'elected') return null;
    if (end.end === 'held') {
      await host.dismiss();
      return null;
    }
    const { code, message, ...details } = end.error;
    const error = new PondError(code, message, details);
    await host.dismiss(error);
    throw error;
  }

  /** An owner makes the file where there is none: not behind the back of a handle that knew another. */
  #checkFile(): void {
    const { file, paths } = this.#seeker;
    if (!file) return;
    const now = statSync(paths.db, { bigint: true, throwIfNoEntry: false });
    if (!now) throw replaced(paths.db, 'is gone');
    this.#checkIdentity({ device: String(now.dev), inode: String(now.ino) });
  }

  #checkIdentity({ device, inode }: FileIdentity): void {
    const { file, paths } = this.#seeker;
    if (file && (file.device !== device || file.inode !== inode)) throw replaced(paths.db, 'was replaced');
  }

  /**
   * A foreign process that has the file is known so before DuckDB is loaded, and also to a caller with little time.
   * Where DuckDB is loaded its own word comes sooner: the kernel takes 10 ms and more to make its list of locks.
   */
  #lookForHolder(): void {
    const pid = kernelLockHolder(this.#seeker.paths.db);
    if (pid !== null) this.#held(pid);
  }

  /** A campaign may wait for a foreign process for as long as its caller would: a handle that closes does not. */
  async #unlessClosed<T>(work: Promise<T>): Promise<T> {
    const { closed } = this.#seeker;
    const over = new AbortController();
    const closing = new Promise<never>((_, failed) => {
      const giveUp = (): void => failed(new PondError('CLOSED', 'the handle was closed'));
      if (closed.aborted) giveUp();
      closed.addEventListener('abort', giveUp, { once: true, signal: over.signal });
    });
    return Promise.race([work, closing]).finally(() => over.abort());
  }

  /** Says hello. Null where the connection went, or where nothing came by `until`. */
  async #greet(peer: Peer, isLocal: boolean, pid: number, until = this.#deadline): Promise<Link | null> {
    // Before the wait and not after it: a caller may give up at any moment of it.
    const refusal = this.#refusal;
    let waiting: Obstacle = () => refusal ?? this.#silenceOf(pid, unresponsive(pid));
    this.#seeker.obstacle.current = waiting;
    peer.onNotice('$/electing', ({ heldBy }) => {
      if (heldBy !== null) return this.#held(heldBy);
      waiting = () => this.#silenceOf(pid, opening(this.#seeker.paths.db, pid));
      this.#seeker.obstacle.current = waiting;
    });
    const late = new AbortController();
    try {
      const link = await Promise.race([
        Link.greet(peer, this.#seeker.hello, isLocal),
        this.#silence(until, late.signal),
      ]);
      this.#checkIdentity(link.hello);
      if (link.hello.path === this.#seeker.hello.path) return link;
      peer.close();
      this.#seeker.obstacle.current = () => unreachable(pid, `it serves ${link.hello.path}`);
      return null;
    } catch (error) {
      peer.close();
      // It kept silent because it was dying.
      if (error instanceof ConnectionLost && this.#seeker.obstacle.current === waiting) {
        this.#seeker.obstacle.current = NO_OWNER;
      }
      // Nobody else is asked then: what was waited for to the end is what stood in the way.
      if (error === SILENT && until === this.#deadline) this.checkTime(true);
      if (error instanceof ConnectionLost || error === SILENT) return null;
      // A file that it is to attach is held elsewhere, and may come free.
      if (!isUnreachable(error)) throw error;
      this.#refusal = error;
      this.#seeker.obstacle.current = () => error;
      return this.wait();
    } finally {
      late.abort();
    }
  }

  /** Ends the wait for a hello at the deadline, and when the handle is closed. */
  async #silence(until: number, answered: AbortSignal): Promise<never> {
    const { closed } = this.#seeker;
    await new Promise<void>((over) => {
      const timer = after(until - performance.now(), over)?.unref();
      closed.addEventListener('abort', () => over(), { once: true, signal: answered });
      answered.addEventListener('abort', () => clearTimeout(timer), { once: true });
    });
    throw SILENT;
  }

  #held(pid: number): void {
    this.#seeker.obstacle.current = () => heldElsewhere(this.#seeker.paths.db, pid);
  }

  /** A candidate that waits for a foreign holder of the file may not have come to say so. */
  #silenceOf(pid: number, error: PondError): PondError {
    const { db } = this.#seeker.paths;
    const holder = kernelLockHolder(db);
    return holder === null || holder === pid ? error : heldElsewhere(db, holder);
  }

  #unreachable(identity: Identity, dialled: Exclude<Dialled, { kind: 'connected' }>): void {
    const { pid } = identity;
    const [reason, uid] =
      dialled.kind === 'unreachable' ? [dialled.reason, dialled.uid] : ['its socket is gone'];
    this.#seeker.obstacle.current = () => {
      const liveness = processLiveness(identity);
      // A dying process is in the table for a moment longer than its socket.
      if (liveness === 'dead') return NO_OWNER();
      if (uid !== undefined) return otherUser(this.#seeker.paths.db, pid, uid);
      return liveness === 'unknown' ? elsewhere(identity) : unreachable(pid, reason);
    };
  }

  /** A pause for what has no event. */
  async wait(): Promise<null> {
    await pause(LOOK_AGAIN, undefined, { signal: this.#seeker.closed, ref: false }).catch(() => undefined);
    return null;
  }

  #unique(): string {
    return `${process.pid}.${Math.random().toString(36).slice(2, 8)}`;
  }
}

const isUnreachable = (error: unknown): error is PondError =>
  error instanceof PondError && error.code === 'OWNER_UNREACHABLE';

function replaced(db: string, how: string): PondError {
  return new PondError('NOT_FOUND', `${db} ${how} since it was opened`, {
    hint: 'nothing was written to what is there now; close the handle, and open it again',
  });
}

const SILENT = new Error('silence');
