import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { type Finished, World } from './support/world.ts';

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

/** A folder in which the package is installed. */
function installed(): World {
  const world = new World();
  mkdirSync(world.path('node_modules'));
  symlinkSync(ROOT, world.path('node_modules/onepond'));
  for (const name of ['@duckdb', '@parcel', 'proper-lockfile'])
    symlinkSync(join(ROOT, 'node_modules', name), world.path('node_modules', name));
  return world;
}

/** What a program on a new file prints: its answer, or the error that it got. */
const USE = `
async function use({ open, PondError }) {
  const db = await open('app.duckdb');
  const rows = await db.query('SELECT 42 AS n');
  await db.close();
  return rows;
}
const print = (value) => console.log(JSON.stringify(value));
const refused = ({ code, hint, stack }) => print(code ? { code, hint } : stack);
`;

describe('a program that loads the package', () => {
  it('gets one library, by require and by import', async () => {
    const world = installed();
    writeFileSync(
      world.path('program.cjs'),
      `${USE}
      const library = require('onepond');
      import('onepond').then(async (module) => {
        print([module.PondError === library.PondError, Object.keys(module).sort(), await use(library)]);
      });`,
    );
    const names = ['PondError', 'open', 'openIndex'];
    expect(await world.run([...WITHOUT_MODULES, 'program.cjs'])).toEqual({
      code: 0,
      stdout: `${JSON.stringify([true, names, [{ n: 42 }]])}\n`,
      stderr: '',
    });
  });

  it('may do so in a realm of its own, as under Jest', async () => {
    const world = new World();
    const realm = new URL('fixtures/processes/realm.cjs', import.meta.url).pathname;
    const { stdout, stderr } = await world.run([realm, join(DIST, 'index.cjs'), world.path('app.duckdb')]);
    expect(stderr).toBe('');
    const row = { d: '1970-01-01 00:00:00', s: { a: 1 }, l: [1, null], b: '\\x07' };
    expect(JSON.parse(stdout)).toEqual({ rows: [row, row], missing: [true, 'NOT_FOUND'], foreign: true });
  });
});

/** `require` takes no modules there, as on a Node before 20.19. */
const WITHOUT_MODULES = process.allowedNodeEnvironmentFlags.has('--experimental-require-module')
  ? ['--no-experimental-require-module']
  : [];

describe('a program that is bundled', () => {
  async function bundled(format: 'cjs' | 'esm', external: string[]): Promise<Finished> {
    const world = installed();
    writeFileSync(
      world.path('program.js'),
      `import { open, PondError } from 'onepond';${USE}use({ open, PondError }).then(print, refused);`,
    );
    const outfile = world.path(`bundle.${format === 'cjs' ? 'cjs' : 'mjs'}`);
    await build({
      entryPoints: [world.path('program.js')],
      outfile,
      format,
      external,
      bundle: true,
      platform: 'node',
      logLevel: 'silent',
    });
    return world.run([outfile]);
  }

  it.each(['cjs', 'esm'] as const)('works with the package as external, as %s', async (format) => {
    expect(await bundled(format, ['onepond'])).toEqual({ code: 0, stdout: '[{"n":42}]\n', stderr: '' });
  });

  it.each(['cjs', 'esm'] as const)(
    'is told what to do where the package is inside, as %s',
    async (format) => {
      const { code, stdout, stderr } = await bundled(format, Object.keys(manifest.dependencies));
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(JSON.parse(stdout)).toEqual({
        code: 'NOT_FOUND',
        hint: expect.stringContaining('`onepond` as external'),
      });
    },
  );
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
    for (const folder of ['types', 'types-cjs'])
      cpSync(join(DIST, folder), join(modules, 'onepond/dist', folder), { recursive: true });
    cpSync(join(ROOT, 'package.json'), join(modules, 'onepond/package.json'));
    for (const name of Object.keys(manifest.dependencies)) {
      mkdirSync(dirname(join(modules, name)), { recursive: true });
      symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
    }
    writeFileSync(world.path('program.mts'), PROGRAM);
    // CommonJS has no `await` at its top.
    writeFileSync(
      world.path('program.cts'),
      `${IMPORTS}async function program() {${STATEMENTS}}\nvoid program();`,
    );
    const flags = ['--noEmit', '--strict', '--skipLibCheck', 'false', '--module', 'nodenext'];
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    expect(await world.run([tsc, ...flags, 'program.mts', 'program.cts'])).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    });
  });
});

/** Touches each public name. */
const IMPORTS = `
import { open, openIndex, PondError, type Pond, type Row, type SearchHit, type StatusResult } from 'onepond';
`;
const STATEMENTS = `
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
const PROGRAM = IMPORTS + STATEMENTS;
