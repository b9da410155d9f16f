import { statSync } from 'node:fs';
import type { FileStatus } from '../shapes.ts';

/** From stat data alone: to open the file would drop the lock of an owner in this process. */
export function fileStatus(db: string): FileStatus | null {
  const [file, log] = [db, `${db}.wal`].map((path) => statSync(path, { throwIfNoEntry: false }));
  if (!file?.isFile()) return null;
  const changed = log && log.mtime > file.mtime ? log.mtime : file.mtime;
  return { bytes: file.size + (log?.size ?? 0), changed_at: changed.toISOString() };
}
