import type { MessagePort } from 'node:worker_threads';
import type { Identity } from '../election/identity.ts';
import type { WireError } from '../errors.ts';
import type { PondPaths } from '../paths.ts';

/** What a host and its owner worker say to each other. Calls do not travel here: they go through ports. */

export interface WorkerSetup {
  readonly paths: PondPaths;
  readonly version: string;
  /** DuckDB settings, should this worker become the owner. */
  readonly config: Readonly<Record<string, string>>;
  /**
   * A file that cannot be written here: opened read-only for this process alone, with no election. Any number of
   * processes may read such a file at once.
   */
  readonly alone: boolean;
}

/** How long an owner that leaves waits for the calls under way before it interrupts them, in ms. */
export const DRAIN_MS = 2_000;
/** How long after that it waits for them to come back, in ms: DuckDB cannot interrupt all that it does. */
export const HARD_MS = 2_000;

/** How far the owner's thread has come in leaving, in a cell that its host can read while its own loop stands still. */
export const PHASE = {
  serving: 0,
  /** It was asked to leave, and has an open of the file or a rehearsal to see to its end. */
  settling: 1,
  /** Calls under way are waited for, and then interrupted. */
  leaving: 2,
  /** A statement does not come back, whatever interrupts it: DuckDB cannot let go of the file. */
  stuck: 3,
  /** DuckDB writes back and closes the file. */
  closing: 4,
  /** The file is let go of. */
  left: 5,
} as const;
export type Phase = keyof typeof PHASE;

export interface WorkerData extends WorkerSetup {
  /** Names this candidacy. */
  readonly instance: string;
  /** One cell: a {@link PHASE}. */
  readonly phase: Int32Array;
  /** Its other end closes when the thread ends, also where the thread cannot end at once. */
  readonly life: MessagePort;
}

export type ToWorker =
  /** Load DuckDB and listen, to be quick when the owner goes. */
  | { readonly type: 'stand-by' }
  /** Try to become the owner; give up after `timeout` ms. */
  | { readonly type: 'campaign'; readonly timeout: number }
  /** A session of this process. */
  | { readonly type: 'connect'; readonly port: MessagePort }
  /** Hand over and end. */
  | { readonly type: 'leave' }
  /** The process ends now: let go of the file at once. */
  | { readonly type: 'exit' };

export type FromWorker =
  | { readonly type: 'standing-by'; readonly socket: string }
  | ({ readonly type: 'campaign' } & CampaignEnd)
  /** The campaign waits for a foreign process that has the file. */
  | { readonly type: 'held-by'; readonly pid: number }
  /** Somebody took the lock away while the fence stood. */
  | { readonly type: 'compromised' }
  /** It has left, and keeps the file open: see {@link PHASE}. */
  | { readonly type: 'stuck' };

export type CampaignEnd =
  | { readonly end: 'elected' }
  /** Somebody else has the lock. */
  | { readonly end: 'held'; readonly holder: Identity | null }
  | { readonly end: 'failed'; readonly error: WireError & { readonly message: string } };
