import { type Outcome, PondError } from './errors.ts';

/**
 * The one rule for `data.outcome`: what was sent, what had begun and what was answered decide it. `not-committed` is
 * reported only where it is certain. `specs/exactly-once.md` has the table, with the test of each row.
 */

/** What a call shows of itself to a client, which has no parser. */

/** Words without which no text ends a transaction (DuckDB 1.5.6: PREPARE refuses COMMIT and its like). */
const ENDING = /\b(?:commit|end|rollback|abort|import)\b/i;
const ROLLING_BACK = /\b(?:rollback|abort|import)\b/i;
const OPENING = /\b(?:begin|start|import)\b/i;

/** What may stand before and between the words of a statement. */
const GAP = String.raw`(?:\s|--[^\n]*(?:\n|$)|/\*(?:[^*]|\*(?!/))*\*/)`;
const ONLY = (words: string): RegExp =>
  new RegExp(`^${GAP}*(?:${words})(?:${GAP}+(?:transaction|work))?(?:${GAP}|;)*$`, 'i');
const ROLLBACK = ONLY('rollback|abort');
const COMMIT = ONLY('commit|end');
const ONLY_BEGIN = ONLY('begin|start');
const BEGIN = new RegExp(`^(?:${GAP}|;)*(?:begin|start)\\b`, 'i');

/** True for a text that certainly leaves the transaction open in which it runs. */
export const staysInside = (text: string): boolean => !ENDING.test(text);
/** True for a text that may end a transaction and leave another one open. */
export function mayReopen(text: string): boolean {
  const end = text.search(ENDING);
  if (/\bimport\b/i.test(text)) return true;
  const next = end < 0 ? -1 : text.indexOf(';', end);
  return next >= 0 && OPENING.test(text.slice(next));
}
/** True for a text that is one ROLLBACK, and nothing else. */
export const isRollback = (text: string): boolean => ROLLBACK.test(text);
/** True for a text that is one COMMIT, and nothing else. */
export const isCommit = (text: string): boolean => COMMIT.test(text);
/** True for a text whose first statement begins a transaction. */
export const beginsTransaction = (text: string): boolean => BEGIN.test(text);

/** True for a text that is one BEGIN or one ROLLBACK: whatever became of it, it has committed nothing. */
export const commitsNothing = (text: string): boolean => ROLLBACK.test(text) || ONLY_BEGIN.test(text);

// -- the client's side --------------------------------------------------------------------------------------------

/** The call ended without a word from its owner. */
export const unanswered = (isSent: boolean): Outcome => (isSent ? 'unknown' : 'not-committed');

/** The caller gave up, and the call succeeded all the same. */
export function succeeded(text: string, inTransaction: boolean): Outcome {
  // What is inside a transaction is its COMMIT's affair, and what was rolled back is not there.
  return inTransaction || ROLLING_BACK.test(text) ? 'unknown' : 'committed';
}

export interface Lost {
  /** The owner had announced that the call begins: no ledger records what it does. */
  readonly begun: boolean;
  /** The session was inside an explicit transaction, which is gone with its owner. */
  readonly inTransaction: boolean;
  /** It was sent outside that transaction before, or beside another call that may have ended it. */
  readonly mayBeOutside: boolean;
  readonly text: string;
}

/**
 * The owner went before it answered: an outcome, or how the call is sent to the next owner. `in-transaction`: only
 * to be looked up, since what the ledger does not have went with the transaction.
 */
export function lost({
  begun,
  inTransaction,
  mayBeOutside,
  text,
}: Lost): Outcome | 'before' | 'in-transaction' {
  if (begun) return 'unknown';
  if (!inTransaction) return 'before';
  return mayBeOutside || !staysInside(text) ? 'in-transaction' : 'not-committed';
}

/** A stream that has opened fails at a later batch. A statement that writes is done when the stream is open. */
export function openStream(begun: boolean, text: string): Outcome {
  if (!begun) return 'not-committed';
  return OPENING.test(text) || ENDING.test(text) ? 'unknown' : 'committed';
}

/** transaction() fails before its COMMIT was sent. Its session is rolled back or closed. */
export const uncommitted = (mayHaveEnded: boolean): Outcome => (mayHaveEnded ? 'unknown' : 'not-committed');

// -- the owner's side ---------------------------------------------------------------------------------------------

export interface Failure {
  /** An earlier statement of the text has changed something, or may have. */
  readonly changed: boolean;
  /** Of the statement that was running; absent before the first one. */
  readonly kind?: 'read' | 'session' | 'write' | 'transaction' | 'outside' | undefined;
  /** An interrupt may have reached the statement's own commit: DuckDB then reports INTERRUPT of what is committed. */
  readonly commitsItself?: boolean;
}

/** A text fails in the owner. */
export function failed(error: unknown, { changed, kind, commitsItself = false }: Failure): Outcome {
  if (changed) return 'unknown';
  const { code, data } = error instanceof PondError ? error : { code: undefined, data: undefined };
  if (data?.outcome) return data.outcome;
  if (kind === undefined || kind === 'read' || kind === 'session') return 'not-committed';
  // After those two kinds of error DuckDB itself does not say what is in the file.
  if (code === undefined || data?.kind === 'FATAL' || data?.kind === 'INTERNAL') return 'unknown';
  if (kind === 'outside') return 'unknown';
  return commitsItself && code === 'ABORTED' ? 'unknown' : 'not-committed';
}

/** The owner refuses a call before it has looked for it in its ledger. An earlier owner may have done it. */
export const refused = (wasSentBefore: boolean): Outcome => unanswered(wasSentBefore);
