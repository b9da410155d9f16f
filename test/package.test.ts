import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

/** The built package, as a program that installs it finds it. */
const ROOT = new URL('../', import.meta.url);
const DIST = new URL('dist/', ROOT);

const manifest = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8'));
/** The packages that we work with; every other one of `devDependencies` is bundled. */
const TOOLS = /^(@types\/.*|@biomejs\/biome|esbuild|fast-check|typescript|vitest)$/;

describe('the package', () => {
  it('names its functions in a stack trace', async () => {
    const { open } = await import(`${DIST}index.js`);
    const error = await open(1).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TypeError);
    expect(error.stack).toMatch(/ at checkOptions .*\n.* at openInner /);
  });

  it('brings the licence of each package that is bundled', () => {
    const pack = ['pack', '--dry-run', '--json', '--ignore-scripts'];
    const [{ files }] = JSON.parse(execFileSync('npm', pack, { cwd: ROOT, encoding: 'utf8', stdio: 'pipe' }));
    const paths = files.map(({ path }: { path: string }) => path);
    expect(paths).toEqual(expect.arrayContaining(['LICENSE', 'dist/THIRD-PARTY-NOTICES.txt']));

    const notices = readFileSync(new URL('THIRD-PARTY-NOTICES.txt', DIST), 'utf8');
    const named = [...notices.matchAll(/^(?:@[\w-]+\/)?[\w-]+(?= \d+\.\d+\.\d+ \([\w.-]+\)$)/gm)].map(String);
    const bundled = Object.keys(manifest.devDependencies).filter((name) => !TOOLS.test(name));
    expect(named).toEqual(expect.arrayContaining(bundled));
    expect(notices.match(/permission/gi)?.length).toBeGreaterThanOrEqual(named.length);
  });
});
