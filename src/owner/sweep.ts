import { rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { socketsIn } from '../paths.ts';
import { refuses } from '../transport/dial.ts';

/** After an election, in ms: a takeover has other things to do first. */
const SWEEP_AFTER_MS = 1_000;
/** A path that is younger than this, in ms, may have been bound just now: it refuses until somebody listens on it. */
const SETTLED_MS = 10_000;

/**
 * Removes the sockets that killed owners of this database have left where `socket` lies, a while from now.
 * @returns calls it off
 */
export function sweepLater(socket: string, db: string): () => void {
  // What stays behind is a few bytes that nobody dials: no failure here is worth a word.
  const timer = setTimeout(() => void sweep(dirname(socket), db).catch(() => undefined), SWEEP_AFTER_MS);
  timer.unref();
  return () => clearTimeout(timer);
}

async function sweep(folder: string, db: string): Promise<void> {
  for (const path of socketsIn(folder, db)) {
    const stats = statSync(path, { throwIfNoEntry: false });
    const isSettled = stats !== undefined && Date.now() - stats.mtimeMs > SETTLED_MS;
    // No later ownership has the name: what refuses now will refuse for ever.
    if (isSettled && (await refuses(path))) rmSync(path, { force: true });
  }
}
