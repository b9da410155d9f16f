/** The record of an owner lies in `F.onepond` beside the database F. */
export const RECORD_SUFFIX = '.onepond';

/** Folders that no index enters, whatever the rules say; the root is never asked. */
export function isNeverEntered(name: string): boolean {
  return name === '.git' || name === 'node_modules' || name.endsWith(RECORD_SUFFIX);
}

/**
 * The kernel shows itself as files there: their sizes are made up, and reading one may wait for ever.
 * @param path absolute
 */
export function isKernelTree(path: string): boolean {
  return /^\/(?:proc|sys)(?:\/|$)/.test(path);
}

/** Whether a path relative to the root lies in such a folder. */
export function isOutsideIndex(path: string): boolean {
  return path.split('/').some(isNeverEntered);
}
