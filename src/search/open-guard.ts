/** Files of DuckDB and SQLite by their names. */
const DATABASE_NAME = /\.(?:duckdb|ddb|db|wal)$/i;

export interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
}

/** Says which files are never opened. */
export interface OpenGuard {
  /** `path` is absolute; `stats` were taken before any attempt to open it. */
  forbids(path: string, stats: FileIdentity): boolean;
}

/**
 * DuckDB holds a POSIX lock, and POSIX drops all locks of a process on a file when the process closes *any*
 * descriptor of it. The index runs in the owner's process: one open and close of the database, by any path or
 * hard link, would let a second process write to it, and the next checkpoint would erase what that one wrote,
 * without an error. So a file is stat'ed first (which is safe), and neither a file the owner knows as its
 * database nor one that looks like a database is opened, wherever it lies.
 */
export function createOpenGuard(isProtected: (path: string, dev: bigint, ino: bigint) => boolean): OpenGuard {
  return {
    forbids: (path, { dev, ino }) => isDatabaseName(path) || isProtected(path, dev, ino),
  };
}

export function isDatabaseName(path: string): boolean {
  return DATABASE_NAME.test(path);
}
