import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * Statements reach each owner in the order of their numbers, also when several lose one owner at once: a BEGIN and
 * what was sent behind it must not change places.
 */
export class CallOrder {
  /** Statements that no owner has, by their numbers. */
  #unsent = new Set<number>();
  /** False while one has entered behind a later one. */
  #isSorted = true;
  #last = 0;
  readonly #waiting = new Map<number, () => void>();

  /** To be called at once when the call is made, and at once when its owner is lost. */
  enter(call: number): void {
    if (this.#unsent.size > 0 && call < this.#last) this.#isSorted = false;
    this.#last = call;
    this.#unsent.add(call);
  }

  /** Resolves when no earlier call is still to be sent. Undefined where that is so already. */
  turn(call: number, wasLost: boolean): Promise<void> | undefined {
    return wasLost || this.#first() !== call ? this.#turn(call) : undefined;
  }

  /** The call has been sent, or is over. */
  leave(call: number): void {
    this.#waiting.delete(call);
    if (!this.#unsent.delete(call) || this.#waiting.size === 0) return;
    const first = this.#first();
    if (first !== undefined) this.#waiting.get(first)?.();
  }

  async #turn(call: number): Promise<void> {
    // Those that lost the same owner enter within one turn of the loop, in any order.
    await nextTurn();
    if (this.#first() === call || !this.#unsent.has(call)) return;
    await new Promise<void>((admit) => this.#waiting.set(call, admit));
  }

  #first(): number | undefined {
    if (!this.#isSorted) this.#unsent = new Set([...this.#unsent].sort((a, b) => a - b));
    this.#isSorted = true;
    const [first] = this.#unsent;
    return first;
  }
}
