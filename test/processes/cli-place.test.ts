import { existsSync, mkdirSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { project } from '../support/project.ts';
import { BIN, World } from '../support/world.ts';

describe('a project that was never indexed', () => {
  it('is no error to look at, and nothing is made', async () => {
    const world = new World();
    const cwd = project(world);
    const look = async (command: string) => {
      const { code, stdout, stderr } = await world.cli([command, '--json'], { cwd });
      return { code, stderr, answer: JSON.parse(stdout) };
    };
    const db = expect.stringContaining(world.path('cache'));
    const nobody = { db, file: null, owner: null, clients: [], index: null };
    expect(await look('status')).toEqual({ code: 0, stderr: '', answer: nobody });
    expect(await look('stop')).toEqual({ code: 0, stderr: '', answer: { stopped: false, pid: null } });
    const { code, stderr, answer } = await look('doctor');
    expect({ code, stderr, ok: answer.ok }).toEqual({ code: 1, stderr: '', ok: false });
    const wrong = answer.checks.filter(({ ok }: { ok: boolean }) => !ok);
    expect(wrong).toEqual([
      expect.objectContaining({ name: 'file', detail: expect.stringMatching(/no file/) }),
    ]);
    expect(existsSync(world.path('cache'))).toBe(false);
  });

  it('has its folder made by sql, closed to others', async () => {
    const world = new World();
    const cwd = project(world);
    expect(await world.cli(['sql', '--json', 'SELECT 1 AS one'], { cwd })).toMatchObject({
      code: 0,
      stdout: '[{"one":1}]\n',
    });
    expect(statSync(world.path('cache')).mode & 0o777).toBe(0o700);
  });
});

describe('--db in a folder that is not there', () => {
  it.each([
    ['sql', 'SELECT 1'],
    ['serve'],
    ['serve', '--detach'],
    ['status'],
    ['stop'],
    ['doctor'],
    ['index'],
    ['search', 'x'],
  ])('%s refuses, and makes nothing', async (...command) => {
    const world = new World();
    const { code, stdout, stderr } = await world.cli(['--db', 'nowhere/app.duckdb', ...command]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('(NOT_FOUND)');
    expect(existsSync(world.path('nowhere'))).toBe(false);
  });
});

describe.runIf(process.platform === 'linux')('a current folder that was removed', () => {
  it('is named once, and plainly', async () => {
    const world = new World();
    mkdirSync(world.path('gone'));
    const script = "process.chdir('gone'); require('node:fs').rmdirSync('../gone'); require(process.argv[1])";
    const { code, stderr } = await world.run(['-e', script, BIN, 'search', 'x']);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr:
        'onepond: the current folder has been removed (NOT_FOUND)\n  hint: cd to a folder that is there\n',
    });
  });
});
