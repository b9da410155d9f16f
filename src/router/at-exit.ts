import { isMainThread } from 'node:worker_threads';

/**
 * The end of the process. A program that simply ends, or calls process.exit(), leaves as an owner should; a
 * signal's default action runs no handler, and then the others recover as from a crash.
 */
export interface Closable {
  /** Asynchronous work is still possible. */
  close(): Promise<void>;
  /** Nothing asynchronous runs any more in this thread. False where the process could not end by itself. */
  closeNow(): boolean;
}

const open = new Set<Closable>();

/** Closes `target` with the process, unless {@link forget} is told before. */
export function closeAtExit(target: Closable): void {
  if (open.size === 0) process.on('beforeExit', closeAll).on('exit', closeAllNow);
  open.add(target);
}

export function forget(target: Closable): void {
  if (open.delete(target) && open.size === 0) process.off('beforeExit', closeAll).off('exit', closeAllNow);
}

/** 'beforeExit' may do asynchronous work, and comes again when that is done. */
function closeAll(): void {
  // What cannot be closed is seen to at 'exit'.
  for (const target of open) void target.close().catch(() => undefined);
}

/**
 * Node waits for every statement that runs on a thread of libuv's, for one that never ends for ever, and so do
 * process.exit() and process.reallyExit(). SIGKILL does not, and the file is let go of as after a crash.
 */
function closeAllNow(): void {
  const mayEnd = [...open].map((target) => target.closeNow());
  if (isMainThread && mayEnd.includes(false)) process.kill(process.pid, 'SIGKILL');
}
