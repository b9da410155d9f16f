import { type Outcome, PondError } from '../errors.ts';

/** How long what was interrupted may take to come back, in ms: less than a router waits for it (router/budget.ts). */
const COME_BACK_MS = 300;

/**
 * The answer of a statement, or ABORTED where it does not come back though its signal has fired: it waits for a pipe,
 * or for a disk, and no interrupt reaches it. It goes on by itself, and keeps what it runs on.
 * @param outcome what is known of its effect by then
 */
export function orGiveUp<T>(work: Promise<T>, signal: AbortSignal, outcome: () => Outcome): Promise<T> {
  return new Promise((settled, failed) => {
    let timer: NodeJS.Timeout | undefined;
    const giveUp = (): void =>
      failed(
        new PondError('ABORTED', 'the statement cannot be interrupted', { data: { outcome: outcome() } }),
      );
    const wait = (): void => {
      timer = setTimeout(giveUp, COME_BACK_MS);
    };
    if (signal.aborted) wait();
    else signal.addEventListener('abort', wait, { once: true });
    work.then(settled, failed).finally(() => {
      clearTimeout(timer);
      signal.removeEventListener('abort', wait);
    });
  });
}
