import { type Stats, statSync } from 'node:fs';
import { runtimeFolders, socketsIn } from '../paths.ts';
import { refuses } from '../transport/dial.ts';

/** One of the folders that may hold sockets, where it is there. */
export interface RuntimeFolder {
  readonly path: string;
  readonly stats: Stats;
  /** This database's sockets, and whether anybody listens on each. */
  readonly sockets: readonly { readonly path: string; readonly isDead: boolean }[];
}

export async function lookAtFolders(db: string): Promise<RuntimeFolder[]> {
  const found: RuntimeFolder[] = [];
  for (const path of runtimeFolders()) {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (!stats?.isDirectory()) continue;
    const sockets = socketsIn(path, db).map(async (socket) => ({
      path: socket,
      isDead: await refuses(socket),
    }));
    found.push({ path, stats, sockets: await Promise.all(sockets) });
  }
  return found;
}
