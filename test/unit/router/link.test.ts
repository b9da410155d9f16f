import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { HelloParams } from '../../../src/protocol.ts';
import { Link } from '../../../src/router/link.ts';
import { ConnectionLost, type Peer } from '../../../src/transport/peer.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

interface Asked {
  readonly method: string;
  readonly answer: (value: unknown) => void;
  readonly lose: () => void;
}

/** A link to an owner that answers hello, pings where `pongs` says so, and nothing else until it is told to. */
async function linked(pongs: boolean) {
  const asked: Asked[] = [];
  const listeners = new Map<string, (value: never) => void>();
  let heard = 0;
  let closed: () => void = () => undefined;
  const peer: Peer = {
    request: (method: string) =>
      new Promise<never>((settled, failed) => {
        const answer = (value: unknown): void => {
          heard++;
          settled(value as never);
        };
        asked.push({ method, answer, lose: () => failed(new ConnectionLost()) });
        if (method === 'hello' || (method === 'ping' && pongs)) answer({ pid: 4242, epoch: 1 });
      }),
    onNotice: (name, listener) => void listeners.set(name, listener as never),
    closed: new Promise((settle) => {
      closed = settle;
    }),
    isClosed: false,
    get heard() {
      return heard;
    },
    hold: () => undefined,
    confirm: () => undefined,
    close: () => closed(),
  };
  const link = await Link.greet(peer, {} as HelloParams, false);
  return {
    link,
    asked: (method: string): Asked[] => asked.filter((each) => each.method === method),
    notice: (name: string, value: unknown): void => {
      heard++;
      listeners.get(name)?.(value as never);
    },
    close: () => closed(),
  };
}

const QUERY = { sql: 'SELECT 1', call: 3 };

/** A query under way, and how it ended, once it has. */
function query(link: Link, patience: number): { end?: unknown } {
  const seen: { end?: unknown } = {};
  const note = (end: unknown): void => void Object.assign(seen, { end });
  link.request('query', QUERY, patience).then(note, note);
  return seen;
}

describe('a call to an owner', () => {
  it('that answers pings is waited for without end', async () => {
    const { link, asked } = await linked(true);
    const seen = query(link, 1000);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(seen.end).toBeUndefined();
    expect(asked('ping').length).toBeGreaterThan(10);
    asked('query')[0]?.answer('rows');
    await vi.advanceTimersByTimeAsync(0);
    expect(seen.end).toBe('rows');
  });

  it('that says nothing ends in OWNER_UNRESPONSIVE with its pid', async () => {
    const { link } = await linked(false);
    const seen = query(link, 1000);
    await vi.advanceTimersByTimeAsync(999);
    expect(seen.end).toBeUndefined();
    await vi.advanceTimersByTimeAsync(500);
    expect(seen.end).toMatchObject({ code: 'OWNER_UNRESPONSIVE', data: { pid: 4242 } });
  });

  it('counts the silence anew after every word', async () => {
    const { link, notice } = await linked(false);
    const seen = query(link, 1000);
    for (let i = 0; i < 10; i++) {
      await vi.advanceTimersByTimeAsync(800);
      notice('$/progress', { token: 1, value: {} });
    }
    expect(seen.end).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1500);
    expect(seen.end).toMatchObject({ code: 'OWNER_UNRESPONSIVE' });
  });

  it('has its own patience', async () => {
    const { link } = await linked(false);
    const short = query(link, 400);
    const long = query(link, 4000);
    await vi.advanceTimersByTimeAsync(1000);
    expect(short.end).toMatchObject({ code: 'OWNER_UNRESPONSIVE' });
    expect(long.end).toBeUndefined();
  });

  it('does not count the silence that was before it', async () => {
    const { link } = await linked(false);
    const first = query(link, 1000);
    await vi.advanceTimersByTimeAsync(900);
    const second = query(link, 1000);
    await vi.advanceTimersByTimeAsync(600);
    expect(first.end).toBeDefined();
    expect(second.end).toBeUndefined();
  });

  it('that is answered leaves no look-out behind', async () => {
    const { link, asked } = await linked(true);
    query(link, 1000);
    asked('query')[0]?.answer('rows');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked('ping')).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('what an owner announces', () => {
  it('a change that has begun is known when the connection is gone', async () => {
    const { link, asked, notice, close } = await linked(true);
    const call = link.request('run', QUERY, 1000);
    expect(link.hasBegun(3)).toBe(false);
    notice('$/began', { call: 3 });
    close();
    asked('run')[0]?.lose();
    await expect(call).rejects.toBeInstanceOf(ConnectionLost);
    expect(link.hasBegun(3)).toBe(true);
    expect(link.hasBegun(4)).toBe(false);
  });

  it('its successor is told to those who come to listen later', async () => {
    const { link, notice } = await linked(true);
    const named = { pid: 7, socket: '/s', you: false };
    notice('$/successor', named);
    const told = vi.fn();
    link.onSuccessor(told);
    expect(told).toHaveBeenCalledWith(named);
    expect(link.successor).toEqual(named);
  });
});
