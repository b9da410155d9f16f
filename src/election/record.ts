import { rmdirSync, rmSync, statSync } from 'node:fs';
import type { PondPaths } from '../paths.ts';
import type { Identity } from './identity.ts';
import { inFolderOf, publishJson } from './json-file.ts';
import { readIdentity } from './lock-folder.ts';

/** What an owner says of itself beside its database. A hint: the hello on its socket is what counts. */
export interface OwnerRecord extends Identity {
  readonly protocol: number;
  readonly version: string;
  readonly db: string;
  readonly device: string;
  readonly inode: string;
  readonly epoch: number;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly thread: number;
}

export function readRecord(paths: PondPaths): OwnerRecord | null {
  return readIdentity(paths.record) as OwnerRecord | null;
}

/** Whether the record is of a later epoch than `epoch`. Cheap to ask again: it is read when it has changed. */
export function laterOwner(paths: PondPaths): (epoch: number) => boolean {
  let seen = '';
  let latest = 0;
  return (epoch) => {
    const now = statSync(paths.record, { bigint: true, throwIfNoEntry: false });
    const stamp = now ? `${now.ino} ${now.mtimeNs}` : '';
    if (stamp !== seen) {
      seen = stamp;
      latest = readRecord(paths)?.epoch ?? 0;
    }
    return latest > epoch;
  };
}

/** Only the holder of the fence may call this. */
export function publishRecord(paths: PondPaths, record: OwnerRecord): void {
  inFolderOf(paths.record, () => publishJson(paths.record, record, record.instance));
}

/** Removes the record if it is still this instance's. Called before the fence is let go: nobody else publishes. */
export function withdrawRecord(paths: PondPaths, instance: string): void {
  if (readIdentity(paths.record)?.instance === instance) rmSync(paths.record, { force: true });
}

/** Leaves nothing behind beside the database, unless somebody else is there by now or the log has something to say. */
export function removeHome(paths: PondPaths): void {
  try {
    rmdirSync(paths.home);
  } catch {
    // Not empty, or gone: both are fine.
  }
}
