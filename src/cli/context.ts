import type { CallLimits } from '../shapes.ts';

/** The options that every command takes. */
export interface GlobalOptions {
  readonly db?: string;
  readonly json?: boolean;
  /** Ms. */
  readonly timeout?: number;
  readonly quiet?: boolean;
  /** False with --no-color. */
  readonly color?: boolean;
  readonly debug?: boolean;
}

/** What a command is given to work with. */
export interface Context {
  readonly options: GlobalOptions;
  /** Fires at the first interrupt; the second ends the process. */
  readonly signal: AbortSignal;
  readonly limits: CallLimits;
}

/** A command's work; resolves to the exit status. */
export type Run = (
  context: Context,
  args: readonly string[],
  options: Readonly<Record<string, unknown>>,
) => Promise<number>;

/** Exit statuses beside those of the error codes. */
export const EXIT = { done: 0, nothingFound: 1, usage: 2, tryLater: 75 } as const;
