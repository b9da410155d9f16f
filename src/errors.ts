import { nextStep } from './permission.ts';

/**
 * The closed list of error codes. Each row says what the code tells a caller and how the CLI exits with it.
 * The table is the contract: a code is never renamed, and nothing is thrown at a user without one.
 */
export const ERRORS = {
  /** The owner went and the call could not be sent again; `data.outcome` says what is known of its effect. */
  OWNER_LOST: { exit: 75 },
  /** An owner holds the file and did not answer by the deadline; `data.pid`. */
  OWNER_UNRESPONSIVE: { exit: 75 },
  /** The file is held by a program that is not onepond, or by an owner whose socket cannot be reached; `data.pid`. */
  OWNER_UNREACHABLE: { exit: 75 },
  /** The deadline passed; `data.outcome` for writes. */
  TIMEOUT: { exit: 75 },
  /** The caller's signal; `name` is `AbortError`. */
  ABORTED: { exit: 130 },
  /** Owner and reader speak different protocol versions. */
  PROTOCOL_MISMATCH: { exit: 2 },
  /** A write on a read-only handle or file. */
  READ_ONLY: { exit: 2 },
  /** DuckDB refused the statement; `data.kind`, `data.position` where known. */
  SQL: { exit: 2 },
  /** Bad params, path, pattern, option or message. */
  INVALID: { exit: 2 },
  /** A message or a result over its limit. */
  TOO_LARGE: { exit: 2 },
  /** No such file, project or index. */
  NOT_FOUND: { exit: 2 },
  /** Not a DuckDB file, an unreadable WAL, an unknown index version. */
  CORRUPT: { exit: 2 },
  /** The machine has no room. */
  DISK_FULL: { exit: 2 },
  /** The machine said no. */
  PERMISSION: { exit: 2 },
  /** The handle was closed. */
  CLOSED: { exit: 2 },
} as const;

export type ErrorCode = keyof typeof ERRORS;

/** What is known of a write's effect when its answer did not come. */
export type Outcome = 'committed' | 'not-committed' | 'unknown';

export interface ErrorData {
  readonly outcome?: Outcome;
  readonly pid?: number;
  /** DuckDB's own name for the error: `Parser`, `Catalog`, `Binder`, `Constraint`, … */
  readonly kind?: string;
  /** Offset into the statement, in UTF-16 code units, from 0. */
  readonly position?: number;
  readonly [extra: string]: unknown;
}

export interface ErrorDetails {
  readonly hint?: string;
  readonly data?: ErrorData;
  readonly cause?: unknown;
}

/** The one error that onepond raises. `message` is one line; `hint`, where there is one, names the next step. */
export class PondError extends Error {
  readonly code: ErrorCode;
  readonly hint?: string;
  readonly data?: ErrorData;

  constructor(code: ErrorCode, message: string, { hint, data, cause }: ErrorDetails = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = code === 'ABORTED' ? 'AbortError' : 'PondError';
    this.code = code;
    if (hint !== undefined) this.hint = hint;
    if (data !== undefined) this.data = data;
  }
}

/** The same error, with what is known of the effect of the call. */
export function withOutcome(error: unknown, outcome: Outcome): unknown {
  return error instanceof PondError ? again(error, { ...error.data, outcome }) : error;
}

/**
 * The same error, with the stack of where it is called: a function that is awaited all the way up to the program, so
 * that V8 shows the program's own frames. Where the error came from there is only the end of a socket to see, and
 * one error may end the calls of many.
 */
export function here(error: unknown): unknown {
  // What the system refused on the way, wherever that was, is no raw error to a user.
  const known = fromSystem(error, 'the database');
  return known instanceof PondError ? again(known, known.data) : known;
}

function again({ code, message, hint, cause }: PondError, data: ErrorData | undefined): PondError {
  return new PondError(code, message, { ...(hint && { hint }), ...(data && { data }), cause });
}

/** A PondError as it travels: the `data` member of a JSON-RPC error. */
export interface WireError {
  readonly code: ErrorCode;
  readonly hint?: string;
  readonly data?: ErrorData;
}

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERRORS, value);
}

/** The `errno` names that say the machine refused, and what they are here. */
const ERRNO: Readonly<Record<string, ErrorCode>> = {
  EACCES: 'PERMISSION',
  EPERM: 'PERMISSION',
  EROFS: 'PERMISSION',
  ENOSPC: 'DISK_FULL',
  EDQUOT: 'DISK_FULL',
  EFBIG: 'DISK_FULL',
  ENOENT: 'NOT_FOUND',
  ENOTDIR: 'NOT_FOUND',
  EISDIR: 'INVALID',
  ENAMETOOLONG: 'INVALID',
  ELOOP: 'INVALID',
};

/** Node's `err.code`, or undefined where the value is no system error. */
export function errnoOf(error: unknown): string | undefined {
  // Not `instanceof Error`: under Jest the file system throws errors of another realm.
  const code =
    typeof error === 'object' && error !== null ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** A system error under the code a user can rely on; any other error is returned as it is. */
export function fromSystem(error: unknown, what: string): unknown {
  const errno = errnoOf(error);
  if (errno === undefined || !Object.hasOwn(ERRNO, errno) || error instanceof PondError) return error;
  const code = ERRNO[errno] as ErrorCode;
  const { message, path } = error as NodeJS.ErrnoException;
  const hint = code === 'PERMISSION' && path !== undefined ? nextStep(path) : undefined;
  return new PondError(code, `${what}: ${message}`, { cause: error, ...(hint !== undefined && { hint }) });
}
