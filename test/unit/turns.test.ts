import { describe, expect, it } from 'vitest';
import { Turns } from '../../src/turns.ts';

/** A task that runs until it is let go. */
function task(log: string[], name: string) {
  let finish: () => void = () => undefined;
  const run = (): Promise<string> => {
    log.push(name);
    return new Promise((done) => {
      finish = () => done(name);
    });
  };
  return { run, finish: () => finish() };
}

const turn = (): Promise<void> => new Promise((done) => setImmediate(done));

describe('turns', () => {
  it('let one in at a time, in the order they came', async () => {
    const turns = new Turns();
    const log: string[] = [];
    const tasks = ['a', 'b', 'c'].map((name) => task(log, name));
    const ends = tasks.map(({ run }) => turns.take(run));
    for (const [i, { finish }] of tasks.entries()) {
      await turn();
      expect(log).toEqual(['a', 'b', 'c'].slice(0, i + 1));
      finish();
    }
    expect(await Promise.all(ends)).toEqual(['a', 'b', 'c']);
  });

  it('let as many in as they are wide', async () => {
    const turns = new Turns(2);
    const log: string[] = [];
    const tasks = ['a', 'b', 'c'].map((name) => task(log, name));
    const ends = tasks.map(({ run }) => turns.take(run));
    await turn();
    expect(log).toEqual(['a', 'b']);
    tasks[1]?.finish();
    await ends[1];
    await turn();
    expect(log).toEqual(['a', 'b', 'c']);
  });

  it('go on after a task that fails', async () => {
    const turns = new Turns();
    const end = turns.take(() => Promise.reject(new Error('broken')));
    const next = turns.take(async () => 'next');
    await expect(end).rejects.toThrow('broken');
    await expect(next).resolves.toBe('next');
  });

  it('a waiting one whose signal fires never runs, and those behind it do', async () => {
    const turns = new Turns();
    const log: string[] = [];
    const first = task(log, 'first');
    const stop = new AbortController();
    const running = turns.take(first.run, stop.signal);
    const waiting = turns.take(task(log, 'waiting').run, stop.signal);
    const behind = turns.take(async () => 'behind');
    await turn();
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' });
    first.finish();
    await expect(running).resolves.toBe('first');
    await expect(behind).resolves.toBe('behind');
    expect(log).toEqual(['first']);
  });

  it('one whose signal has fired is refused, and takes nobody its turn', async () => {
    const turns = new Turns();
    await expect(turns.take(async () => 1, AbortSignal.abort())).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(turns.take(async () => 2)).resolves.toBe(2);
  });
});
