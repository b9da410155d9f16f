import { type Stats, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { isDead } from '../election/holder.ts';
import type { Identity } from '../election/identity.ts';
import { kernelLockHolder } from '../election/kernel-lock.ts';
import { readHolder } from '../election/lock-folder.ts';
import { type OwnerRecord, readRecord } from '../election/record.ts';
import { PondError } from '../errors.ts';
import type { PondPaths } from '../paths.ts';
import type { HelloParams, HelloResult } from '../protocol.ts';
import { visitOwner } from '../router/visit.ts';
import type { IndexStatus, StatusResult } from '../shapes.ts';
import { dial } from '../transport/dial.ts';
import { type FileHeader, readHeader } from './file-header.ts';
import { lookAt, type ProcessFacts } from './process-facts.ts';
import { lookAtFolders, type RuntimeFolder } from './sockets.ts';

/** All that can be known of a database from outside. While anybody may hold the file, a stat is all it gets. */
export interface Facts {
  readonly paths: PondPaths;
  /** Version of this onepond. */
  readonly version: string;
  readonly file: Stats | undefined;
  /** What the file says of itself; null where it was not looked at. */
  readonly header: FileHeader | null;
  readonly wal: Stats | undefined;
  /** Bytes free to this user where the file lies; null where the system does not tell. */
  readonly free: number | null;
  /** The process that holds the kernel's lock on the file; null where there is none, or no list of locks. */
  readonly holder: ProcessFacts | null;
  readonly lock: { readonly holder: Identity | 'damaged' | null; readonly isDead: boolean };
  readonly record: OwnerRecord | null;
  readonly recordIsDead: boolean;
  /** The owner's own words; or why there are none. */
  readonly owner: OwnerFacts | null;
  readonly refusal: PondError | null;
  readonly folders: readonly RuntimeFolder[];
}

interface OwnerFacts {
  readonly hello: HelloResult;
  readonly status: StatusResult;
  /** Or why the owner cannot tell: its `status` takes an index that cannot be read for none. */
  readonly index: IndexStatus | null | PondError;
}

export async function gather(paths: PondPaths, hello: HelloParams, timeout: number): Promise<Facts> {
  const record = readRecord(paths);
  const lockHolder = readHolder(paths.lock);
  const pid = kernelLockHolder(paths.db);
  const [answer, recordIsDead, lockIsDead, folders] = await Promise.all([
    ask(paths, hello, timeout),
    record ? nobodyAt(record, paths.lock) : false,
    lockHolder !== null && lockHolder !== 'damaged' ? nobodyAt(lockHolder, paths.lock) : false,
    lookAtFolders(paths.db),
  ]);
  const file = statSync(paths.db, { throwIfNoEntry: false });
  const isLockFree = lockHolder === null || lockHolder === 'damaged' || lockIsDead;
  const isFree = pid === null && !answer.owner && !answer.refusal && (!record || recordIsDead) && isLockFree;
  return {
    paths,
    version: hello.version,
    file,
    header: isFree && file?.isFile() ? readHeader(paths.db) : null,
    wal: statSync(`${paths.db}.wal`, { throwIfNoEntry: false }),
    free: freeBytes(dirname(paths.db)),
    holder: pid === null ? null : lookAt(pid),
    lock: { holder: lockHolder, isDead: lockHolder === 'damaged' || lockIsDead },
    record,
    recordIsDead,
    ...answer,
    folders,
  };
}

async function ask(
  paths: PondPaths,
  hello: HelloParams,
  timeout: number,
): Promise<Pick<Facts, 'owner' | 'refusal'>> {
  try {
    const link = await visitOwner(paths, hello, timeout);
    if (!link) return { owner: null, refusal: null };
    try {
      const status = await link.request('status', {}, timeout);
      const index = await link.request('index/status', {}, timeout).catch(asRefusal);
      return { owner: { hello: link.hello, status, index }, refusal: null };
    } finally {
      link.close();
    }
  } catch (error) {
    return { owner: null, refusal: asRefusal(error) };
  }
}

function asRefusal(error: unknown): PondError {
  if (error instanceof PondError) return error;
  throw error;
}

async function nobodyAt(identity: Identity, lock: string): Promise<boolean> {
  const dialled = await dial(identity.socket, AbortSignal.timeout(1_000));
  if (dialled.kind === 'connected') {
    dialled.peer.close();
    return false;
  }
  return isDead(identity, dialled, lock);
}

function freeBytes(folder: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return null;
  }
}
