import { type ErrorCode, type ErrorDetails, errnoOf, fromSystem, PondError } from '../errors.ts';

/**
 * DuckDB's errors reach JavaScript as a bare message, `Kind Error: text`, with no code
 * (@duckdb/node-api 1.5.6: `err.code` and `err.errorType` are undefined). The prefix is all there is.
 */
const KIND = /^([A-Za-z ]+?) ?Error: /;

/** What the driver puts before DuckDB's own words. */
const PREFIX = /^(?:Failure running pending result task|Failed to extract statements): /;

/** Messages that mean more than "refused", first match wins. Everything else is SQL. */
const MEANINGS: readonly { readonly match: RegExp; readonly code: ErrorCode; readonly hint?: string }[] = [
  // What extracting statements says of a text that holds none.
  {
    match: /^Error in native callback$|No statement to prepare/,
    code: 'INVALID',
    hint: 'is there a statement in the text?',
  },
  { match: /^INTERRUPT Error/, code: 'ABORTED' },
  {
    match: /transaction is launched in read-only mode|attached in read-only mode|database is read-only/i,
    code: 'READ_ONLY',
  },
  { match: /No space left on device|Disk quota exceeded|File too large/i, code: 'DISK_FULL' },
  { match: /Permission denied|Operation not permitted|Read-only file system/i, code: 'PERMISSION' },
  {
    match: /not a valid DuckDB database file|Corrupt database|checksum|Failure while replaying WAL/i,
    code: 'CORRUPT',
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

/** The offset that DuckDB's caret points at, in UTF-16 units from 0; undefined where it shows none. */
export function caretPosition(message: string, sql: string): number | undefined {
  const shown = /\nLINE (\d+): (.*)\n( *)\^/.exec(message);
  if (!shown) return undefined;
  const [, line = '1', excerpt = '', indent = ''] = shown;
  const prefix = `LINE ${line}: `.length;
  const lines = sql.split('\n');
  const lineText = lines[Number(line) - 1];
  if (lineText === undefined) return undefined;
  // A long line is shown as an excerpt between dots; find where in the line it stands.
  const core = excerpt.replace(/^\.\.\./, '').replace(/\.\.\.$/, '');
  const at = lineText.indexOf(core);
  if (at < 0) return undefined;
  const cut = excerpt.startsWith('...') ? 3 : 0;
  const before = lines.slice(0, Number(line) - 1).reduce((sum, text) => sum + text.length + 1, 0);
  return before + at + indent.length - prefix - cut;
}

/** Any error of the driver as a PondError. `sql` gives the position its meaning. */
export function fromDuckDB(error: unknown, sql = ''): PondError {
  if (error instanceof PondError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const system = errnoOf(error) === undefined ? error : fromSystem(error, 'DuckDB');
  if (system instanceof PondError) return system;
  const text = message.replace(PREFIX, '');
  const kind = KIND.exec(text)?.[1]?.replace(/Context$/, '') ?? 'Unknown';
  const firstLine = text.split('\n', 1)[0] ?? text;
  const meaning = MEANINGS.find(({ match }) => match.test(text));
  const position = caretPosition(message, sql);
  const details: ErrorDetails = {
    data: { kind, ...(position === undefined ? {} : { position }) },
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
