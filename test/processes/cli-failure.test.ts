import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BIN, type Finished, World } from '../support/world.ts';

/** Runs a command in a process in which something is broken from the start. */
function broken(world: World, preload: string, ...args: string[]): Promise<Finished> {
  const file = world.path('preload.cjs');
  writeFileSync(file, preload);
  return world.run(['--require', file, BIN, ...args]);
}

const IN_A_CALL = "process.cwd = () => { throw new Error('the wheel came off'); };";
const IN_NO_CALL = "setImmediate(() => { throw new Error('the wheel came off'); });";
const REJECTED = "setImmediate(() => void Promise.reject(new Error('the wheel came off')));";

describe.each([
  ['in a call', IN_A_CALL],
  ['where no call waits for it', IN_NO_CALL],
  ['in a promise that nobody waits for', REJECTED],
])('an internal error %s', (_where, preload) => {
  it('is one JSON object with --json, and exits with 2', async () => {
    const world = new World();
    const { code, stdout, stderr } = await broken(world, preload, 'serve', '--json');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    const { error } = JSON.parse(stderr);
    expect(error).toMatchObject({
      code: 'INVALID',
      message: 'internal error: the wheel came off',
      data: { internal: true, stack: expect.stringContaining('preload.cjs') },
    });
  });

  it('is a line and a hint without it', async () => {
    const world = new World();
    const { code, stderr } = await broken(world, preload, 'serve');
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^onepond: internal error: the wheel came off \(INVALID\)\n {2}hint: .*--debug.*\n$/,
    );
  });
});

it('--debug adds the stack to the one JSON object of an error', async () => {
  const { stderr } = await new World().cli(['--debug', '--json', '--db', 'nowhere/a.duckdb', 'status']);
  expect(JSON.parse(stderr).error).toMatchObject({
    code: 'NOT_FOUND',
    stack: expect.stringMatching(/\n +at /),
  });
});

it('a command whose program is missing says so, with --json as JSON', async () => {
  const world = new World();
  mkdirSync(world.path('package'));
  cpSync(new URL('../../bin', import.meta.url).pathname, world.path('package', 'bin'), { recursive: true });
  const bin = world.path('package', 'bin', 'onepond.js');
  const plain = await world.run([bin, 'status']);
  expect(plain).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('npm run build') });
  const json = await world.run([bin, 'status', '--json']);
  expect(json.code).toBe(2);
  expect(JSON.parse(json.stderr).error).toMatchObject({ code: 'INVALID' });
});

it('an error shows what a terminal would obey, and sends it none of it', async () => {
  const { stderr } = await new World().cli([
    '--db',
    'a.duckdb',
    'sql',
    "SELECT '\u001b[31mred\u009b'::INTEGER",
  ]);
  expect(stderr).toContain('\\x1b[31mred\\x9b');
  expect(stderr.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
});
