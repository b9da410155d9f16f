/** The record of an owner lies in `F.onepond` beside the database F. */
export const RECORD_SUFFIX = '.onepond';

/** Folders that no index enters, whatever the rules say; the root is never asked. */
export function isNeverEntered(name: string): boolean {
  return name === '.git' || name === 'node_modules' || name.endsWith(RECORD_SUFFIX);
}

/** Whether a path relative to the root lies in such a folder. */
export function isOutsideIndex(path: string): boolean {
  return path.split('/').some(isNeverEntered);
}
