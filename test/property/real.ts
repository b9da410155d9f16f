import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { publishRecord } from '../../src/election/record.ts';
import { pondPaths } from '../../src/paths.ts';
import { Router, type RouterOptions } from '../../src/router/router.ts';
import type { CallLimits } from '../../src/shapes.ts';
import { RoutedStatements } from '../../src/statements.ts';
import { Transactions } from '../../src/transaction.ts';
import { socketChannel } from '../../src/transport/channel.ts';
import { type Listener, listen } from '../../src/transport/listen.ts';
import { helloFor, type Place, VERSION } from '../contract/place.ts';

/** How the owner is lost: its connections break and it lives on, or another one follows. */
export type Loss = 'cut' | 'replace';
export const LOSSES: readonly Loss[] = ['cut', 'replace'];

/** A handle, and a succession of owners on its socket. */
export class Real {
  readonly #place: Place;
  readonly router: Router;
  readonly statements: RoutedStatements;
  readonly transactions: Transactions;
  readonly #sockets = new Set<Socket>();
  #listener: Listener | undefined;
  #isEnded = false;

  constructor(place: Place) {
    this.#place = place;
    const hello = { ...helloFor(place), client: randomUUID(), confirms: true };
    const paths = pondPaths(place.database.path);
    const options: RouterOptions = {
      paths,
      version: VERSION,
      config: {},
      timeout: 10_000,
      alone: false,
      hello,
    };
    this.router = new Router(options);
    this.statements = new RoutedStatements(this.router);
    this.transactions = new Transactions(options);
  }

  async serve(): Promise<void> {
    const { owner, socket, record, database } = this.#place;
    this.#listener = await listen(socket, (accepted) => {
      this.#sockets.add(accepted);
      owner.receive(socketChannel(accepted, { pauseWhenFull: true }));
    });
    publishRecord(pondPaths(database.path), record);
  }

  /** The connections break, and their owner lives on: what it was doing it may have done. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  async lose(how: Loss): Promise<void> {
    if (how === 'cut') return this.cut();
    this.#listener?.close();
    this.cut();
    await this.#place.restart();
    await this.serve();
  }

  async end(): Promise<void> {
    if (this.#isEnded) return;
    this.#isEnded = true;
    await Promise.all([this.router.close(), this.transactions.close()]);
    this.#listener?.close();
  }

  run(sql: string, limits?: CallLimits): Promise<{ rowsChanged: number }> {
    return this.statements.run(sql, undefined, limits);
  }

  async rows(): Promise<number[]> {
    return (await this.statements.query('SELECT n FROM t ORDER BY n')).map(({ n }) => n);
  }

  /** What was under way in the owner has come to its end. */
  settled(): Promise<void> {
    return this.#place.restart();
  }

  /** The rows as the database has them, by no router. */
  async truth(): Promise<number[]> {
    const connection = await this.#place.database.driverConnection();
    const result = await connection.run('SELECT n FROM t ORDER BY n');
    const rows = await result.getRowsJS();
    connection.closeSync();
    return rows.map(([n]) => n as number);
  }
}

/** Turns of the loop: a moment within a call that no clock can name. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await nextTurn();
}
