import { PondError } from '../errors.ts';

/** Ms for DuckDB to break off, and for a command to end with its own error or answer. */
export const INTERRUPT_GRACE = 1_000;

export const interrupted = (): PondError => new PondError('ABORTED', 'interrupted');

/** Settles when the signal fires, or at once where it has. */
export function fired(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done();
    else signal.addEventListener('abort', () => done(), { once: true });
  });
}

/**
 * The work, or ABORTED. What cannot be called off goes on, and ends with the process.
 * @param grace ms in which work that hears of the signal by itself may still end in its own way
 */
export function unlessInterrupted<T>(signal: AbortSignal, work: Promise<T>, grace = 0): Promise<T> {
  const stop = fired(signal)
    .then(() => new Promise((over) => setTimeout(over, grace)))
    .then(() => Promise.reject(interrupted()));
  return Promise.race([work, stop]);
}
