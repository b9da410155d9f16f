import { cpSync, mkdirSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { World } from '../support/world.ts';

const PACKAGE = new URL('../../', import.meta.url).pathname;

/** A copy of the built package without what earlier runs have compiled. */
function install(world: World): { bin: string; caches: () => string[]; path: (name: string) => string } {
  const dir = world.path('package');
  mkdirSync(dir);
  for (const part of ['bin', 'dist', 'package.json'])
    cpSync(`${PACKAGE}${part}`, `${dir}/${part}`, {
      recursive: true,
      filter: (name) => !name.endsWith('.cache'),
    });
  symlinkSync(`${PACKAGE}node_modules`, `${dir}/node_modules`);
  return {
    bin: `${dir}/bin/onepond.js`,
    caches: () => readdirSync(`${dir}/dist`).filter((name) => name.endsWith('.cache')),
    path: (name) => `${dir}/dist/${name}`,
  };
}

describe('what the command line has compiled', () => {
  it('is kept for the next run of the same command, and left alone by it', async () => {
    const world = new World();
    const { bin, caches } = install(world);
    expect(await world.run([bin, '--version'])).toMatchObject({ code: 0, stderr: '' });
    expect(caches()).toEqual([expect.stringContaining('.other.')]);
    await world.run([bin, 'status']);
    expect(caches().sort()).toEqual([
      expect.stringContaining('.other.'),
      expect.stringContaining('.status.'),
    ]);
  });

  it.each<[string, (file: string) => void]>([
    ['empty', (file) => truncateSync(file)],
    ['cut off', (file) => truncateSync(file, 50_000)],
    ['garbage', (file) => writeFileSync(file, Buffer.alloc(100_000, 7))],
  ])('is made anew where it is %s', async (_how, spoil) => {
    const world = new World();
    const { bin, caches, path } = install(world);
    const first = await world.run([bin, '--help']);
    const [cache = ''] = caches();
    spoil(path(cache));
    expect(await world.run([bin, '--help'])).toEqual(first);
    expect(await world.run([bin, '--help'])).toEqual(first);
    expect(caches()).toEqual([cache]);
  });

  it('is done without where it cannot be written', async () => {
    const world = new World();
    const { bin, caches, path } = install(world);
    const first = await world.run([bin, '--help']);
    const [cache = ''] = caches();
    // Root writes anywhere, but not over a folder.
    rmSync(path(cache));
    mkdirSync(`${path(cache)}/in the way`, { recursive: true });
    expect(await world.run([bin, '--help'])).toEqual(first);
    expect(readdirSync(path('')).filter((name) => name.includes('.cache'))).toEqual([cache]);
  });
});
