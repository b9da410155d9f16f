import { dirname } from 'node:path';
import type { Identity } from '../election/identity.ts';
import { PondError } from '../errors.ts';
import { besideSocket, type PondPaths } from '../paths.ts';
import { checkOwnFolder, checkPrivate } from '../private-folder.ts';
import { type Dialled, dial } from '../transport/dial.ts';

/**
 * The socket of an owner or a candidate; where that is not to be seen from here, as from another container, the one
 * beside its database.
 */
export async function dialOwner(
  paths: PondPaths,
  { socket, instance }: Identity,
  signal: AbortSignal,
): Promise<Dialled> {
  const first = await dialSocket(socket, signal);
  const beside = besideSocket(paths, instance);
  if (first.kind === 'connected' || first.kind === 'refused' || beside === null) return first;
  const second = await dialChecked(beside, checkOwnFolder, signal);
  return second.kind === 'gone' ? first : second;
}

/** A folder that others may write to is not dialled into, whatever the record says. */
export const dialSocket = (socket: string, signal: AbortSignal): Promise<Dialled> =>
  dialChecked(socket, checkPrivate, signal);

async function dialChecked(
  socket: string,
  check: (folder: string) => void,
  signal: AbortSignal,
): Promise<Dialled> {
  try {
    if (process.platform !== 'win32') check(dirname(socket));
  } catch (error) {
    // No folder, no socket.
    if (!(error instanceof PondError)) return { kind: 'gone' };
    const uid = error.data?.uid as number | undefined;
    return { kind: 'unreachable', reason: error.message, ...(uid !== undefined && { uid }) };
  }
  return dial(socket, signal);
}
