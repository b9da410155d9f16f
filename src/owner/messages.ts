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

export type ToWorker =
  /** Load DuckDB and listen, to be quick when the owner goes. */
  | { readonly type: 'stand-by' }
  /** Try to become the owner; give up after `timeout` ms. */
  | { readonly type: 'campaign'; readonly timeout: number }
  /** A session of this process. */
  | { readonly type: 'connect'; readonly port: MessagePort }
  /** Hand over and end. */
  | { readonly type: 'leave' }
  /** The process ends now: let go of the file, then set `done[0]` to 1 and wake its waiter. */
  | { readonly type: 'exit'; readonly done: Int32Array };

export type FromWorker =
  | { readonly type: 'standing-by'; readonly socket: string }
  | ({ readonly type: 'campaign' } & CampaignEnd)
  /** The campaign waits for a foreign process that has the file. */
  | { readonly type: 'held-by'; readonly pid: number }
  /** Somebody took the lock away while the fence stood. */
  | { readonly type: 'compromised' };

export type CampaignEnd =
  | { readonly end: 'elected' }
  /** Somebody else has the lock. */
  | { readonly end: 'held'; readonly holder: Identity | null }
  | { readonly end: 'failed'; readonly error: WireError & { readonly message: string } };
