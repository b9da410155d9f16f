import { ERRORS, fromSystem, PondError } from '../errors.ts';
import { printError } from './print.ts';

interface FailureOptions {
  readonly json?: boolean;
  readonly debug?: boolean;
}

/** Prints any error as the command line's contract promises it. @returns the exit status */
export function reportFailure(error: unknown, options: FailureOptions): number {
  const known = fromSystem(error, 'the system says');
  const failure = known instanceof PondError ? known : internalError(error);
  printError(failure, options);
  return ERRORS[failure.code].exit;
}

/** A mistake of onepond's own. It has the code that it has on the wire, and its stack for whoever reports it. */
function internalError(error: unknown): PondError {
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? error.stack : undefined;
  return new PondError('INVALID', `internal error: ${message}`, {
    hint: 'this is a mistake in onepond: please report it, with what --debug prints',
    data: { internal: true, ...(stack && { stack }) },
    cause: error,
  });
}

/** What is thrown where no call waits for it: Node would exit with 1, which means that nothing was found. */
export function watchCrashes(options: FailureOptions): void {
  process.on('uncaughtException', (error) => process.exit(reportFailure(error, options)));
}
