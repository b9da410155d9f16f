import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Peer, World } from '../support/world.ts';

describe('closing the owner', () => {
  it('resolves when the file is free, also for one who closes it again meanwhile', async () => {
    const world = new World();
    const file = world.path('app.duckdb');
    const [owner] = (await world.peers(1, file)) as [Peer];
    await owner.ask('run', 'CREATE TABLE t (n INTEGER)');
    const first = owner.ask('close');
    await owner.ask('close');
    expect(existsSync(`${file}.onepond/owner.json`)).toBe(false);
    await first;
  });
});

describe('a program that passes what is no signal', () => {
  it('hears a TypeError, and ends', async () => {
    const world = new World();
    const library = JSON.stringify(new URL('../../dist/index.js', import.meta.url).href);
    const program = `
      const { open } = await import(${library});
      const db = await open(${JSON.stringify(world.path('app.duckdb'))});
      for (const call of [() => db.query('SELECT 1', [], { signal: {} }), () => db.transaction(async () => 1, { signal: {} })])
        console.log(await call().catch((error) => error.name));
    `;
    const { code, stdout } = await world.run(['--input-type=module', '-e', program]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'TypeError\nTypeError\n' });
  });
});
