import type { PondError } from '../errors.ts';
import type { Host } from './host.ts';
import type { WorkerSetup } from './messages.ts';

/**
 * The owner workers of this thread, one a database: two handles on one file share it. Other threads of the process
 * are readers of it like other processes.
 */

/** For how long a process that had no room to own the file leaves it to others, in ms. */
const REST = 1_000;

interface Entry {
  handles: number;
  host: Host | undefined;
  /** The last campaign that failed for want of room; `until` on the clock of performance.now(). */
  unfit: { readonly error: PondError; readonly until: number } | undefined;
}

const entries = new Map<string, Entry>();

/** One handle's share in the worker of its database. */
export interface HostShare {
  /** The worker that owns the file, where this thread has it. */
  owner(): Host | null;
  /** True where a worker of this thread is named to take over, with DuckDB loaded. */
  isStandingBy(): boolean;
  /** The worker to run for ownership with; started at the first call. */
  candidate(): Promise<Host>;
  /**
   * Why this process lets others go first for a while. A disk that is full for one, by a quota of its own, need
   * not be so for all; and each campaign that fails keeps the file from those whose would not.
   */
  unfit(): PondError | null;
  /**
   * Ends a candidate that is of no use: it lost, and is not named to take over; or its campaign failed, and those
   * who wait for its hello must look elsewhere.
   */
  dismiss(failure?: PondError): Promise<void>;
  /** For process 'exit'. False where the owner's thread would keep the process from ending. */
  closeNow(): boolean;
  /**
   * The last handle that lets go ends the worker, and resolves when the file is free.
   * @throws PondError OWNER_UNREACHABLE where a statement that cannot be interrupted keeps the file open
   */
  release(): Promise<void>;
}

export function shareHost(setup: WorkerSetup): HostShare {
  const key = setup.alone ? `${setup.paths.db}\0alone` : setup.paths.db;
  const entry = entries.get(key) ?? { handles: 0, host: undefined, unfit: undefined };
  entries.set(key, entry);
  entry.handles++;
  return {
    owner: () => (entry.host?.isOwner ? entry.host : null),
    isStandingBy: () => entry.host !== undefined && !entry.host.isOver && entry.host.isStandingBy,
    async candidate() {
      // Loaded here: most readers never need a worker, and starting one is dear.
      const { Host: HostClass } = await import('./host.ts');
      if (!entry.host || entry.host.isOver) entry.host = new HostClass(setup);
      return entry.host;
    },
    unfit: () => (entry.unfit && performance.now() < entry.unfit.until ? entry.unfit.error : null),
    async dismiss(failure) {
      const { host } = entry;
      if (failure?.code === 'DISK_FULL') entry.unfit = { error: failure, until: performance.now() + REST };
      if (!host || host.isOwner || (host.isStandingBy && !failure)) return;
      entry.host = undefined;
      await host.close();
    },
    closeNow: () => entry.host?.closeNow() ?? true,
    async release() {
      if (--entry.handles > 0) return;
      entries.delete(key);
      await entry.host?.close();
    },
  };
}
