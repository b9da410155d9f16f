import type { Session } from './session.ts';

/** How long a session must have lasted to be worth warming, in ms: a CLI call is over by then. */
const SETTLED_MS = 400;

/** Willing ones come after those that ask for it; those that refuse do not come at all. */
const RANK = { prefer: 0, willing: 1, never: Number.POSITIVE_INFINITY } as const;

/**
 * Names the one reader that takes over next, and tells all where it will listen. It alone loads DuckDB ahead of
 * time; the others dial it when the owner goes, so nobody contends and nobody polls.
 */
export class Successor {
  readonly #sessions: ReadonlySet<Session>;
  #named: Session | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(sessions: ReadonlySet<Session>) {
    this.#sessions = sessions;
  }

  /** Looks again, after every session that came or went. The one that is named stays while it lives. */
  choose(): void {
    if (this.#named && this.#sessions.has(this.#named)) {
      this.#announce();
      return;
    }
    const [best] = [...this.#sessions]
      .filter(eligible)
      .sort((a, b) => rank(a) - rank(b) || a.began - b.began);
    this.#named = undefined;
    if (!best) return;
    const wait = best.began + SETTLED_MS - performance.now();
    clearTimeout(this.#timer);
    if (wait > 0) {
      this.#timer = setTimeout(() => this.choose(), wait).unref();
      return;
    }
    this.#named = best;
    this.#announce();
  }

  /** Puts one in the place of whoever was named. */
  name(session: Session): void {
    this.#named = session;
    this.#announce();
  }

  /** Each session is told once of each successor, and again when it has begun to listen. */
  #announce(): void {
    const named = this.#named;
    if (!named) return;
    for (const session of this.#sessions) session.tellSuccessor(named);
  }
}

const rank = (session: Session): number => RANK[session.hello?.candidate ?? 'never'];

/** Another thread of the owner's own process would go with it. */
const eligible = (session: Session): boolean =>
  rank(session) !== Number.POSITIVE_INFINITY && session.hello?.pid !== process.pid;
