import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { World } from '../support/world.ts';

const CLIENT = new URL('../fixtures/wire/client.py', import.meta.url).pathname;
const hasPython = spawnSync('python3', ['--version']).status === 0;

describe.runIf(hasPython)('a client in Python, with nothing but its standard library', () => {
  it('says hello, runs SQL, updates and searches the index, cancels, and reads errors', async () => {
    const world = new World();
    const db = world.path('app.duckdb');
    await world.peers(1, db);
    mkdirSync(world.path('tree'));
    writeFileSync(world.path('tree', 'parser.py'), 'def parse_header(text):\n    return text\n');
    const { stdout } = await promisify(execFile)('python3', [CLIENT, db, world.path('tree')]);
    expect(stdout).toBe('OK\n');
  });
});
