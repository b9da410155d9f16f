import { statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { project, serve } from '../support/project.ts';
import { World } from '../support/world.ts';

describe('onepond status', () => {
  it('without an owner says what the system tells of the file, and opens nothing', async () => {
    const world = new World();
    const cwd = project(world);
    await world.cli(['index'], { cwd });
    const { stdout } = await world.cli(['status', '--json'], { cwd });
    const { db, ...status } = JSON.parse(stdout);
    const { size, mtime } = statSync(db);
    const file = { bytes: size, changed_at: mtime.toISOString() };
    expect(status).toEqual({ file, owner: null, clients: [], index: null });
    const shown = (await world.cli(['status'], { cwd })).stdout;
    expect(shown).toContain(`MB, last changed ${mtime.toISOString()}`);
    expect(shown).toContain('index     not known without an owner');
    expect(statSync(db).mtime).toEqual(mtime);
  });

  it('says that there is no file', async () => {
    const world = new World();
    expect(JSON.parse((await world.cli(['--db', 'a.duckdb', 'status', '--json'])).stdout)).toMatchObject({
      file: null,
      owner: null,
      index: null,
    });
    expect((await world.cli(['--db', 'a.duckdb', 'status'])).stdout).toContain('there is no such file yet');
  });

  it('says whether the index is watched', async () => {
    const world = new World();
    const cwd = project(world);
    await serve(world, cwd, '--watch');
    const { index } = JSON.parse((await world.cli(['status', '--json'], { cwd })).stdout);
    expect(index.watching).toBe(true);
    expect((await world.cli(['status'], { cwd })).stdout).toMatch(/ pending, watched\n/);
  });
});
