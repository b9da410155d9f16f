import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BIN, ownerFirst, ownerOf, type Peer, until, World } from '../support/world.ts';

/** A tree of `count` files, each with a word of its own and two chunks. */
function tree(world: World, count: number): string {
  const root = world.path('tree');
  mkdirSync(`${root}/.git`, { recursive: true });
  const filler = Array.from({ length: 70 }, (_, line) => `// filler ${line}`).join('\n');
  for (let i = 0; i < count; i++) {
    writeFileSync(
      `${root}/file${i}.ts`,
      `export const alpha${i} = 1; // common\n${filler}\nexport const omega${i} = 1; // common\n`,
    );
  }
  return root;
}

async function readers(world: World, root: string, count: number): Promise<Peer[]> {
  const peers = await Promise.all(Array.from({ length: count }, () => world.peer()));
  await Promise.all(peers.map((peer) => peer.ask('openIndex', root)));
  return peers;
}

const isFound = async (peer: Peer, word: string): Promise<boolean> =>
  (await peer.ask('search', word)).hits.length > 0;

/** What the kernel tells this process of changes to, by inotify. */
function watchedFolders({ pid }: Peer): number {
  const texts = readdirSync(`/proc/${pid}/fdinfo`).map((fd) => {
    try {
      return readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8');
    } catch {
      return '';
    }
  });
  return texts.join('').split('inotify wd:').length - 1;
}

describe('an index that several processes have open', () => {
  it('is updated by a reader, which sees the progress of the owner', async () => {
    const world = new World();
    const peers = await readers(world, tree(world, 600), 3);
    const [, reader] = await ownerFirst(peers);
    const { result, progress, last } = await reader.ask('update');
    expect(result).toMatchObject({ added: 600, files: 600, chunks: 1200 });
    expect(progress).toBeGreaterThan(1);
    expect(last).toMatchObject({ files: 600, totalFiles: 600 });
    const answers = await Promise.all(
      peers.map((peer) => peer.ask('search', 'common alpha7', { limit: 20 })),
    );
    const [first, ...others] = answers.map(({ hits }) => JSON.stringify(hits));
    expect(JSON.parse(first as string)).toHaveLength(20);
    expect(others).toEqual([first, first]);
  });

  it.each<[string, (owner: Peer) => Promise<unknown>]>([
    ['is killed', (owner) => owner.kill()],
    ['leaves in peace', (owner) => owner.ask('close')],
  ])('is updated whole although its owner %s in the middle', async (_how, leave) => {
    const world = new World();
    const peers = await readers(world, tree(world, 3_000), 3);
    const owner = await ownerOf(peers);
    const others = peers.filter((peer) => peer !== owner) as [Peer, Peer];
    const update = others[0].ask('update');
    // A first batch is committed and searchable before all are.
    await until(() => isFound(others[1], 'common').catch(() => false));
    await leave(owner);
    const { result } = await update;
    expect(result).toMatchObject({ files: 3_000, chunks: 6_000 });
    // What the first owner had committed was not done again.
    expect(result.unchanged).toBeGreaterThan(0);
    expect(result.added + result.unchanged).toBe(3_000);
    expect((await others[1].ask('search', 'omega2999')).hits[0].path).toBe('file2999.ts');
  });

  it('is made again by a search whose forerunner was killed in the middle of it', async () => {
    const world = new World();
    const cwd = tree(world, 3_000);
    const child = world.start([BIN, 'index'], { cwd });
    const [reader] = (await readers(world, cwd, 1)) as [Peer];
    await until(() => isFound(reader, 'common').catch(() => false));
    await reader.kill();
    child.kill('SIGKILL');
    await once(child, 'exit');
    const { code, stdout } = await world.cli(['search', 'omega2999', '--json'], { cwd });
    expect([code, JSON.parse(stdout).hits[0].path]).toEqual([0, 'file2999.ts']);
    const { unchanged } = JSON.parse((await world.cli(['index', '--json'], { cwd })).stdout);
    expect(unchanged).toBe(3_000);
  });

  it('never shows half a file while it changes', async () => {
    const world = new World();
    const root = tree(world, 1);
    const [writer, reader] = (await readers(world, root, 2)) as [Peer, Peer];
    await writer.ask('update');
    const body = Array.from({ length: 70 }, (_, line) => `// line ${line}`).join('\n');
    for (let version = 1; version <= 10; version++) {
      writeFileSync(`${root}/file0.ts`, `// marker v${version} top\n${body}\n// marker v${version} bottom\n`);
      let done = false;
      const update = writer.ask('update').then(() => {
        done = true;
      });
      while (!done) {
        const { hits } = await reader.ask('search', 'marker', { context: 0 });
        const seen = new Set(hits.map(({ snippet }: { snippet: string }) => /v\d+/.exec(snippet)?.[0]));
        expect([hits.length, seen.size]).toEqual(hits.length === 0 ? [0, 0] : [2, 1]);
      }
      await update;
    }
  });

  it('stays fresh for a process that watches, whoever owns it', async () => {
    const world = new World();
    const root = tree(world, 5);
    const peers = await readers(world, root, 3);
    const owner = await ownerOf(peers);
    const others = peers.filter((peer) => peer !== owner) as [Peer, Peer];
    await others[0].ask('update');
    await others[0].ask('watch');
    writeFileSync(`${root}/zebra.ts`, 'export const zebra = 1;\n');
    await until(() => isFound(others[1], 'zebra'));
    await owner.kill();
    // Changed while nobody watches: the next owner's first scan finds it.
    rmSync(`${root}/zebra.ts`);
    writeFileSync(`${root}/giraffe.ts`, 'export const giraffe = 1;\n');
    await until(async () => (await isFound(others[1], 'giraffe')) && !(await isFound(others[1], 'zebra')));
    writeFileSync(`${root}/okapi.ts`, 'export const okapi = 1;\n');
    await until(() => isFound(others[1], 'okapi'));
  });

  it('stays fresh at a takeover although the signal that `watch` was given has fired since', async () => {
    const world = new World();
    const root = tree(world, 5);
    const peers = await readers(world, root, 2);
    const owner = await ownerOf(peers);
    const [other] = peers.filter((peer) => peer !== owner) as [Peer];
    await other.ask('watchAborting');
    await other.ask('abortAll');
    await owner.kill();
    writeFileSync(`${root}/zebra.ts`, 'export const zebra = 1;\n');
    await until(() => isFound(other, 'zebra'));
  });

  it('is watched again without anybody asking, where the next owner could not watch at first', async () => {
    const world = new World();
    const root = tree(world, 5);
    const [owner] = (await readers(world, root, 1)) as [Peer];
    const env = { ONEPOND_FAILPOINTS: 'index.watch=drop#1' };
    const others = await Promise.all([world.peer({ env }), world.peer({ env })]);
    const [watcher, onlooker] = others as [Peer, Peer];
    await Promise.all(others.map((peer) => peer.ask('openIndex', root)));
    await watcher.ask('watch');
    expect(await onlooker.ask('search', 'common')).toMatchObject({ watching: true });
    await owner.kill();
    writeFileSync(`${root}/zebra.ts`, 'export const zebra = 1;\n');
    const watchEvents = async () =>
      (await watcher.ask('state')).events.filter(([name]: [string]) => name.startsWith('watch-'));
    await until(async () => (await watchEvents()).length === 2);
    expect(await watchEvents()).toEqual([
      ['watch-lost', 'TIMEOUT'],
      ['watch-found', null],
    ]);
    expect(await onlooker.ask('search', 'zebra')).toMatchObject({
      watching: true,
      hits: [{ path: 'zebra.ts' }],
    });
    writeFileSync(`${root}/okapi.ts`, 'export const okapi = 1;\n');
    await until(() => isFound(onlooker, 'okapi'));
  });

  it('says that it is not watched until the next owner watches', async () => {
    const world = new World();
    const root = tree(world, 5);
    const [owner] = (await readers(world, root, 1)) as [Peer];
    const env = { ONEPOND_FAILPOINTS: 'index.watch=drop' };
    const [watcher] = [await world.peer({ env })] as [Peer];
    await watcher.ask('openIndex', root);
    await watcher.ask('watch');
    await owner.kill();
    await until(async () =>
      (await watcher.ask('state')).events.some(([name]: [string]) => name === 'watch-lost'),
    );
    expect(await watcher.ask('search', 'common')).toMatchObject({ watching: false });
    expect(await watcher.ask('indexStatus')).toMatchObject({ watching: false });
  });

  it('tells its watcher that the watch is over where the tree is gone', async () => {
    const world = new World();
    const root = tree(world, 5);
    const [owner] = (await readers(world, root, 1)) as [Peer];
    const [watcher] = (await readers(world, root, 1)) as [Peer];
    await watcher.ask('watch');
    rmSync(root, { recursive: true });
    await owner.kill();
    await until(async () =>
      (await watcher.ask('state')).events.some(
        ([name, code]: [string, string]) => name === 'watch-lost' && code === 'NOT_FOUND',
      ),
    );
    expect(await watcher.refusal('watch')).toMatchObject({ code: 'NOT_FOUND' });
    mkdirSync(root);
    writeFileSync(`${root}/zebra.ts`, 'export const zebra = 1;\n');
    await watcher.ask('watch');
    expect(await watcher.ask('search', 'zebra')).toMatchObject({
      watching: true,
      hits: [{ path: 'zebra.ts' }],
    });
  });

  it.runIf(process.platform === 'linux')(
    'is closed and not watched any more, while its handle lives on',
    async () => {
      const world = new World();
      const root = tree(world, 5);
      const [owner, reader] = await ownerFirst(await world.peers(2, world.path('app.duckdb')));
      for (const peer of [owner, reader]) {
        await peer.ask('openIndexOnHandle', root);
        await peer.ask('watch');
        expect(watchedFolders(owner)).toBeGreaterThan(0);
        await peer.ask('close');
        await until(() => watchedFolders(owner) === 0);
        expect(await peer.refusal('search', 'common')).toMatchObject({ code: 'CLOSED' });
        expect(await peer.refusal('update')).toMatchObject({ code: 'CLOSED' });
        expect(await peer.refusal('watch')).toMatchObject({ code: 'CLOSED' });
        expect(await peer.ask('query', 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
      }
    },
  );

  it('takes an option that is undefined for one that is not given, and a mode', async () => {
    const world = new World();
    const [peer] = (await readers(world, tree(world, 5), 1)) as [Peer];
    await peer.ask('update');
    expect((await peer.ask('searchUndefined', 'common')).hits).toHaveLength(10);
    expect((await peer.ask('search', 'alpha3 = 1', { mode: 'literal' })).hits).toHaveLength(1);
  });

  it('is not taken for watched where a `watch` has failed', async () => {
    const world = new World();
    const [peer] = (await readers(world, tree(world, 5), 1)) as [Peer];
    for (const _time of ['first', 'second'])
      expect(await peer.refusal('watchAborted')).toMatchObject({ code: 'ABORTED' });
    await peer.ask('watch');
    expect(await isFound(peer, 'common')).toBe(true);
  });

  it('is searched from two processes while a third updates it', async () => {
    const world = new World();
    const root = tree(world, 1_500);
    const peers = (await readers(world, root, 3)) as [Peer, Peer, Peer];
    let done = false;
    const update = peers[0].ask('update').finally(() => {
      done = true;
    });
    await until(() => isFound(peers[1], 'alpha0').catch(() => false));
    const search = async (peer: Peer): Promise<number> => {
      let answers = 0;
      for (; !done; answers++) expect((await peer.ask('search', 'alpha0')).hits[0].path).toBe('file0.ts');
      return answers;
    };
    const counts = await Promise.all([search(peers[1]), search(peers[2])]);
    expect((await update).result.files).toBe(1_500);
    for (const answers of counts) expect(answers).toBeGreaterThan(0);
  });
});
