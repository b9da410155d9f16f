import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { threadId } from 'node:worker_threads';
import { Fence, type FenceLoss } from '../election/fence.ts';
import { type Identity, ownIdentity } from '../election/identity.ts';
import { isOpenHere } from '../election/kernel-lock.ts';
import { type Lock, tryLock } from '../election/lock.ts';
import { readHolder } from '../election/lock-folder.ts';
import { heldElsewhere } from '../election/obstacles.ts';
import {
  laterOwner,
  type OwnerRecord,
  publishRecord,
  removeHome,
  withdrawRecord,
} from '../election/record.ts';
import type { ClaimFile } from '../engine/attachments.ts';
import type { Database } from '../engine/database.ts';
import { HeldError } from '../engine/errors.ts';
import { fromSystem, PondError } from '../errors.ts';
import { failpoint } from '../failpoints.ts';
import type { Log } from '../log.ts';
import { checkRuntimeFolder, runtimeFolders, socketPath } from '../paths.ts';
import { PROTOCOL_VERSION } from '../protocol.ts';
import type { Channel } from '../transport/channel.ts';
import { socketChannel } from '../transport/channel.ts';
import { checkSocketPath, type Listener, listen } from '../transport/listen.ts';
import { listenBeside } from './beside.ts';
import { claim } from './claims.ts';
import type { CampaignEnd, Phase, WorkerSetup } from './messages.ts';
import { Owner } from './owner.ts';
import { rehearse } from './rehearse.ts';
import { sweepLater } from './sweep.ts';

/** First and longest pause between two tries for the fence, in ms. */
const FENCE_RETRY = { first: 3, longest: 200 } as const;

interface CandidateHooks {
  readonly log: Log;
  readonly onCompromised: () => void;
  /** How far its leaving has come. */
  readonly onPhase: (phase: Phase) => void;
  /** A foreign process has the file. */
  readonly onHeld: (pid: number) => void;
}

/**
 * One candidacy, from listening to leaving. The order is what keeps the file safe:
 *
 *   listen -> lock -> fence (DuckDB's open) -> epoch -> record -> serve
 *   stop serving -> record away -> DuckDB closed (fence) -> lock away -> stop listening
 *
 * It listens before it takes the lock, so that whoever finds the lock held can dial its holder and wait for the
 * hello instead of polling, and so that the kernel can tell a dead holder from a slow one.
 */
export class Candidate {
  readonly #setup: WorkerSetup & { readonly instance: string };
  readonly #hooks: CandidateHooks;
  readonly #owner: Owner;
  #listening: Promise<Listener> | undefined;
  /** For those who see the database alone. */
  #beside: Listener | null = null;
  #self: Identity | undefined;
  #lock: Lock | null = null;
  #database: Database | undefined;
  #fence: Fence | undefined;
  #leaving: Promise<void> | undefined;
  readonly #rehearsal = new AbortController();
  #rehearsing: Promise<void> | undefined;
  #campaign: Promise<CampaignEnd> | undefined;
  #isLeaving = false;
  /** Asked to stand by: it takes over from another process. */
  #isWarm = false;
  #cancelSweep: () => void = () => undefined;

  constructor(setup: WorkerSetup & { readonly instance: string }, hooks: CandidateHooks) {
    this.#setup = setup;
    this.#hooks = hooks;
    this.#owner = new Owner({ ...setup, log: hooks.log, onStop: () => void this.leave() });
  }

  /** Settles when this candidacy is over. */
  get left(): Promise<void> {
    return this.#owner.left;
  }

  /** A connection of the host's own process. */
  receive(channel: Channel): void {
    this.#owner.receive(channel);
  }

  /** Loads DuckDB and the index, and listens; the socket's path. */
  async standBy(): Promise<string> {
    this.#isWarm = true;
    const [listener] = await Promise.all([this.#listen(), loadEngine(), import('../search/index.ts')]);
    return listener.path;
  }

  /** Takes from the first calls after a takeover what makes them slow. Ends at once when a campaign begins. */
  async rehearse(): Promise<void> {
    // A takeover goes well without it: what fails here, an interrupt included, is nobody's loss.
    this.#rehearsing = rehearse(this.#rehearsal.signal).catch(() => undefined);
    await this.#rehearsing;
  }

  campaign(timeout: number): Promise<CampaignEnd> {
    this.#rehearsal.abort();
    this.#campaign = this.#run(timeout);
    return this.#campaign;
  }

  async #run(timeout: number): Promise<CampaignEnd> {
    if (this.#setup.alone) return this.#openAlone();
    const deadline = performance.now() + timeout;
    const { path } = await this.#listen();
    failpoint('election.listening');
    this.#self = ownIdentity(this.#setup.instance, path);
    this.#lock = await this.#tryLock(this.#self);
    if (!this.#lock) {
      const holder = readHolder(this.#setup.paths.lock);
      return { end: 'held', holder: holder === 'damaged' ? null : holder };
    }
    failpoint('election.locked');
    try {
      await this.#takeFence(deadline);
      return { end: 'elected' };
    } catch (error) {
      this.letGo();
      throw error;
    }
  }

  /** Leaves in peace. Calls under way are finished or handed on, and the file is closed before anyone is told. */
  leave(): Promise<void> {
    this.#leaving ??= (async () => {
      await this.#settle();
      if (!(await this.#owner.drain())) await this.#leaveOpen();
      failpoint('leave.drained');
      await this.#database?.writer.finish();
      await this.#database?.idle();
      await this.#end();
    })();
    return this.#leaving;
  }

  /** The file is not ours to write any more: everything is broken off, and the next owner has the calls. */
  #abandon(loss: FenceLoss): void {
    this.#hooks.log('error', 'the fence is lost', { loss });
    this.#hooks.onCompromised();
    this.#leaving ??= (async () => {
      await this.#settle();
      if (!(await this.#owner.drain(0))) await this.#leaveOpen();
      await this.#database?.writer.idle();
      await this.#database?.idle();
      // What another process may have written since must not be overwritten.
      if (loss !== 'moved') await this.#database?.forgoCheckpoint();
      await this.#end();
    })();
  }

  /**
   * A statement does not come back, and DuckDB cannot close the file under it. All else that can be done is done: the
   * calls are handed on, and whoever comes for the file finds its holder by the kernel's lock. The fence stays, and
   * with it the file is nobody else's. Settles when the statement has come back after all, and the file can be closed.
   */
  async #leaveOpen(): Promise<void> {
    this.#hooks.log('error', 'a statement that cannot be interrupted keeps the file open');
    this.#withdraw();
    await this.#stopListening();
    this.#owner.disconnect();
    this.#hooks.onPhase('stuck');
    await this.#owner.drained;
  }

  async #end(): Promise<void> {
    this.letGo();
    failpoint('leave.let-go');
    // A thread that ends does not take its socket's path away: transport/listen.ts.
    await this.#stopListening();
    this.#hooks.onPhase('left');
    this.#owner.end();
  }

  async #stopListening(): Promise<void> {
    (await this.#listening)?.close();
  }

  /** The last act of a process that exits. What runs is interrupted. */
  async leaveAtOnce(): Promise<void> {
    await this.#settle();
    if (!(await this.#owner.drain(0))) {
      this.#withdraw();
      this.#hooks.onPhase('stuck');
      return;
    }
    await this.#database?.writer.idle();
    await this.#database?.idle();
    this.letGo();
    await this.#stopListening();
    this.#hooks.onPhase('left');
  }

  /**
   * Waits for an election and a rehearsal under way, and has them end soon: a statement, or an open, that comes back
   * to a thread that has been taken down ends the whole process in an abort.
   */
  async #settle(): Promise<void> {
    this.#isLeaving = true;
    this.#hooks.onPhase('settling');
    this.#rehearsal.abort();
    await Promise.allSettled([this.#campaign, this.#rehearsing]);
    this.#hooks.onPhase('leaving');
  }

  /** Lets go of record, fence and lock. */
  letGo(): void {
    const { paths, instance } = this.#setup;
    this.#rehearsal.abort();
    if (this.#lock) withdrawRecord(paths, instance);
    this.#owner.interrupt();
    this.#fence?.lift();
    if (this.#isLeaving) this.#hooks.onPhase('closing');
    this.#database?.close();
    this.#database = undefined;
    this.#withdraw();
  }

  /** Takes away what says that this is the owner. */
  #withdraw(): void {
    const { paths, instance } = this.#setup;
    this.#cancelSweep();
    if (!this.#lock) return;
    withdrawRecord(paths, instance);
    this.#beside?.close();
    this.#lock.releaseNow();
    this.#lock = null;
    removeHome(paths);
  }

  #listen(): Promise<Listener> {
    this.#listening ??= this.#listenSomewhere();
    return this.#listening;
  }

  /** In the first folder of the list that will have it. */
  async #listenSomewhere(): Promise<Listener> {
    const { paths, instance } = this.#setup;
    const refusals: string[] = [];
    for (const folder of runtimeFolders()) {
      try {
        const path = checkSocketPath(socketPath(folder, paths.db, instance));
        checkRuntimeFolder(folder);
        return await listen(path, (socket) => this.#take(socket));
      } catch (error) {
        refusals.push((error as Error).message);
      }
    }
    throw new PondError('PERMISSION', `no folder will hold the owner's socket: ${refusals.join('; ')}`, {
      hint: 'set ONEPOND_RUNTIME_DIR to a folder of your own, mode 700, on a local disk',
    });
  }

  #take(socket: Socket): void {
    this.#owner.receive(socketChannel(socket, { pauseWhenFull: true }));
  }

  async #tryLock(self: Identity): Promise<Lock | null> {
    try {
      return await tryLock(this.#setup.paths, self, () => void this.#relock(self));
    } catch (error) {
      throw fromSystem(error, `cannot lock ${this.#setup.paths.db}`);
    }
  }

  /** The lock is gone and the fence is not: nobody else can be the owner, so the lock is ours to take again. */
  async #relock(self: Identity): Promise<void> {
    this.#hooks.log('warn', 'the lock was taken away while the fence stood');
    this.#hooks.onCompromised();
    const lock = await this.#tryLock(self).catch(() => null);
    if (this.#leaving) await lock?.release();
    else if (lock) this.#lock = lock;
  }

  async #takeFence(deadline: number): Promise<void> {
    const database = await this.#openWhenFree(deadline);
    this.#database = database;
    const isLater = laterOwner(this.#setup.paths);
    // The record of the last owner is there until ours is.
    const isSuperseded = (): boolean => database.epoch > 0 && isLater(database.epoch);
    this.#fence = new Fence(database, isSuperseded, (loss) => this.#abandon(loss));
    failpoint('election.opened');
    const epoch = await database.beginEpoch();
    failpoint('election.counted');
    const record = this.#recordOf(database, epoch);
    this.#beside = await listenBeside(this.#setup.paths, this.#setup.instance, (socket) =>
      this.#take(socket),
    );
    publishRecord(this.#setup.paths, record);
    failpoint('election.published');
    this.#owner.serve(database, record);
    this.#cancelSweep = sweepLater(record.socket, record.db);
    this.#hooks.log('info', 'became the owner', { epoch, socket: record.socket });
  }

  #recordOf({ device, inode }: Database, epoch: number): OwnerRecord {
    const { paths, version, instance } = this.#setup;
    const self = this.#self ?? ownIdentity(instance, '');
    const startedAt = new Date().toISOString();
    return {
      ...self,
      protocol: PROTOCOL_VERSION,
      version,
      db: paths.db,
      device,
      inode,
      epoch,
      startedAt,
      thread: threadId,
    };
  }

  /** A dead owner's process may hold the file for some ms yet, a foreign program for as long as it likes. */
  async #openWhenFree(deadline: number): Promise<Database> {
    const { openDatabase } = await loadEngine();
    const { paths, config } = this.#setup;
    for (let pause: number = FENCE_RETRY.first; ; pause = Math.min(pause * 1.5, FENCE_RETRY.longest)) {
      try {
        if (await this.#isOpenHere()) throw new HeldError(process.pid);
        return await openDatabase(paths.db, {
          config,
          checkFence: async () => this.#fence?.check(),
          claim: this.#claim,
          isLockedHere: async (dev, ino) => (await this.#fence?.isLockedHere(dev, ino)) ?? false,
          doubtFence: () => this.#fence?.doubt(),
        });
      } catch (error) {
        if (!(error instanceof HeldError)) throw error;
        this.#owner.electing(error.pid);
        this.#hooks.onHeld(error.pid);
        if (this.#isLeaving || performance.now() + pause > deadline) throw heldElsewhere(paths.db, error.pid);
        await sleep(pause);
      }
    }
  }

  /**
   * A handle on another link to the file, a plain DuckDB instance, another owner that reads it: DuckDB would open it
   * beside them, and whichever closes first drops the lock of all. A successor need not look: another process had
   * the lock until a moment ago.
   */
  async #isOpenHere(): Promise<boolean> {
    return !this.#isWarm && (await isOpenHere(this.#setup.paths.db));
  }

  /** For the files that are attached. */
  readonly #claim: ClaimFile = (file, readOnly) =>
    claim(
      {
        self: { ...(this.#self as Identity), serves: this.#setup.paths.db },
        fence: () => this.#fence,
        onCompromised: this.#hooks.onCompromised,
      },
      file,
      readOnly,
    );

  async #openAlone(): Promise<CampaignEnd> {
    const { openDatabase } = await loadEngine();
    const { paths, config, instance } = this.#setup;
    this.#self = ownIdentity(instance, '');
    try {
      this.#database = await openDatabase(paths.db, { config, readOnly: true, claim: this.#claim });
    } catch (error) {
      throw error instanceof HeldError ? heldElsewhere(paths.db, error.pid) : error;
    }
    this.#owner.serve(this.#database, this.#recordOf(this.#database, await this.#database.beginEpoch()));
    return { end: 'elected' };
  }
}

const loadEngine = (): Promise<typeof import('../engine/database.ts')> => import('../engine/database.ts');
