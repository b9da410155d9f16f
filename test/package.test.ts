import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { World } from './support/world.ts';

/** The built package, as a program that installs it finds it. */
const ROOT = new URL('../', import.meta.url).pathname;
const DIST = join(ROOT, 'dist');

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
/** The packages that we work with; every other one of `devDependencies` is bundled. */
const TOOLS = /^(@types\/.*|@biomejs\/biome|esbuild|fast-check|typescript|vitest)$/;

const run = (program: string, args: readonly string[], cwd: string): string =>
  execFileSync(program, args, { cwd, encoding: 'utf8', stdio: 'pipe' });

describe('the package', () => {
  it('names its functions in a stack trace', async () => {
    const { open } = await import(join(DIST, 'index.js'));
    const error = await open(1).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TypeError);
    expect(error.stack).toMatch(/ at checkOptions .*\n.* at openInner /);
  });

  it('brings the licence of each package that is bundled', () => {
    const [{ files }] = JSON.parse(run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], ROOT));
    const paths = files.map(({ path }: { path: string }) => path);
    expect(paths).toEqual(expect.arrayContaining(['LICENSE', 'dist/THIRD-PARTY-NOTICES.txt']));

    const notices = readFileSync(join(DIST, 'THIRD-PARTY-NOTICES.txt'), 'utf8');
    const named = [...notices.matchAll(/^(?:@[\w-]+\/)?[\w-]+(?= \d+\.\d+\.\d+ \([\w.-]+\)$)/gm)].map(String);
    const bundled = Object.keys(manifest.devDependencies).filter((name) => !TOOLS.test(name));
    expect(named).toEqual(expect.arrayContaining(bundled));
    expect(notices.match(/permission/gi)?.length).toBeGreaterThanOrEqual(named.length);
  });
});

describe('the declarations', () => {
  const types = join(DIST, 'types');
  if (!existsSync(types)) run('npm', ['run', 'declare'], ROOT);

  /** What a file imports from outside the package, and what its imports do. */
  function outside(file: string, seen: Set<string>): string[] {
    if (seen.has(file)) return [];
    seen.add(file);
    const text = readFileSync(file, 'utf8');
    const specifiers = [...text.matchAll(/(?:\bfrom|^import|\bimport\()\s*["']([^"']+)["']/gm)];
    return specifiers.flatMap(([, to = '']) =>
      to.startsWith('.') ? outside(join(dirname(file), to.replace(/\.[jt]s$/, '.d.ts')), seen) : [to],
    );
  }

  it('import nothing that the package does not install', () => {
    const seen = new Set<string>();
    const installed = Object.keys(manifest.dependencies);
    const packageOf = (to: string): string => to.split('/', to.startsWith('@') ? 2 : 1).join('/');
    const wrong = outside(join(types, 'index.d.ts'), seen).filter(
      (to) => !to.startsWith('node:') && !installed.includes(packageOf(to)),
    );
    expect(wrong).toEqual([]);
    expect([...seen]).toContain(join(types, 'pond.d.ts'));
  });

  it('pass a strict check in a program that has installed the package', async () => {
    const world = new World();
    const modules = world.path('node_modules');
    mkdirSync(join(modules, 'onepond'), { recursive: true });
    cpSync(types, join(modules, 'onepond/dist/types'), { recursive: true });
    cpSync(join(ROOT, 'package.json'), join(modules, 'onepond/package.json'));
    for (const name of Object.keys(manifest.dependencies)) {
      mkdirSync(dirname(join(modules, name)), { recursive: true });
      symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
    }
    writeFileSync(world.path('program.mts'), PROGRAM);
    const flags = ['--noEmit', '--strict', '--skipLibCheck', 'false', '--module', 'nodenext'];
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    expect(await world.run([tsc, ...flags, 'program.mts'])).toEqual({ code: 0, stdout: '', stderr: '' });
  });
});

/** Touches each public name. */
const PROGRAM = `
import { open, openIndex, PondError, type Pond, type Row, type SearchHit, type StatusResult } from 'onepond';
const db: Pond = await open('app.duckdb', { candidate: 'never', timeout: 1000 });
db.on('owner-found', ({ pid, epoch }) => console.log(pid + epoch)).on('role', (role: 'owner' | string) => role);
const rows: Row[] = await db.query('SELECT 1', [], { values: 'json', signal: AbortSignal.timeout(1000) });
const n: number = await db.transaction(async (tx) => (await tx.run('DELETE FROM t')).rowsChanged, { tries: 3 });
const status: StatusResult = await db.status();
const index = await openIndex('.', { db });
const { hits }: { hits: readonly SearchHit[] } = await index.search('text', { path: 'src/**', limit: 5 });
if (new PondError('SQL', 'no').code === 'OWNER_LOST') console.log(rows, n, status.owner?.pid, hits);
// @ts-expect-error: closed list
new PondError('OTHER', 'no');
// @ts-expect-error: what the index needs is no part of the handle
db.router;
await using last = index;
`;
