/**
 * Keeps the process alive while calls are under way; sockets, ports and threads do not. One timer for all calls:
 * making one for each costs as much as the rest of the call's bookkeeping.
 */
const timer = setInterval(() => undefined, 2 ** 30).unref();
let holds = 0;

export function keepAlive(): void {
  if (holds++ === 0) timer.ref();
}

export function letEnd(): void {
  if (--holds === 0) timer.unref();
}
