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
