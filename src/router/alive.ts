/**
 * Keeps the process alive while calls are under way; sockets, ports and threads do not. Every public call holds it
 * until it settles: otherwise a program whose only work is that call ends in silence, with status 0. One timer
 * serves all calls: one for each call costs as much as the rest of the call's bookkeeping.
 */
const timer = setInterval(() => undefined, 2 ** 30).unref();
let holds = 0;

export function holdProcess(): void {
  if (holds++ === 0) timer.ref();
}

export function releaseProcess(): void {
  if (--holds === 0) timer.unref();
}

/** Holds the process until `work` settles: for a call whose parts have no budget of their own, such as a pause. */
export async function whilePending<T>(work: () => Promise<T>): Promise<T> {
  holdProcess();
  try {
    return await work();
  } finally {
    releaseProcess();
  }
}
