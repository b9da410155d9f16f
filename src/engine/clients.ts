import type { Done } from './ledger.ts';

/** Clients without a connection whose calls are remembered. */
const REMEMBERED = 1000;
/** Calls remembered of a client that settles none. */
const CALLS = 4096;

/**
 * One session of a client, as its other sessions see it. A client that lost a connection sends its calls again by
 * another, while the owner may still have frames of the first one to read.
 */
export class Presence {
  #calls = 0;
  #isOpen = true;
  #inTransaction = false;
  #waiting: (() => void)[] = [];

  get #isQuiet(): boolean {
    return !this.#isOpen || (this.#calls === 0 && !this.#inTransaction);
  }

  async during<T>(call: () => Promise<T>, inTransaction: () => boolean): Promise<T> {
    this.#calls++;
    try {
      return await call();
    } finally {
      this.#calls--;
      this.#inTransaction = inTransaction();
      this.#settle();
    }
  }

  close(): void {
    this.#isOpen = false;
    this.#settle();
  }

  /** Settles when nothing of the session is under way and it is in no transaction, or when it is closed. */
  async quiet(): Promise<void> {
    while (!this.#isQuiet) await new Promise<void>((settle) => this.#waiting.push(settle));
  }

  #settle(): void {
    if (!this.#isQuiet) return;
    for (const settle of this.#waiting.splice(0)) settle();
  }
}

/** Notes a call that was done. */
export function remember({ calls }: RememberedClient, call: number, done: Done): void {
  calls.set(call, done);
  const [oldest] = calls.keys();
  if (calls.size > CALLS && oldest !== undefined) calls.delete(oldest);
}

/** What the owner remembers of a client. */
export interface RememberedClient {
  /** Calls that were done under this ownership and that the client has not settled. */
  readonly calls: Map<number, Done>;
  /** The client has the answer of every call up to this number: a frame of one is a late frame, and is not run. */
  settled: number;
  /** Connections by which a late frame may come. */
  connections: number;
  /** In the order in which they were opened. */
  readonly sessions: Set<Presence>;
}

/** The clients of one ownership. One without a connection is forgotten when many came after it. */
export class Clients {
  readonly #byName = new Map<string, RememberedClient>();

  of(name: string): RememberedClient {
    const client = this.#byName.get(name) ?? {
      calls: new Map(),
      settled: -1,
      connections: 0,
      sessions: new Set(),
    };
    // The longest silent client goes first.
    this.#byName.delete(name);
    this.#byName.set(name, client);
    if (this.#byName.size > REMEMBERED) this.#forgetOldest();
    return client;
  }

  /** A connection of this client was accepted; the returned function is for its end. */
  connect(name: string): () => void {
    const client = this.of(name);
    client.connections++;
    return () => {
      client.connections--;
    };
  }

  open(name: string): Presence {
    const { sessions } = this.of(name);
    const presence = new Presence();
    sessions.add(presence);
    return presence;
  }

  close(name: string, presence: Presence): void {
    presence.close();
    this.#byName.get(name)?.sessions.delete(presence);
  }

  #forgetOldest(): void {
    for (const [name, { connections, sessions }] of this.#byName) {
      if (connections > 0 || sessions.size > 0) continue;
      this.#byName.delete(name);
      return;
    }
  }
}
