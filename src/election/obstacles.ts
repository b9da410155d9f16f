import { type Outcome, PondError } from '../errors.ts';
import { userName } from '../permission.ts';
import { type Identity, isStopped } from './identity.ts';

/** What may stand between a caller and its answer, each with the process to look at and the safe next step. */

/** A program that does not serve the file has it open; `pid` is 0 where the kernel does not tell. */
export function heldElsewhere(db: string, pid: number): PondError {
  if (pid === process.pid) return heldHere(db);
  const who = pid > 0 ? `process ${pid}` : 'another process';
  return new PondError('OWNER_UNREACHABLE', `${db} is held by ${who}, which does not serve it`, {
    data: { pid },
    hint: resume(pid) ?? `let ${who} close the file, or have it open the file through onepond`,
  });
}

/** Something in this very process has the file open: a kernel lock does not protect a process from itself. */
export function heldHere(file: string): PondError {
  return new PondError('OWNER_UNREACHABLE', `${file} is open in this process, ${process.pid}, already`, {
    data: { pid: process.pid },
    hint: 'close the other handle or DuckDB instance first, or use that one: a process may open a file once',
  });
}

/** Another owner has the file: as its own database, or attached to the one that it serves. */
export function ownedElsewhere(
  file: string,
  { pid, serves = file }: Pick<Identity, 'pid' | 'serves'>,
): PondError {
  const isItsOwn = serves === file;
  return new PondError(
    'OWNER_UNREACHABLE',
    isItsOwn
      ? `${file} has an owner of its own, process ${pid}`
      : `${file} is attached by the owner of ${serves}, process ${pid}`,
    {
      data: { pid },
      hint:
        resume(pid) ??
        (isItsOwn
          ? `close its handles first, or attach the other file to ${file}: a file has one owner at a time`
          : `reach it through ${serves}, or DETACH it there: a file has one owner at a time`),
    },
  );
}

/** The owner is there and its socket is not for us. */
export function unreachable(pid: number, reason: string): PondError {
  return new PondError('OWNER_UNREACHABLE', `the owner, process ${pid}, cannot be reached: ${reason}`, {
    data: { pid },
    hint: 'a sandbox or container may hide its socket: set ONEPOND_RUNTIME_DIR to a folder that both can use',
  });
}

/** The owner is in another container or on another machine, and none of its sockets is to be seen from here. */
export function elsewhere({ pid, host }: Identity): PondError {
  const message = `the owner, process ${pid} on host ${host}, runs in another container or on another machine, and its folder of sockets is not shared`;
  return new PondError('OWNER_UNREACHABLE', message, {
    data: { pid, host },
    hint: 'share a folder between the containers, and set ONEPOND_RUNTIME_DIR to it in both; or give the database a path so short that a socket can lie beside it',
  });
}

/** The owner serves its own user's processes alone. */
export function otherUser(db: string, pid: number, uid: number): PondError {
  const who = userName(uid);
  return new PondError(
    'PERMISSION',
    `${db} is open in process ${pid} of ${who}, which serves its own user alone`,
    {
      data: { pid, uid },
      hint: `run this program as ${who}, or end process ${pid} first`,
    },
  );
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

/** The owner has left, and DuckDB is in a statement that nothing ends: as a read of a pipe that nobody writes. */
export function keptOpen(db: string, pid: number): PondError {
  return new PondError(
    'OWNER_UNREACHABLE',
    `a statement that cannot be interrupted keeps ${db} open in process ${pid}`,
    { data: { pid }, hint: 'end what the statement waits for, or end the process; its calls were handed on' },
  );
}

function resume(pid: number): string | null {
  return pid > 0 && isStopped(pid) ? `process ${pid} is stopped: kill -CONT ${pid}` : null;
}
