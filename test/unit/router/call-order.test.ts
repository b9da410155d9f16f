import { describe, expect, it } from 'vitest';
import { CallOrder } from '../../../src/router/call-order.ts';

/** Calls that lose their owner in this order, and the order in which they are sent again. */
async function sentAfterLoss(lost: readonly number[]): Promise<number[]> {
  const order = new CallOrder();
  const sent: number[] = [];
  await Promise.all(
    lost.map(async (call, i) => {
      for (let turns = 0; turns < i; turns++) await null;
      order.enter(call);
      await order.turn(call, true);
      sent.push(call);
      order.leave(call);
    }),
  );
  return sent;
}

describe('statements of one handle', () => {
  it('are sent at once where none before them waits', () => {
    const order = new CallOrder();
    order.enter(1);
    expect(order.turn(1, false)).toBeUndefined();
    order.leave(1);
    order.enter(2);
    expect(order.turn(2, false)).toBeUndefined();
  });

  it('are sent to the next owner in their order, however their losses were noticed', async () => {
    expect(await sentAfterLoss([3, 1, 5, 2, 4])).toEqual([1, 2, 3, 4, 5]);
  });

  it('wait for an earlier one, until it is sent or over', async () => {
    const order = new CallOrder();
    order.enter(1);
    order.enter(2);
    order.enter(3);
    const [second, third] = [order.turn(2, false), order.turn(3, false)];
    const seen: number[] = [];
    void second?.then(() => seen.push(2));
    void third?.then(() => seen.push(3));
    await new Promise(setImmediate);
    expect(seen).toEqual([]);
    // The second gives up first.
    order.leave(2);
    order.leave(1);
    await third;
    expect(seen).toEqual([3]);
  });
});
