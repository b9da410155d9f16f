import { type Outcome, PondError } from '../errors.ts';
import { isStopped } from './identity.ts';

/** What may stand between a caller and its answer, each with the process to look at and the safe next step. */

/** A program that does not serve the file has it open; `pid` is 0 where the kernel does not tell. */
export function heldElsewhere(db: string, pid: number): PondError {
  const who = pid > 0 ? `process ${pid}` : 'another process';
  return new PondError('OWNER_UNREACHABLE', `${db} is held by ${who}, which does not serve it`, {
    data: { pid },
    hint: resume(pid) ?? `let ${who} close the file, or have it open the file through onepond`,
  });
}

/** The owner is there and its socket is not for us. */
export function unreachable(pid: number, reason: string): PondError {
  return new PondError('OWNER_UNREACHABLE', `the owner, process ${pid}, cannot be reached: ${reason}`, {
    data: { pid },
    hint: 'a sandbox or container may hide its socket: set ONEPOND_RUNTIME_DIR to a folder that both can use',
  });
}

/** The owner's kernel took our connection, and nobody speaks. `outcome` is for a call that was on its way. */
export function unresponsive(pid: number, outcome?: Outcome): PondError {
  return new PondError('OWNER_UNRESPONSIVE', `the owner, process ${pid}, does not answer`, {
    data: { pid, ...(outcome && { outcome }) },
    hint: resume(pid) ?? 'nothing was taken from it; if it hangs for good, end it and another takes over',
  });
}

/** It was elected, and has the file to open yet; or it leaves, and has calls to finish. */
export function opening(db: string, pid: number): PondError {
  if (isStopped(pid)) return unresponsive(pid);
  return new PondError('TIMEOUT', `process ${pid} was still opening or closing ${db}`, {
    data: { pid },
    hint: 'give the call more time: after a crash DuckDB may have a long log to replay',
  });
}

function resume(pid: number): string | null {
  return pid > 0 && isStopped(pid) ? `process ${pid} is stopped: kill -CONT ${pid}` : null;
}
