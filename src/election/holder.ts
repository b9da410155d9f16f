import type { Dialled } from '../transport/dial.ts';
import { type Identity, isSameKernel, processLiveness } from './identity.ts';
import { heartbeatAge } from './lock-folder.ts';

/** A holder on another machine is taken for dead after this long without a heartbeat, in ms: twelve of them. */
const SILENT_ELSEWHERE_MS = 60_000;

/**
 * Whether a lock may be broken: its holder is dead, and not merely slow.
 *
 * `refused` is the kernel's word that nobody listens on a path that is still there; it also tells of a thread that
 * died in a living process, of which the process table knows nothing. `gone` alone says little: a cleaner of
 * temporary folders may have removed the path of a living owner.
 */
export function isDead(
  holder: Identity,
  dialled: Exclude<Dialled, { kind: 'connected' }>,
  lock: string,
): boolean {
  const liveness = processLiveness(holder);
  if (liveness === 'unknown') {
    const isRefused = dialled.kind === 'refused' && isSameKernel(holder);
    return isRefused || heartbeatAge(lock) > SILENT_ELSEWHERE_MS;
  }
  return liveness === 'dead' || dialled.kind === 'refused';
}
