import { PondError } from './errors.ts';

/**
 * Lets `width` callers in at a time, in the order they came. A caller whose signal fires while it waits leaves
 * the queue with ABORTED and never runs.
 */
export class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(width = 1) {
    this.#free = width;
  }

  /** True where a caller would be let in at once. */
  get hasFree(): boolean {
    return this.#free > 0;
  }

  async take<T>(run: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    await this.#enter(signal);
    try {
      return await run();
    } finally {
      this.#free++;
      this.#admit();
    }
  }

  #enter(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((admitted, refused) => {
      const leave = (): void => {
        const at = this.#waiting.indexOf(enter);
        if (at >= 0) this.#waiting.splice(at, 1);
        refused(new PondError('ABORTED', 'the call was aborted before it began'));
      };
      const enter = (): void => {
        signal?.removeEventListener('abort', leave);
        admitted();
      };
      if (signal?.aborted) return leave();
      signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.push(enter);
      this.#admit();
    });
  }

  #admit(): void {
    while (this.#free > 0) {
      const next = this.#waiting.shift();
      if (!next) return;
      this.#free--;
      next();
    }
  }
}
