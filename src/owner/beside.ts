import { readdirSync, renameSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { besideSocket, type PondPaths } from '../paths.ts';
import { checkOwnFolder } from '../private-folder.ts';
import { checkSocketPath, type Listener, listen } from '../transport/listen.ts';

/**
 * Listens beside the database as well, for those who see the database and not the temporary folder: another
 * container, a sandbox. Null where that folder cannot hold a socket: the path is too long, or the file system knows
 * no sockets. To be called by the holder of lock and fence alone.
 */
export async function listenBeside(
  paths: PondPaths,
  instance: string,
  onSocket: (socket: Socket) => void,
): Promise<Listener | null> {
  const path = besideSocket(paths, instance);
  if (path === null) return null;
  // A path refuses between its bind and its listen, and who refuses is dead: it gets its name when it listens.
  const draft = `${path}.new`;
  try {
    checkSocketPath(draft);
    checkOwnFolder(paths.home);
    removeSockets(paths.home);
    const listener = await listen(draft, onSocket);
    renameSync(draft, path);
    return {
      path,
      close: () => {
        rmSync(path, { force: true });
        listener.close();
      },
    };
  } catch {
    return null;
  }
}

/** Those of killed owners: nobody but an owner listens here. */
function removeSockets(home: string): void {
  for (const name of readdirSync(home).filter((file) => /\.sock(?:\.new)?$/.test(file)))
    rmSync(join(home, name), { force: true });
}
