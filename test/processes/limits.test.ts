import { describe, expect, it } from 'vitest';
import { World } from '../support/world.ts';

const LIBRARY = new URL('../../dist/index.js', import.meta.url).href;

/** Runs the body of a program in which `open` and `file` are known, to its end. */
function program(body: string): ReturnType<World['run']> {
  const world = new World();
  const head = `const { open } = await import('${LIBRARY}'); const file = '${world.path('app.duckdb')}';`;
  return world.run(['--input-type=module', '-e', head + body]);
}

describe('a program that passes what is no signal', () => {
  it('hears a TypeError, and ends', async () => {
    const body = `
      const db = await open(file);
      const limits = { signal: {} };
      const calls = [() => db.query('SELECT 1', [], limits), () => db.transaction(async () => 1, limits)];
      for (const call of calls) console.log(await call().catch((error) => error.name));`;
    expect(await program(body)).toEqual({ code: 0, stdout: 'TypeError\nTypeError\n', stderr: '' });
  });
});

describe('a program that has all the time there is', () => {
  it.each(['Infinity', '2 ** 32'])('opens, calls and ends with a timeout of %s', async (timeout) => {
    const body = `
      const timeout = ${timeout};
      const [db, same] = await Promise.all([open(file, { timeout }), open(file, { timeout })]);
      const [row] = await db.query('SELECT 1 AS one', [], { timeout });
      await same.transaction((tx) => tx.run('CREATE TABLE t (n INT)'), { timeout });
      console.log(row.one);`;
    expect(await program(body)).toEqual({ code: 0, stdout: '1\n', stderr: '' });
  });
});
