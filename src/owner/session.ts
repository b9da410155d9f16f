import * as v from 'valibot';
import { heldElsewhere, ownedElsewhere } from '../election/obstacles.ts';
import type { AttachOptions, FileIdentity } from '../engine/attachments.ts';
import type { Database } from '../engine/database.ts';
import { HeldError } from '../engine/errors.ts';
import type { SqlSession } from '../engine/sql-session.ts';
import { PondError, withOutcome } from '../errors.ts';
import { failpoint } from '../failpoints.ts';
import { refused, unanswered } from '../outcome.ts';
import {
  type Calls,
  type HelloParams,
  type HelloResult,
  isMethod,
  MAX_IN_FLIGHT,
  METHODS,
  type MethodName,
  type NoticeName,
  type Notices,
  type Params,
  PROTOCOL_VERSION,
} from '../protocol.ts';
import type { ClientStatus } from '../shapes.ts';
import { type Accepted, accept } from '../transport/accept.ts';
import type { Channel } from '../transport/channel.ts';
import { unknownMethod } from '../transport/wire-errors.ts';
import { isNewer } from '../version.ts';
import type { Owner } from './owner.ts';
import { createService } from './service.ts';

/** Never settles: the answer of an owner that is leaving is the end of the connection, and the call is sent again. */
const handedOn = new Promise<never>(() => undefined);

/** One accepted connection: a hello first, then calls, each checked against the table before it runs. */
export class Session {
  /** Ms since the epoch. */
  readonly since = Date.now();
  /** The same on a clock that nobody sets. */
  readonly began = performance.now();
  hello: HelloParams | undefined;
  /** Settles when the connection is closed and nothing of it runs in DuckDB any more. */
  readonly gone: Promise<void>;
  /** Where this session's process listens as the named successor. */
  standby: string | null = null;
  readonly #number: number;
  readonly #owner: Owner;
  readonly #accepted: Accepted;
  readonly #running = new Map<AbortController, Promise<unknown>>();
  /** Calls that were told to change data. */
  readonly #begun = new Set<number>();
  /** Calls that were announced, and wait for their client's word. */
  readonly #unconfirmed = new Map<number, { readonly confirm: () => void; readonly refuse: () => void }>();
  /** Of the statements under way, by their client's numbers. */
  readonly #signals = new Map<number, AbortSignal>();
  readonly #watches = new Map<number, () => Promise<void>>();
  readonly #service: Calls;
  #sql: Promise<SqlSession> | undefined;
  #openedSql: SqlSession | undefined;
  #isGone = false;
  /** Called after each answer, and when the client goes. */
  #answered: () => void = () => undefined;
  #toldSuccessor = '';
  /** Tells the ledger that no frame of the client can come by this connection any more. */
  #disconnect: () => void = () => undefined;

  constructor(channel: Channel, owner: Owner, number: number) {
    this.#owner = owner;
    this.#number = number;
    this.#service = createService({
      sql: () => this.#openSql(),
      index: () => owner.index(),
      status: () => owner.status(),
      stop: () => owner.stop(),
      standby: (socket, now) => this.#standBy(socket, now),
      isReadOnly: () => this.hello?.readOnly ?? true,
      notify: (name, value) => void this.#notify(name, value),
      watches: this.#watches,
    });
    this.#accepted = accept(channel, (method, params, call) => this.#answer(method, params, call));
    this.#accepted.onConfirmed((call, isRefused) => {
      const waiting = this.#unconfirmed.get(call as number);
      if (isRefused) waiting?.refuse();
      else waiting?.confirm();
    });
    this.gone = this.closed.then(async () => {
      this.#isGone = true;
      for (const { refuse } of this.#unconfirmed.values()) refuse();
      this.#answered();
      await this.#release();
      await Promise.allSettled(this.#running.values());
      this.#disconnect();
    });
  }

  get closed(): Promise<void> {
    return this.#accepted.closed;
  }

  /** Null for one that has not said hello. */
  status(): ClientStatus | null {
    if (!this.hello) return null;
    const { pid, name } = this.hello;
    return { pid, name, since: new Date(this.since).toISOString(), in_flight: this.#running.size };
  }

  tellElecting(heldBy: number | null): void {
    if (!this.hello) void this.#notify('$/electing', { pid: process.pid, heldBy });
  }

  tellSuccessor(successor: Session): void {
    const notice = { pid: successor.hello?.pid ?? null, socket: successor.standby, you: successor === this };
    const told = JSON.stringify(notice);
    if (!this.hello || told === this.#toldSuccessor) return;
    this.#toldSuccessor = told;
    void this.#notify('$/successor', notice);
  }

  interrupt(): void {
    for (const call of this.#running.keys()) call.abort();
    for (const { refuse } of this.#unconfirmed.values()) refuse();
  }

  /** Waits for the calls under way and for the end of an open transaction, then lets go of DuckDB. */
  async drain(outOfPatience: AbortSignal): Promise<void> {
    outOfPatience.addEventListener('abort', () => this.#answered(), { once: true });
    for (;;) {
      await Promise.allSettled(this.#running.values());
      if (!this.#openedSql?.inTransaction || outOfPatience.aborted || this.#isGone) break;
      await new Promise<void>((settle) => {
        this.#answered = settle;
      });
    }
    await this.#release();
  }

  end(): void {
    if (this.hello) void this.#notify('$/left', {});
    this.#accepted.end();
  }

  async #answer(method: string, params: unknown, call: AbortController): Promise<unknown> {
    if (!isMethod(method)) throw unknownMethod(method);
    try {
      return await this.#answerMethod(method, params, call);
    } catch (error) {
      throw this.#told(error, method, params);
    }
  }

  /** What failed before the engine had it is not known to the ledger; every statement reports its transaction. */
  #told(error: unknown, method: MethodName, params: unknown): unknown {
    if (METHODS[method].replay !== 'unless-begun' || !(error instanceof PondError)) return error;
    const { sent } = (params ?? {}) as { readonly sent?: unknown };
    const isKnown = this.hello?.readOnly !== false || error.data?.outcome !== undefined;
    const told = (isKnown ? error : withOutcome(error, refused(sent !== undefined))) as PondError;
    if (method === 'stream/open' || !this.#openedSql) return told;
    const { code, message, hint, cause } = told;
    const data = { ...told.data, inTransaction: this.#openedSql.inTransaction };
    return new PondError(code, message, { data, cause, ...(hint && { hint }) });
  }

  async #answerMethod(method: MethodName, params: unknown, call: AbortController): Promise<unknown> {
    const checked = checkParams(method, params);
    if (method === 'hello') return this.#greet(checked as HelloParams, call);
    if (!this.hello) throw new PondError('INVALID', `say hello before ${method}`);
    if (this.#running.size >= MAX_IN_FLIGHT)
      throw new PondError('TOO_LARGE', `${MAX_IN_FLIGHT} calls of this client are under way`);
    // What is inside a transaction has nowhere else to go.
    if (this.#owner.isLeaving && !this.#openedSql?.inTransaction) return handedOn;
    failpoint('call');
    const run = this.#service[method] as (
      params: unknown,
      context: { signal: AbortSignal },
    ) => Promise<unknown>;
    const { signal } = call;
    const { call: number = -1 } = checked as { readonly call?: number };
    this.#signals.set(number, signal);
    try {
      const value = await this.#track(call, run(checked, { signal }));
      if (failpoint('answer')) return await this.#drop();
      return value;
    } catch (error) {
      if (isFatal(error)) this.#owner.stop();
      if (isVictim(error) || (this.#owner.isLeaving && (signal.aborted || isEnded(error))))
        return this.#handOn(method, checked);
      throw error;
    } finally {
      this.#begun.delete(number);
      this.#signals.delete(number);
    }
  }

  /** An owner that leaves waits for what is under way: nothing may come back to a thread that has ended. */
  async #track<T>(call: AbortController, work: Promise<T>): Promise<T> {
    this.#running.set(call, work);
    try {
      return await work;
    } finally {
      this.#running.delete(call);
      this.#answered();
    }
  }

  /** As if the connection broke just before the answer. */
  #drop(): Promise<never> {
    this.#accepted.end();
    return handedOn;
  }

  /** A call that was interrupted because the owner leaves: the next owner has it, or its caller hears the truth. */
  #handOn(method: MethodName, params: unknown): Promise<never> {
    const { replay } = METHODS[method];
    const { call } = params as { readonly call?: number };
    if (replay === 'always') return handedOn;
    if (replay === 'unless-begun' && call !== undefined && !this.#begun.has(call)) return handedOn;
    // An interrupt that comes late is told of what is done as well.
    throw new PondError('OWNER_LOST', `the owner, process ${process.pid}, left during ${method}`, {
      data: { outcome: unanswered(true), pid: process.pid },
      hint: 'look whether the change is there before doing it again',
    });
  }

  async #greet(hello: HelloParams, call: AbortController): Promise<HelloResult> {
    if (this.hello) throw new PondError('INVALID', 'hello was said before');
    const { protocol, path, readOnly, attach: files = {}, attached: known = {} } = hello;
    const { paths, version } = this.#owner.options;
    if (protocol !== PROTOCOL_VERSION) {
      throw new PondError(
        'PROTOCOL_MISMATCH',
        `the owner speaks protocol ${PROTOCOL_VERSION}, not ${protocol}`,
        {
          hint: `the owner is onepond ${version}: bring the older of the two up to date`,
          data: { pid: process.pid, protocol: PROTOCOL_VERSION, version },
        },
      );
    }
    if (this.#owner.attached.includes(path))
      throw ownedElsewhere(path, { pid: process.pid, serves: paths.db });
    if (path !== paths.db) throw new PondError('INVALID', `this owner serves ${paths.db}, not ${path}`);
    const { database, record } = await this.#owner.reign;
    if (this.#owner.isLeaving) {
      this.tellElecting(null);
      return handedOn;
    }
    const attached: [string, FileIdentity][] = [];
    for (const [name, file] of Object.entries(files)) {
      const expected = Object.hasOwn(known, name) ? known[name] : undefined;
      const work = attach(database, name, file, { mayMake: !readOnly, ...(expected && { expected }) });
      attached.push([name, await this.#track(call, work)]);
    }
    this.hello = hello;
    if (hello.client !== undefined) this.#disconnect = database.ledger.clients.connect(hello.client);
    this.#owner.sessionsChanged();
    const { pid, startTime, instance, epoch, device, inode } = record;
    return {
      protocol: PROTOCOL_VERSION,
      version,
      path,
      device,
      inode,
      pid,
      startTime,
      instance,
      epoch,
      session: this.#number,
      ...(attached.length > 0 && { attached: Object.fromEntries(attached) }),
    };
  }

  #standBy(socket: string, now: boolean): void {
    const { version } = this.#owner.options;
    if (now && !isNewer(this.hello?.version ?? '', version))
      throw new PondError(
        'INVALID',
        `this owner is onepond ${version}: only a newer one may ask for its place`,
      );
    this.standby = socket;
    if (now) this.#owner.stop(this);
    else this.#owner.sessionsChanged();
  }

  #openSql(): Promise<SqlSession> {
    this.#sql ??= this.#owner.reign.then(async ({ database }) => {
      this.#openedSql = await database.openSession({
        readOnly: this.hello?.readOnly ?? true,
        client: this.hello?.client,
        announce: async (call) => {
          await this.#announce(call);
          this.#begun.add(call);
        },
      });
      return this.#openedSql;
    });
    return this.#sql;
  }

  /**
   * Tells the client that its call is about to begin, and waits until it has heard. The kernel's word would not do:
   * a client whose own write fails throws away what it has not read, and would send the call again.
   */
  async #announce(call: number): Promise<void> {
    const signal = this.#signals.get(call);
    const heard = new Promise<void>((confirm, fail) => {
      if (!this.hello?.confirms) return confirm();
      const refuse = (): void =>
        fail(new PondError('ABORTED', 'the client did not confirm that its call begins'));
      if (this.#isGone || signal?.aborted) return refuse();
      this.#unconfirmed.set(call, { confirm, refuse });
      signal?.addEventListener('abort', refuse, { once: true });
    });
    heard.catch(() => undefined);
    try {
      await this.#accepted.notify('$/began', { call });
      await heard;
    } finally {
      this.#unconfirmed.delete(call);
    }
  }

  /** A notice to a client that has just gone is nobody's loss. */
  #notify<N extends NoticeName>(name: N, value: Notices[N]): Promise<void> {
    return this.#accepted.notify(name, value).catch(() => undefined);
  }

  async #release(): Promise<void> {
    const releases = [...this.#watches.values()];
    this.#watches.clear();
    const sql = this.#sql;
    this.#sql = undefined;
    this.#openedSql = undefined;
    await Promise.all([...releases.map((release) => release()), sql?.then((session) => session.close())]);
  }
}

async function attach(
  database: Database,
  name: string,
  file: string,
  options: AttachOptions,
): Promise<FileIdentity> {
  try {
    return await database.attach(name, file, options);
  } catch (error) {
    throw error instanceof HeldError ? heldElsewhere(file, error.pid) : error;
  }
}

/** What it ran on was closed under it. */
const isEnded = (error: unknown): boolean =>
  error instanceof PondError && (error.code === 'ABORTED' || error.code === 'CLOSED');

/** DuckDB will not do anything more with the file until it is opened again. */
const isFatal = (error: unknown): boolean => error instanceof PondError && error.data?.kind === 'FATAL';

/** The call is not what was fatal: another was, or what DuckDB did after its commit. The next owner knows more. */
const isVictim = (error: unknown): boolean =>
  isFatal(error) && /has been invalidated|COMMIT succeeded/.test((error as PondError).message);

function checkParams<M extends MethodName>(method: M, params: unknown): Params<M> {
  const parsed = v.safeParse(METHODS[method].params, params ?? {});
  if (parsed.success) return parsed.output as Params<M>;
  const [issue] = parsed.issues;
  const where = v.getDotPath(issue);
  throw new PondError('INVALID', `${method}: ${where ? `${where}: ` : ''}${issue.message}`);
}
