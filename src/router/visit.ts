import { readHolder } from '../election/lock-folder.ts';
import { unresponsive } from '../election/obstacles.ts';
import { readRecord } from '../election/record.ts';
import type { PondPaths } from '../paths.ts';
import type { HelloParams } from '../protocol.ts';
import { ConnectionLost } from '../transport/peer.ts';
import { after } from './after.ts';
import { dialOwner } from './dial-owner.ts';
import { Link } from './link.ts';

/**
 * The owner of the file, if it has one: starts nothing, waits for nobody to be elected, and changes nothing.
 * @returns null where no owner is there
 * @throws PondError OWNER_UNRESPONSIVE, PROTOCOL_MISMATCH
 */
export async function visitOwner(
  paths: PondPaths,
  hello: HelloParams,
  timeout: number,
): Promise<Link | null> {
  const holder = readHolder(paths.lock);
  const place = readRecord(paths) ?? (holder === 'damaged' ? null : holder);
  if (!place) return null;
  const dialling = new AbortController();
  const tired = after(timeout, () => dialling.abort());
  const dialled = await dialOwner(paths, place, dialling.signal);
  clearTimeout(tired);
  if (dialled.kind !== 'connected') return null;
  const { peer } = dialled;
  let late: NodeJS.Timeout | undefined;
  try {
    const silence = new Promise<never>((_, over) => {
      late = after(timeout, () => over(unresponsive(place.pid)));
    });
    return await Promise.race([Link.greet(peer, hello, false), silence]);
  } catch (error) {
    peer.close();
    if (error instanceof ConnectionLost) return null;
    throw error;
  } finally {
    clearTimeout(late);
  }
}
