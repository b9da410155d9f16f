import { EventEmitter, setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { ERRORS, PondError } from '../errors.ts';
import { type HostShare, shareHost } from '../owner/hosts.ts';
import type { PondPaths } from '../paths.ts';
import type { HelloParams } from '../protocol.ts';
import type { Role, RouterEvents } from '../shapes.ts';
import { isNewer } from '../version.ts';
import { whilePending } from './alive.ts';
import { type Closable, closeAtExit, forget } from './at-exit.ts';
import type { Budget } from './budget.ts';
import type { Link, SuccessorNotice } from './link.ts';
import { type FileIdentity, LOOK_AGAIN, NO_OWNER, seekOwner } from './seek.ts';

export interface RouterOptions {
  readonly paths: PondPaths;
  readonly version: string;
  readonly hello: HelloParams;
  readonly config: Readonly<Record<string, string>>;
  /** Opened for this process alone, read-only, without an election. */
  readonly alone: boolean;
  /** Ms that a call may wait for an owner, or for a word from the one it has. */
  readonly timeout: number;
}

interface Hooks {
  /** Before anybody else hears of it. */
  readonly onFound: (link: Link) => void;
  readonly onLost: (link: Link) => void;
}

/**
 * The link to whoever owns the file at the moment: found when it is asked for, and looked for again when its owner
 * goes. Tells the handle's events.
 */
export class CurrentOwner implements Closable {
  readonly events = new EventEmitter<RouterEvents>();
  readonly #options: RouterOptions;
  readonly #hooks: Hooks;
  readonly #host: HostShare;
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;
  #link: Link | null = null;
  #seeking: Promise<Link> | null = null;
  /** What stands between us and an owner, while we look for one. */
  readonly #obstacle = { current: NO_OWNER };
  /** Who was to follow the owner that we lost. */
  #successor: SuccessorNotice | null = null;
  /** The file that this handle was opened on; its path may come to lead to another. */
  #file: FileIdentity | null = null;
  /** The files that its owner attached for it, likewise. */
  #attached: HelloParams['attached'];
  #role: Role = 'electing';
  #epoch = 0;
  #forgetCompromised: () => void = () => undefined;

  constructor(options: RouterOptions, hooks: Hooks) {
    this.#options = options;
    this.#hooks = hooks;
    const { paths, version, config, alone } = options;
    this.#host = shareHost({ paths, version, config, alone });
    // One for each call that waits for an owner.
    setMaxListeners(0, this.#closing.signal);
    closeAtExit(this);
  }

  get role(): Role {
    return this.#role;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** The session with the current owner is inside an explicit transaction. */
  get isInTransaction(): boolean {
    return this.#link?.inTransaction === true;
  }

  get isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** The current owner, found or elected within the budget. */
  async link(budget: Budget): Promise<Link> {
    this.#checkOpen();
    for (;;) {
      if (this.#link && !this.#link.isClosed) return this.#link;
      try {
        return await budget.guard(this.#seek(budget.waitUntil), () => this.#obstacle.current());
      } catch (error) {
        // The search was another caller's, with less time than this one has.
        const isWait = error instanceof PondError && ERRORS[error.code].exit === 75;
        if (!isWait || performance.now() >= budget.waitUntil) throw error;
      }
    }
  }

  /** A pause for a caller whom one after the other hung up on. @throws what stood in the way, at the deadline */
  async lookAgain(budget: Budget): Promise<void> {
    if (performance.now() >= budget.waitUntil) throw this.#obstacle.current();
    await pause(LOOK_AGAIN, undefined, { signal: this.#closing.signal }).catch(() => undefined);
  }

  /** However often it is asked: resolves when the file is let go of. */
  close(): Promise<void> {
    this.#closed ??= whilePending(() => this.#close());
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    this.#setRole('closed');
    this.#forgetCompromised();
    await this.#seeking?.catch(() => undefined);
    this.#link?.close();
    // One that cannot let go is looked at again when the process ends.
    await this.#host.release();
    forget(this);
  }

  closeNow(): boolean {
    return this.#host.closeNow();
  }

  #checkOpen(): void {
    if (this.#closing.signal.aborted) throw new PondError('CLOSED', 'the handle was closed');
  }

  /** One search for the owner at a time; a caller with more time than the last one starts another after it. */
  #seek(until: number): Promise<Link> {
    this.#seeking ??= this.#seekOnce(until).finally(() => {
      this.#seeking = null;
    });
    return this.#seeking;
  }

  async #seekOnce(until: number): Promise<Link> {
    const successor = this.#successor;
    this.#successor = null;
    const { paths, hello, alone } = this.#options;
    const mayOwn = hello.candidate !== 'never' || alone;
    this.#obstacle.current = NO_OWNER;
    const obstacle = this.#obstacle;
    const file = this.#file;
    const closed = this.#closing.signal;
    const greeting = this.#attached ? { ...hello, attached: this.#attached } : hello;
    const seeker = { paths, hello: greeting, host: this.#host, mayOwn, alone, file, closed, obstacle };
    const link = await seekOwner(seeker, until, successor);
    if (this.#closing.signal.aborted) {
      link.close();
      this.#checkOpen();
    }
    const { device, inode, attached } = link.hello;
    this.#file ??= { device, inode };
    this.#attached ??= attached;
    this.#adopt(link);
    return link;
  }

  #adopt(link: Link): void {
    const { pid, epoch } = link.hello;
    this.#link = link;
    this.#epoch = epoch;
    this.#setRole(link.isLocal ? 'owner' : 'reader');
    void link.closed.then(() => this.#lose(link));
    this.#hooks.onFound(link);
    link.onSuccessor(({ you, socket }) => you && socket === null && void this.#standBy(link));
    this.#forgetCompromised();
    const host = this.#host.owner();
    this.#forgetCompromised = host?.onCompromised(() => this.#tell('compromised')) ?? (() => undefined);
    this.#tell('owner-found', { pid, epoch });
    const { hello, version } = this.#options;
    if (hello.candidate === 'prefer' && isNewer(version, link.hello.version)) void this.#standBy(link, true);
  }

  #lose(link: Link): void {
    if (this.#link !== link) return;
    this.#link = null;
    this.#successor = link.successor;
    if (this.#closing.signal.aborted) return;
    const { pid, epoch } = link.hello;
    this.#setRole('electing');
    this.#hooks.onLost(link);
    this.#tell('owner-lost', { pid, epoch });
    // At once and not at the next call: somebody must own the file, or the next call waits for an election. But an
    // owner that was asked to leave does not take back what it has just given away, unless it is called.
    if (link.isLocal || this.#closing.signal.aborted) return;
    this.#seek(performance.now() + this.#options.timeout).catch(() => undefined);
  }

  /**
   * Named to take over: the worker is warmed, and everyone told where it listens.
   * @param now of a newer version than the owner's: asks it to leave once all is ready
   */
  async #standBy(link: Link, now = false): Promise<void> {
    try {
      const candidate = await this.#host.candidate();
      const socket = await candidate.standBy();
      await link.request('standby', { socket, ...(now && { now }) }, this.#options.timeout);
    } catch {
      // The owner went meanwhile, or this process cannot listen: the others contend without a successor.
    }
  }

  #setRole(role: Role): void {
    if (this.#role === role) return;
    this.#role = role;
    this.#tell('role', role);
  }

  /** What a listener throws is its program's affair and no call's: it surfaces as an uncaught exception. */
  #tell<E extends keyof RouterEvents>(event: E, ...args: RouterEvents[E]): void {
    try {
      this.events.emit(event, ...(args as never));
    } catch (error) {
      process.nextTick(() => {
        throw error;
      });
    }
  }
}
