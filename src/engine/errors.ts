import { type ErrorCode, type ErrorDetails, errnoOf, fromSystem, PondError } from '../errors.ts';
import { readError } from './error-text.ts';

/** Kinds whose messages quote the caller's own text and values: those words mean nothing. */
const QUOTING = /^(?:Parser|Conversion|Constraint|Out of Range)$/;

interface Meaning {
  readonly match: RegExp;
  readonly code: ErrorCode;
  readonly hint?: string;
  /** Kinds that quote in this case as well. */
  readonly not?: string;
}

/** Messages that mean more than "refused", first match wins. Everything else is SQL. */
const MEANINGS: readonly Meaning[] = [
  // What extracting statements says of a text that holds none.
  {
    match: /^Error in native callback$|No statement to prepare/,
    code: 'INVALID',
    hint: 'is there a statement in the text?',
  },
  { match: /^INTERRUPT Error/, code: 'ABORTED' },
  {
    match: /Schema with name "?_onepond"? already exists/i,
    code: 'SQL',
    hint: "the schema _onepond is onepond's own in every file; copy the other tables by their names",
  },
  {
    match: /transaction is launched in read-only mode|attached in read-only mode|database is read-only/i,
    code: 'READ_ONLY',
  },
  {
    match: /No space left on device|Disk quota exceeded|File too large/i,
    code: 'DISK_FULL',
    not: 'Invalid Input',
  },
  {
    match: /Permission denied|Operation not permitted|Read-only file system/i,
    code: 'PERMISSION',
    not: 'Invalid Input',
  },
  {
    match: /not a valid DuckDB database file|Corrupt database|checksum|Failure while replaying WAL/i,
    code: 'CORRUPT',
    not: 'Invalid Input',
    hint: 'the file is left as it was; restore a copy, or name another file',
  },
  {
    match: /Trying to read a database file with version number|created with a newer|version_number/i,
    code: 'CORRUPT',
    hint: 'a newer DuckDB made this file; use a onepond built on that version',
  },
];

/** Thrown while another process holds the kernel lock on a file that is to be opened. */
export class HeldError extends Error {
  /** 0 where the kernel does not tell, as across containers. */
  readonly pid: number;
  constructor(pid: number) {
    super(`the database file is held by process ${pid}`);
    this.pid = pid;
  }
}

/** The pid of the process that holds the file, 0 where DuckDB cannot tell, null where it is not held. */
export function heldBy(error: unknown): number | null {
  const message = error instanceof Error ? error.message : '';
  if (!message.includes('Could not set lock on file')) return null;
  return Number(/\(PID (\d+)\)/.exec(message)?.[1] ?? 0);
}

/** True where DuckDB says of a statement that it would write, in a transaction that may not. */
export function isRefusedWrite(error: unknown): boolean {
  return error instanceof Error && error.message.includes('transaction is launched in read-only mode');
}

/** True where preparing a statement has called a sequence: see engine/statements.ts. */
export function writesInBinding(error: unknown): boolean {
  return error instanceof Error && error.message.includes('is read-only but has made changes');
}

/**
 * Any error of the driver as a PondError.
 * @param sql the statement's text, which gives the position its meaning
 * @param start where it stands in the caller's text
 */
export function fromDuckDB(error: unknown, sql = '', start = 0): PondError {
  if (error instanceof PondError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const system = errnoOf(error) === undefined ? error : fromSystem(error, 'DuckDB');
  if (system instanceof PondError) return system;
  const { kind, text, position } = readError(message, sql);
  const firstLine = text.split('\n', 1)[0] ?? text;
  const meaning = QUOTING.test(kind)
    ? undefined
    : MEANINGS.find(({ match, not }) => kind !== not && match.test(text));
  const details: ErrorDetails = {
    data: { kind, ...(position === undefined ? {} : { position: start + position }) },
    cause: error,
    ...hintOf(text, meaning?.hint),
  };
  return new PondError(meaning?.code ?? 'SQL', firstLine, details);
}

function hintOf(text: string, known: string | undefined): { hint?: string } {
  if (known !== undefined) return { hint: known };
  const suggestion = /\n((?:Did you mean|Candidate bindings)[^\n]*)/.exec(text)?.[1];
  return suggestion === undefined ? {} : { hint: suggestion };
}
