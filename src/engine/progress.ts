import { withOutcome } from '../errors.ts';
import { type Failure, failed } from '../outcome.ts';
import type { Kind } from './kinds.ts';

/** How far one text has come: what its error reports of its effect follows from it (src/outcome.ts). */
export class Progress {
  #changed: boolean;
  #at: Omit<Failure, 'changed'> = {};

  /** @param changed an earlier owner has done statements of the text */
  constructor(changed = false) {
    this.#changed = changed;
  }

  /** A statement is about to run. {@link done} follows where it succeeds. */
  begin(kind: Kind, commitsItself = false): void {
    this.#at = { kind, commitsItself };
  }

  /** @param isOpening it has opened a transaction, which changes nothing */
  done(isOpening: boolean): void {
    const { kind } = this.#at;
    this.#changed ||= kind === 'write' || kind === 'outside' || (kind === 'transaction' && !isOpening);
    this.#at = {};
  }

  /** The error in which the text ends. */
  judge(error: unknown): unknown {
    return withOutcome(error, failed(error, { changed: this.#changed, ...this.#at }));
  }
}
