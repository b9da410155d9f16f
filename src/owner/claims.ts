import type { Fence, FencedFile } from '../election/fence.ts';
import { isDead } from '../election/holder.ts';
import type { Identity } from '../election/identity.ts';
import { isOpenHere } from '../election/kernel-lock.ts';
import { type Lock, tryLock } from '../election/lock.ts';
import { breakLock, readHolder } from '../election/lock-folder.ts';
import { heldHere, ownedElsewhere, unreachable } from '../election/obstacles.ts';
import { removeHome } from '../election/record.ts';
import type { Claim } from '../engine/attachments.ts';
import { fromSystem, PondError } from '../errors.ts';
import { type PondPaths, pathsBeside } from '../paths.ts';
import { dial } from '../transport/dial.ts';

/** How long the holder of a lock may take to accept a connection, in ms: its kernel does it. */
const DIAL_MS = 1_000;
/** How often a lock may be found held and then free or broken before it is called held. */
const TRIES = 20;

interface Claimant {
  /** This owner, with the database that it serves. */
  readonly self: Identity & { readonly serves: string };
  readonly fence: () => Fence | undefined;
  /** The lock was taken away while the fence stood. */
  readonly onCompromised: () => void;
}

/**
 * Elects this owner to open a further file: the file gets the lock that a database has, before DuckDB opens it. So
 * neither another owner opens it nor this one opens what another has, also in this process, where the kernel's locks
 * protect nobody.
 *
 * A file that is attached read-only takes no lock: any number of processes may read it while nobody writes, and its
 * folder need not be writable.
 * @param file its real path
 * @throws PondError OWNER_UNREACHABLE while somebody has it, PERMISSION, DISK_FULL
 */
export async function claim(claimant: Claimant, file: string, readOnly: boolean): Promise<Claim> {
  const paths = pathsBeside(file);
  const held = readOnly ? await checkFree(paths) : await HeldLock.take(claimant, paths);
  try {
    // A plain DuckDB instance, a hard link, a reader in another thread: the lock's folder knows nothing of them.
    if (await isOpenHere(file)) throw heldHere(file);
  } catch (error) {
    held?.release();
    throw error;
  }
  let watch: ReturnType<Fence['watch']> | undefined;
  return {
    async opened(opened: FencedFile) {
      watch = claimant.fence()?.watch(opened);
      await watch?.seen;
    },
    release() {
      watch?.end();
      held?.release();
    },
  };
}

async function checkFree({ db, lock }: PondPaths): Promise<null> {
  const holder = readHolder(lock);
  if (holder && holder !== 'damaged' && !(await isGone(holder, lock))) throw ownedElsewhere(db, holder);
  return null;
}

/** @throws PondError OWNER_UNREACHABLE for a holder that lives, and that nobody can reach */
async function isGone(holder: Identity, lock: string): Promise<boolean> {
  const dialled = await dial(holder.socket, AbortSignal.timeout(DIAL_MS));
  if (dialled.kind === 'connected') {
    dialled.peer.close();
    return false;
  }
  if (isDead(holder, dialled, lock)) return true;
  if (readHolder(lock) === null) return true;
  throw unreachable(holder.pid, dialled.kind === 'unreachable' ? dialled.reason : 'its socket is gone');
}

/** The lock of an attached file, taken again where somebody takes it away. */
class HeldLock {
  readonly #claimant: Claimant;
  readonly #paths: PondPaths;
  #lock: Lock | null = null;
  #isReleased = false;

  static async take(claimant: Claimant, paths: PondPaths): Promise<HeldLock> {
    const held = new HeldLock(claimant, paths);
    for (let left = TRIES; left > 0; left--) {
      if (await held.#try()) return held;
      const holder = readHolder(paths.lock);
      if (holder === null) continue;
      if (holder !== 'damaged' && !(await isGone(holder, paths.lock))) throw ownedElsewhere(paths.db, holder);
      breakLock(paths.lock, holder, `${process.pid}.${claimant.self.instance}`);
    }
    throw new PondError('OWNER_UNREACHABLE', `the lock of ${paths.db} changes hands all the time`);
  }

  private constructor(claimant: Claimant, paths: PondPaths) {
    this.#claimant = claimant;
    this.#paths = paths;
  }

  release(): void {
    this.#isReleased = true;
    this.#lock?.releaseNow();
    removeHome(this.#paths);
  }

  async #try(): Promise<boolean> {
    try {
      this.#lock = await tryLock(this.#paths, this.#claimant.self, () => void this.#relock());
    } catch (error) {
      throw fromSystem(error, `cannot lock ${this.#paths.db}`);
    }
    return this.#lock !== null;
  }

  async #relock(): Promise<void> {
    this.#claimant.onCompromised();
    await this.#try().catch(() => undefined);
    if (this.#isReleased) this.release();
  }
}
