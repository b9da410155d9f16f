import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Peer, World } from './support/world.ts';

const SRC = new URL('../src', import.meta.url).pathname;
const FILES = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));

const VOCABULARY = [
  'errors',
  'shapes',
  'protocol',
  'values',
  'text-rows',
  'rows',
  'paths',
  'make-folder',
  'any-signal',
  'permission',
  'private-folder',
  'log',
  'version',
  'failpoints',
  'turns',
  'outcome',
];
const LIBRARY = [
  'options',
  'pond',
  'statements',
  'transaction',
  'attempt',
  'project-index',
  'kept-watch',
  'path-within',
  'index',
];

/** Which room may import which, beside itself: specs/architecture.md. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  vocabulary: [],
  engine: ['vocabulary'],
  transport: ['vocabulary'],
  election: ['vocabulary', 'transport'],
  search: ['vocabulary', 'engine'],
  owner: ['vocabulary', 'engine', 'transport', 'election', 'search'],
  router: ['vocabulary', 'transport', 'election', 'owner'],
  library: ['vocabulary', 'router'],
  doctor: ['vocabulary', 'transport', 'election', 'router'],
  cli: ['vocabulary', 'router', 'library', 'doctor'],
};

/** Reached by `import()` alone, when a caller asks for DuckDB's own value objects. */
const LAZY = [['rows.ts', 'engine/revive.ts']];
/** Where a room is open to another by one door only. */
const DOORS: Readonly<Record<string, readonly string[]>> = {
  'search > engine': ['engine/connection.ts'],
  'election > transport': ['transport/dial.ts'],
  'doctor > transport': ['transport/dial.ts'],
  'doctor > router': ['router/visit.ts'],
  'cli > doctor': ['doctor/index.ts'],
  'router > owner': ['owner/hosts.ts', 'owner/host.ts'],
  'owner > search': ['search/index.ts'],
};

const HOMES: Readonly<Record<string, readonly string[]>> = {
  '@duckdb/node-api': ['engine/'],
  '@duckdb/node-bindings': ['engine/execute.ts'],
  'vscode-jsonrpc': ['transport/'],
  'proper-lockfile': ['election/lock.ts'],
  '@parcel/watcher': ['search/'],
  ignore: ['search/'],
  stemmer: ['search/'],
  commander: ['cli/'],
  'cli-progress': ['cli/'],
  'is-fullwidth-code-point': ['cli/'],
  'csv-stringify': ['cli/'],
  picocolors: ['cli/'],
  valibot: ['protocol.ts', 'owner/session.ts'],
};

interface Import {
  readonly from: string;
  readonly to: string;
}

const IMPORTS: readonly Import[] = FILES.flatMap((from) => {
  const text = readFileSync(join(SRC, from), 'utf8');
  const found = text.matchAll(/(?:\bfrom |^import |\bimport\()'([^']+)'/gm);
  return [...found].map(([, to = '']) => ({
    from,
    to: to.startsWith('.') ? relative(SRC, resolve(dirname(join(SRC, from)), to)) : to,
  }));
});

function roomOf(file: string): string {
  const [first = '', ...rest] = file.split('/');
  if (rest.length > 0) return first;
  const name = first.replace('.ts', '');
  return VOCABULARY.includes(name) ? 'vocabulary' : LIBRARY.includes(name) ? 'library' : name;
}

describe('the rooms', () => {
  it('are those of the table', () => {
    expect([...new Set(FILES.map(roomOf))].sort()).toEqual(Object.keys(MAY_IMPORT).sort());
  });

  it('import one way', () => {
    const inside = IMPORTS.filter(({ to }) => to.endsWith('.ts'));
    expect(inside.length).toBeGreaterThan(100);
    const wrong = inside.filter(({ from, to }) => {
      const [room, target] = [roomOf(from), roomOf(to)];
      if (room === target || LAZY.some(([a, b]) => a === from && b === to)) return false;
      const door = DOORS[`${room} > ${target}`];
      return !MAY_IMPORT[room]?.includes(target) || (door !== undefined && !door.includes(to));
    });
    expect(wrong).toEqual([]);
  });

  it('each keep their outside packages to themselves', () => {
    const outside = IMPORTS.filter(({ to }) => !to.endsWith('.ts') && !to.startsWith('node:'));
    const packageOf = (to: string): string => to.split('/', to.startsWith('@') ? 2 : 1).join('/');
    const wrong = outside.filter(
      ({ from, to }) => !HOMES[packageOf(to)]?.some((home) => from.startsWith(home)),
    );
    expect(wrong).toEqual([]);
    expect([...new Set(outside.map(({ to }) => packageOf(to)))].sort()).toEqual(Object.keys(HOMES).sort());
  });
});

describe.runIf(process.platform === 'linux')('a reader', () => {
  it('does not load DuckDB, and the owner does', async () => {
    const world = new World();
    const [owner] = (await world.peers(1, world.path('app.duckdb'))) as [Peer];
    const [reader] = (await world.peers(1, world.path('app.duckdb'), { candidate: 'never' })) as [Peer];
    await reader.ask('run', 'CREATE TABLE t AS SELECT range AS i FROM range(5000)');
    await reader.ask('query', 'SELECT count(*) FROM t');
    expect(await reader.ask('streamCount', 'SELECT * FROM t')).toBe(5000);
    const hasDuckDB = ({ pid }: Peer): boolean =>
      readFileSync(`/proc/${pid}/maps`, 'utf8').includes('duckdb.node');
    expect([hasDuckDB(owner), hasDuckDB(reader)]).toEqual([true, false]);
    await reader.ask('query', "SELECT DATE '2024-01-01' AS d", [], { values: 'duckdb' });
    expect(hasDuckDB(reader)).toBe(true);
  });
});
