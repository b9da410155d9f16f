import { PondError } from '../errors.ts';
import { beginsTransaction, isCommit, isRollback, unanswered } from '../outcome.ts';

/**
 * The handle's explicit transaction, after it went with its owner. Its caller may not know yet, or may have caught
 * the error: every statement is refused until one that ends the transaction, so that none commits by itself.
 */
export class LostTransaction {
  #state: 'none' | 'lost' | 'told' = 'none';

  get isLost(): boolean {
    return this.#state !== 'none';
  }

  lose(): void {
    if (this.#state === 'none') this.#state = 'lost';
  }

  /** A statement has ended in OWNER_LOST for it. */
  tell(): void {
    if (this.#state === 'lost') this.#state = 'told';
  }

  /** Its end was found in the ledger, or was not: its caller is told of either. */
  end(): void {
    this.#state = 'none';
  }

  /**
   * Lets a statement through where nothing is lost.
   * @returns `ended` for a ROLLBACK of what is gone: nothing is left to do
   * @throws PondError OWNER_LOST, not committed
   */
  admit(text: string): 'send' | 'ended' {
    if (this.#state === 'none') return 'send';
    // A caller that knows begins anew; one that does not must not have its transaction vanish without a word.
    const beginsAnew = this.#state === 'told' && beginsTransaction(text);
    this.tell();
    if (beginsAnew || isRollback(text) || isCommit(text)) this.end();
    if (beginsAnew) return 'send';
    if (isRollback(text)) return 'ended';
    throw new PondError('OWNER_LOST', 'the owner went, and with it the open transaction', {
      data: { outcome: unanswered(false) },
      hint: 'ROLLBACK, and begin the transaction again',
    });
  }
}
