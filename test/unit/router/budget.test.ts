import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { PondError } from '../../../src/errors.ts';
import { Budget } from '../../../src/router/budget.ts';
import type { CallLimits } from '../../../src/shapes.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function budget(limits: CallLimits = {}, wait = 1000): Budget {
  const made = new Budget(limits, wait);
  onTestFinished(() => made.end());
  return made;
}

const never = new Promise<never>(() => undefined);
const OBSTACLE = new PondError('OWNER_UNREACHABLE', 'in the way');
const obstacle = (): PondError => OBSTACLE;

describe('waiting for an owner', () => {
  it('ends in what stood in the way when the time is up', async () => {
    const end = expect(budget().guard(never, obstacle)).rejects.toBe(OBSTACLE);
    await vi.advanceTimersByTimeAsync(1000);
    await end;
  });

  it('is bounded by the deadline of the call', async () => {
    const limited = budget({ timeout: 50 });
    expect(limited.waitUntil - performance.now()).toBe(50);
    const end = expect(limited.guard(never, obstacle)).rejects.toBe(OBSTACLE);
    await vi.advanceTimersByTimeAsync(50);
    await end;
  });

  it('ends when the caller loses patience', async () => {
    const stop = new AbortController();
    const end = budget({ signal: stop.signal }).guard(never, obstacle);
    stop.abort();
    await expect(end).rejects.toMatchObject({ code: 'ABORTED' });
    const late = budget({ signal: stop.signal }).guard(never, obstacle);
    await expect(late).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('gives what was found, and leaves no timer', async () => {
    const free = budget();
    const before = vi.getTimerCount();
    await expect(free.guard(Promise.resolve('link'), obstacle)).resolves.toBe('link');
    expect(vi.getTimerCount()).toBe(before);
  });
});

type Reply = (cancelled: Promise<void>) => Promise<string>;
/** An owner that answers a cancel in its own way. */
const owner =
  (reply: Reply) =>
  (signal?: AbortSignal): Promise<string> =>
    reply(new Promise((cancel) => signal?.addEventListener('abort', () => cancel())));

const CANCELLED: Reply = (cancelled) =>
  cancelled.then(() =>
    Promise.reject(new PondError('ABORTED', 'the call was aborted', { data: { outcome: 'not-committed' } })),
  );
const DONE: Reply = (cancelled) => cancelled.then(() => 'done');
const REFUSED: Reply = (cancelled) => cancelled.then(() => Promise.reject(new PondError('SQL', 'x')));
const SILENT: Reply = () => never;

describe('a change that runs out of its budget', () => {
  const ends = (code: string, outcome: string) => ({ code, data: { outcome } });

  it.each<[what: string, how: 'timeout' | 'signal', reply: Reply, end: object | string]>([
    ['is cancelled at its deadline', 'timeout', CANCELLED, ends('TIMEOUT', 'not-committed')],
    ['is cancelled by its caller', 'signal', CANCELLED, ends('ABORTED', 'not-committed')],
    ['is answered after the deadline', 'timeout', DONE, 'done'],
    ['is done although its caller gave up', 'signal', DONE, ends('ABORTED', 'committed')],
    ['is refused for its own reason', 'timeout', REFUSED, { code: 'SQL' }],
    ['is never answered', 'timeout', SILENT, { code: 'OWNER_UNRESPONSIVE' }],
    ['is never answered and given up', 'signal', SILENT, { code: 'ABORTED', data: undefined }],
  ])('and %s says so', async (_, how, reply, end) => {
    const stop = new AbortController();
    const limits = how === 'timeout' ? { timeout: 100 } : { signal: stop.signal };
    const outcome = budget(limits)
      .bound({ pid: 7, send: owner(reply), succeeded: () => 'committed' })
      .catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(100);
    stop.abort();
    await vi.advanceTimersByTimeAsync(500);
    if (typeof end === 'string') expect(await outcome).toBe(end);
    else expect(await outcome).toMatchObject(end);
  });
});

describe('limits of the wrong type', () => {
  it.each([
    { signal: {} },
    { signal: null },
    { signal: new EventTarget() },
    { timeout: '5' },
    { timeout: null },
    { timeout: -1 },
    { timeout: Number.NaN },
  ])('%o are a TypeError', (limits) => {
    expect(() => new Budget(limits as never, 1000)).toThrow(TypeError);
  });
});

describe('a time that is longer than a timer can be', () => {
  it.each([Number.POSITIVE_INFINITY, 2 ** 32, 30 * 86_400_000])('of %d ms does not end soon', async (ms) => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    onTestFinished(() => warned.mockRestore());
    const ended = vi.fn();
    const request = (signal?: AbortSignal): Promise<never> => {
      signal?.addEventListener('abort', ended);
      return never;
    };
    budget({ timeout: ms }).bound({ pid: 7, send: request }).catch(ended);
    budget({}, ms).guard(never, obstacle).catch(ended);
    await vi.advanceTimersByTimeAsync(86_400_000);
    expect(ended).not.toHaveBeenCalled();
    expect(warned).not.toHaveBeenCalled();
  });
});

describe('one request', () => {
  it('has no limit where the caller names none', async () => {
    const answer = new Promise((done) => setTimeout(done, 3_600_000, 'late'));
    const end = budget().bound({ pid: 7, send: () => answer });
    await vi.advanceTimersByTimeAsync(3_600_000);
    await expect(end).resolves.toBe('late');
  });

  it('that changes nothing is given up at once', async () => {
    const stop = new AbortController();
    const call = budget({ signal: stop.signal }).bound({ pid: 7, send: () => never });
    stop.abort();
    await expect(call).rejects.toMatchObject({ code: 'ABORTED', name: 'AbortError' });
  });

  it('is not sent when the budget is spent', async () => {
    const request = vi.fn(() => never);
    const call = budget({ signal: AbortSignal.abort() }).bound({ pid: 7, send: request });
    await expect(call).rejects.toMatchObject({ code: 'ABORTED' });
    expect(request).not.toHaveBeenCalled();
  });

  it('takes one signal for many calls without a warning', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const { signal } = new AbortController();
    for (let i = 0; i < 20; i++) budget({ signal });
    expect(warned).not.toHaveBeenCalled();
    warned.mockRestore();
  });
});
