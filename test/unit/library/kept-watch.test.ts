import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { PondError } from '../../../src/errors.ts';
import { KeptWatch } from '../../../src/kept-watch.ts';
import type { Pond } from '../../../src/pond.ts';

/** A handle whose owner goes and comes by hand, and a watch whose requests are answered by hand. */
function handle(role: 'owner' | 'reader' = 'reader') {
  const events = new EventEmitter();
  const pond = Object.assign(events, { role }) as unknown as Pond & { role: string };
  const asked: { grant: () => void; refuse: (error: unknown) => void }[] = [];
  let heard: () => void = () => undefined;
  const told: string[] = [];
  const ask = () =>
    new Promise<void>((grant, refuse) => {
      asked.push({ grant, refuse });
      heard();
    });
  const tell = (text: string): void => {
    told.push(text);
    heard();
  };
  const watch = new KeptWatch({
    pond,
    ask,
    onLost: ({ code }, isFinal) => tell(`lost ${code}${isFinal ? ' for good' : ''}`),
    onFound: () => tell('found'),
  });
  return {
    watch,
    ask,
    told,
    asked,
    lose: () => {
      pond.role = 'electing';
      events.emit('owner-lost');
    },
    find: (next: 'owner' | 'reader') => {
      pond.role = next;
      events.emit('owner-found');
    },
    listeners: () => events.listenerCount('owner-lost') + events.listenerCount('owner-found'),
    /** The nth request, once it is made. */
    async request(nth: number) {
      while (asked.length < nth) await new Promise<void>((settle) => (heard = settle));
      return asked[nth - 1] as (typeof asked)[number];
    },
    async toldOf(count: number) {
      while (told.length < count) await new Promise<void>((settle) => (heard = settle));
      return told;
    },
  };
}

const refusal = (code: 'TIMEOUT' | 'DISK_FULL' | 'NOT_FOUND') => new PondError(code, 'no');

async function standing(role: 'owner' | 'reader' = 'reader') {
  const test = handle(role);
  const began = test.watch.begin(test.ask);
  (await test.request(1)).grant();
  await began;
  return test;
}

/** All that is due at once has run. */
const settled = () => new Promise((next) => setImmediate(next));

describe('a watch that is kept', () => {
  it('is asked of the next owner, at once when the last one goes', async () => {
    const { lose, find, request, told } = await standing();
    lose();
    const second = await request(2);
    find('reader');
    second.grant();
    // The request may have been with the owner that went: the one that came is asked too.
    (await request(3)).grant();
    await settled();
    expect(told).toEqual([]);
  });

  it('is asked again until it stands, and tells once that it is lost and once that it is found', async () => {
    const { lose, request, toldOf } = await standing();
    lose();
    (await request(2)).refuse(refusal('TIMEOUT'));
    (await request(3)).refuse(refusal('DISK_FULL'));
    (await request(4)).grant();
    expect(await toldOf(2)).toEqual(['lost TIMEOUT', 'found']);
    lose();
    (await request(5)).refuse(refusal('TIMEOUT'));
    (await request(6)).grant();
    expect(await toldOf(4)).toEqual(['lost TIMEOUT', 'found', 'lost TIMEOUT', 'found']);
  });

  it('is asked again where the owner went while it granted, the first time too', async () => {
    const { watch, ask, lose, request, asked } = handle();
    const began = watch.begin(ask);
    const first = await request(1);
    lose();
    first.grant();
    await began;
    const second = await request(2);
    lose();
    second.grant();
    (await request(3)).grant();
    await settled();
    expect(asked).toHaveLength(3);
  });

  it('ends with an error that would come again', async () => {
    const { lose, find, request, toldOf, asked, listeners } = await standing();
    lose();
    (await request(2)).refuse(refusal('NOT_FOUND'));
    expect(await toldOf(1)).toEqual(['lost NOT_FOUND for good']);
    expect(listeners()).toBe(0);
    find('reader');
    await settled();
    expect(asked).toHaveLength(2);
  });

  it('does not call back an owner of its own process that was asked to leave, until there is one again', async () => {
    const { lose, find, request, asked, told, toldOf } = await standing('owner');
    lose();
    await settled();
    expect([asked.length, told]).toEqual([1, ['lost OWNER_LOST']]);
    find('reader');
    (await request(2)).grant();
    expect(await toldOf(2)).toEqual(['lost OWNER_LOST', 'found']);
    lose();
    await request(3);
  });

  it('that never stood leaves nothing behind', async () => {
    const { watch, ask, request, listeners, told } = handle();
    const began = watch.begin(ask);
    (await request(1)).refuse(refusal('TIMEOUT'));
    await expect(began).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect([listeners(), told]).toEqual([0, []]);
  });

  it('that was ended is not asked for again', async () => {
    const { watch, lose, request, asked, listeners, told } = await standing();
    lose();
    const second = await request(2);
    watch.end();
    second.refuse(refusal('TIMEOUT'));
    await settled();
    expect([asked.length, listeners(), told]).toEqual([2, 0, []]);
  });
});
