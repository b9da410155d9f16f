import { readdirSync, type Stats, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { runtimeFolders, socketPath } from '../paths.ts';
import { dial } from '../transport/dial.ts';

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
    found.push({ path, stats, sockets: await socketsIn(path, db) });
  }
  return found;
}

async function socketsIn(folder: string, db: string): Promise<RuntimeFolder['sockets']> {
  // `<hash of the path>-<instance>.sock`
  const prefix = basename(socketPath(folder, db, '')).replace(/\.sock$/, '');
  let names: string[];
  try {
    names = readdirSync(folder).filter((name) => name.startsWith(prefix) && name.endsWith('.sock'));
  } catch {
    return [];
  }
  return Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      const dialled = await dial(path, AbortSignal.timeout(1_000));
      if (dialled.kind === 'connected') dialled.peer.close();
      return { path, isDead: dialled.kind === 'refused' };
    }),
  );
}
