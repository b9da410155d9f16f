import { type Outcome, PondError, withOutcome } from '../errors.ts';
import { commitsNothing, lost, openStream, succeeded, unanswered } from '../outcome.ts';
import { METHODS, type MethodName } from '../protocol.ts';
import type { Link } from './link.ts';

/** How a call is sent to the next owner: see `sent` in the table of methods. */
export type Again = 'before' | 'in-transaction';

/** A statement that so many owners have died under is not sent to another. */
const MOST_DEATHS = 2;
/** Characters of its text that its error shows. */
const SHOWN = 80;

/** What is known of one call under way: what its error reports of its effect follows from it (src/outcome.ts). */
export class CallRecord {
  readonly method: MethodName;
  /** Empty for what is no statement. */
  readonly text: string;
  /** The client's number for it. */
  readonly call: number | undefined;
  /** True for what may change data: its errors carry an outcome. */
  readonly mayWrite: boolean;
  /** True for what runs in the handle's own session, and so in its transaction. */
  readonly isInSession: boolean;
  /** A connection has taken it: an owner may have it. */
  isSent = false;
  /** Of the first owner that it was sent to: what the ledger has forgotten since is not known. */
  firstEpoch: number | undefined;
  /** How it is to be sent to the next owner, once an owner that had it is gone. */
  again: Again | undefined;
  /** A stream whose statement has run: the owner has answered `stream/open`. */
  isOpen = false;
  /** Owners that died after they had run it for a while. */
  #deaths = 0;
  /** The owner that had it last. */
  #link: Link | undefined;

  constructor(method: MethodName, params: object, isReadOnly: boolean) {
    const { sql = '', call } = params as { readonly sql?: string; readonly call?: number };
    this.method = method;
    this.text = sql;
    this.call = call;
    this.mayWrite = METHODS[method].replay === 'unless-begun' && !isReadOnly;
    this.isInSession = (method === 'query' || method === 'run') && call !== undefined;
  }

  sentOn(link: Link): void {
    this.isSent = true;
    this.firstEpoch ??= link.hello.epoch;
    this.#link = link;
  }

  /**
   * The owner went before it answered. Notes how the call may be sent again.
   * @param others other calls of the handle are under way, which may have ended its transaction
   * @param hasLasted the owner had the call for long enough to have died of it
   * @throws PondError OWNER_LOST where it may not
   */
  lostOn(link: Link, others: boolean, hasLasted: boolean): void {
    // The connection had gone before it could take the call.
    if (this.#link !== link) return;
    const { replay } = METHODS[this.method];
    if (replay === 'always') return;
    if (replay === 'never' || this.call === undefined) throw ownerLost(link, this.method, unanswered(true));
    const verdict = lost({
      begun: link.hasBegun(this.call),
      inTransaction: this.isInSession && link.inTransaction,
      mayBeOutside: others || this.again === 'before',
      text: this.text,
    });
    if (verdict !== 'before' && verdict !== 'in-transaction') throw ownerLost(link, this.method, verdict);
    if (hasLasted && !link.hasLeft && ++this.#deaths >= MOST_DEATHS) throw this.#deadly(link);
    // Sent to two owners that went: what the first of them held open is gone, whatever the second knew.
    if (this.again !== 'in-transaction') this.again = verdict;
  }

  /** It may be the reason of their death, as a result that no heap holds: the next owner is not to die of it. */
  #deadly({ hello: { pid } }: Link): PondError {
    const text = this.text.trim().replace(/\s+/g, ' ').slice(0, SHOWN);
    return new PondError(
      'OWNER_LOST',
      `${MOST_DEATHS} owners died while they ran this ${this.method}: ${text}`,
      {
        data: { outcome: unanswered(true), pid },
        hint: 'look into the log of the owners for the reason before running it again',
      },
    );
  }

  /** Its caller gave up, and its owner has answered all the same. */
  succeeded(value: unknown): Outcome {
    if (this.method === 'stream/open') return this.#ofStream();
    const { inTransaction = false } = value as { readonly inTransaction?: boolean };
    return succeeded(this.text, inTransaction);
  }

  /** The error, with what is known of the effect of the call. */
  judge(error: unknown): unknown {
    if (!this.mayWrite || !(error instanceof PondError)) return error;
    if (this.isOpen) return withOutcome(error, this.#ofStream());
    if (commitsNothing(this.text)) return withOutcome(error, unanswered(false));
    return error.data?.outcome ? error : withOutcome(error, unanswered(this.isSent));
  }

  /** An open stream whose owner went. */
  streamLost(link: Link): PondError {
    return new PondError(
      'OWNER_LOST',
      `the owner, process ${link.hello.pid}, went in the middle of a stream`,
      {
        data: { pid: link.hello.pid, outcome: this.#ofStream() },
        hint: 'the batches that came are right; start the stream again for the rest',
      },
    );
  }

  /** The call is over. */
  end(): void {
    if (this.call !== undefined) this.#link?.settle(this.call);
  }

  #ofStream(): Outcome {
    return openStream(this.#link?.hasBegun(this.call ?? -1) === true, this.text);
  }
}

function ownerLost(link: Link, method: MethodName, outcome: Outcome): PondError {
  return new PondError('OWNER_LOST', `the owner, process ${link.hello.pid}, went during ${method}`, {
    data: { outcome, pid: link.hello.pid },
    hint:
      outcome === 'unknown'
        ? 'look whether the change is there before doing it again'
        : 'it can be done again',
  });
}
