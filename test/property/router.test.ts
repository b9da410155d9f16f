import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { publishRecord } from '../../src/election/record.ts';
import { PondError } from '../../src/errors.ts';
import { pondPaths } from '../../src/paths.ts';
import { Router } from '../../src/router/router.ts';
import { socketChannel } from '../../src/transport/channel.ts';
import { type Listener, listen } from '../../src/transport/listen.ts';
import { helloFor, openPlace, type Place, VERSION } from '../contract/place.ts';

/** What a caller may believe: rows that are there, and rows of a transaction that it believes open. */
interface Model {
  rows: number[];
  /** Null outside a transaction. `lost` once its owner went and no call has told of it. */
  open: { rows: number[]; lost: boolean } | null;
  next: number;
}

/** A router, and a succession of owners on its socket. */
class Real {
  readonly #place: Place;
  readonly router: Router;
  readonly #sockets = new Set<Socket>();
  #listener: Listener | undefined;

  constructor(place: Place) {
    this.#place = place;
    const hello = { ...helloFor(place), client: randomUUID() };
    const paths = pondPaths(place.database.path);
    this.router = new Router({ paths, version: VERSION, config: {}, timeout: 10_000, alone: false, hello });
  }

  async serve(): Promise<void> {
    const { owner, socket, record, database } = this.#place;
    this.#listener = await listen(socket, (accepted) => {
      this.#sockets.add(accepted);
      owner.receive(socketChannel(accepted, { pauseWhenFull: true }));
    });
    publishRecord(pondPaths(database.path), record);
  }

  /** The connection breaks, and its owner lives on: what it was doing it may have done. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  async replace(): Promise<void> {
    this.#listener?.close();
    this.cut();
    await this.#place.restart();
    await this.serve();
  }

  async end(): Promise<void> {
    await this.router.close();
    this.#listener?.close();
  }

  run(sql: string): Promise<{ rowsChanged: number }> {
    return this.router.call('run', { sql, call: this.router.nextCall() });
  }

  async rows(): Promise<number[]> {
    const { rows } = await this.router.call('query', {
      sql: 'SELECT n FROM t ORDER BY n',
      call: this.router.nextCall(),
    });
    return rows.map(([n]) => n as number);
  }
}

type Step = fc.AsyncCommand<Model, Real>;
const sorted = (rows: readonly number[]): number[] => [...rows].sort((a, b) => a - b);

/** A call that must hear of a transaction that went, once; any other must succeed. */
async function told(model: Model, call: () => Promise<unknown>): Promise<boolean> {
  if (!model.open?.lost) {
    await call();
    return false;
  }
  model.open = null;
  await expect(call()).rejects.toMatchObject({ code: 'OWNER_LOST', data: { outcome: 'not-committed' } });
  return true;
}

const step = (name: string, check: (model: Readonly<Model>) => boolean, run: Step['run']): Step => ({
  check,
  run,
  toString: () => name,
});
const always = (): boolean => true;
const outside = ({ open }: Readonly<Model>): boolean => open === null;

const STEPS: readonly fc.Arbitrary<Step>[] = [
  fc.constant(
    step('insert', always, async (model, real) => {
      const n = model.next++;
      if (await told(model, () => real.run(`INSERT INTO t VALUES (${n})`))) return;
      (model.open?.rows ?? model.rows).push(n);
    }),
  ),
  fc.constant(
    step('read', always, async (model, real) => {
      let rows: number[] = [];
      if (await told(model, async () => (rows = await real.rows()))) return;
      expect(rows).toEqual(sorted([...model.rows, ...(model.open?.rows ?? [])]));
    }),
  ),
  fc.constant(
    step('begin', outside, async (model, real) => {
      await real.run('BEGIN');
      model.open = { rows: [], lost: false };
    }),
  ),
  fc.constantFrom('COMMIT', 'ROLLBACK').map((end) =>
    step(
      end,
      ({ open }) => open !== null,
      async (model, real) => {
        const rows = model.open?.rows ?? [];
        if (await told(model, () => real.run(end))) return;
        if (end === 'COMMIT') model.rows.push(...rows);
        model.open = null;
      },
    ),
  ),
  fc.constantFrom('cut', 'replace').map((how) =>
    step(how, always, async (model, real) => {
      if (how === 'cut') real.cut();
      else await real.replace();
      if (model.open) model.open.lost = true;
    }),
  ),
  fc.tuple(fc.integer({ min: 1, max: 5 }), fc.constantFrom('cut', 'replace')).map(([count, how]) =>
    step(`${how} under ${count} inserts`, outside, async (model, real) => {
      const values = Array.from({ length: count }, () => model.next++);
      const calls = values.map((n) => real.run(`INSERT INTO t VALUES (${n})`));
      const all = Promise.all(calls);
      if (how === 'cut') real.cut();
      else await real.replace();
      expect((await all).map(({ rowsChanged }) => rowsChanged)).toEqual(values.map(() => 1));
      model.rows.push(...values);
    }),
  ),
  fc.constantFrom('cut', 'replace').map((how) =>
    step(`${how} under a commit`, outside, async (model, real) => {
      const n = model.next++;
      await real.run('BEGIN');
      await real.run(`INSERT INTO t VALUES (${n})`);
      const commit = real.run('COMMIT').then(
        () => true,
        (error: unknown) => {
          expect(error).toBeInstanceOf(PondError);
          expect(error).toMatchObject({ code: 'OWNER_LOST', data: { outcome: 'not-committed' } });
          return false;
        },
      );
      if (how === 'cut') real.cut();
      else await real.replace();
      if (await commit) model.rows.push(n);
    }),
  ),
];

describe('the router, against a model of what its caller may believe', () => {
  it('does each write once and tells of each lost transaction, whatever happens to its owners', async () => {
    const sequences = fc.commands([...STEPS], { maxCommands: 30 });
    await fc.assert(
      fc.asyncProperty(sequences, async (commands) => {
        const real = new Real(await openPlace());
        onTestFinished(() => real.end());
        await real.serve();
        await real.run('CREATE TABLE t (n INTEGER)');
        const model: Model = { rows: [], open: null, next: 1 };
        await fc.asyncModelRun(() => ({ model, real }), commands);
        if (model.open) await real.run('ROLLBACK').catch(() => undefined);
        expect(await real.rows()).toEqual(sorted(model.rows));
        await real.end();
      }),
      { numRuns: 25 },
    );
  });
});
