import { once } from 'node:events';
import { ERRORS, errnoOf, fromSystem, PondError } from '../errors.ts';
import { visible } from './visible.ts';

/** The one place that prints. Data goes to stdout; everything for people goes to stderr. */

/** Writes data and waits while the reader of a pipe is behind. */
export async function print(text: string): Promise<void> {
  if (process.stdout.destroyed) return;
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}

export const printJson = (value: unknown): Promise<void> => print(`${JSON.stringify(value)}\n`);

export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** What people see below the message of an error, such as the line of SQL that it is about. */
const details = new WeakMap<PondError, string>();

export function addDetail(error: PondError, lines: string): void {
  details.set(error, lines);
}

/** One line, and a second one for the next step; with --json one object. `debug` adds the stack. */
export function printError(error: PondError, { json = false, debug = false }): void {
  const { code, message, hint, data } = error;
  const cause = error.cause instanceof Error ? error.cause : error;
  const stack = debug ? { stack: cause.stack } : {};
  if (json) {
    note(
      JSON.stringify({ error: { code, message, ...(hint && { hint }), ...(data && { data }), ...stack } }),
    );
    return;
  }
  note(`onepond: ${visible(message)} (${code})`);
  const detail = details.get(error);
  if (detail) note(detail);
  if (hint) note(`  hint: ${visible(hint)}`);
  if (debug) note(String(cause.stack));
}

/**
 * A reader that has seen enough (`| head`) is no error, and neither is a terminal that is gone. All else is: what
 * was to be written is lost.
 */
export function watchOutput(options: { readonly json: boolean }): void {
  process.stdout.on('error', (error) => {
    if (errnoOf(error) === 'EPIPE') process.exit(0);
    const known = fromSystem(error, 'stdout');
    const failure =
      known instanceof PondError ? known : new PondError('PERMISSION', `stdout: ${error.message}`);
    printError(failure, options);
    process.exit(ERRORS[failure.code].exit);
  });
  process.stderr.on('error', () => undefined);
}

/** Whether people read stderr: progress is for them alone. */
export const isWatched = (): boolean => process.stderr.isTTY === true;
