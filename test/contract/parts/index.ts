import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type Contract, tempFolder } from '../place.ts';

function tree(): string {
  const root = tempFolder();
  mkdirSync(join(root, 'src'));
  writeFileSync(
    join(root, 'src', 'walrus.ts'),
    'export function feedWalrus(fish: number): number {\n  return fish + 1;\n}\n',
  );
  writeFileSync(join(root, 'README.md'), '# Zoo\n\nThe walrus eats herring.\n');
  return root;
}

export function indexContract(contract: Contract): void {
  it('an update brings the tree in, and a search finds it', async () => {
    const { client, place } = await contract.open();
    const root = tree();
    expect(await client.call('index/status', {})).toBeNull();
    const updated = await client.call('index/update', { root });
    expect(updated).toMatchObject({
      root,
      db: place.database.path,
      files: 2,
      added: 2,
      changed: 0,
      removed: 0,
    });
    const { hits, generation } = await client.call('index/search', { query: 'feed walrus' });
    expect(generation).toBe(updated.generation);
    expect(hits[0]).toMatchObject({
      path: 'src/walrus.ts',
      start_line: 1,
      lang: 'typescript',
      symbol: 'feedWalrus',
    });
    expect(await client.call('index/status', {})).toMatchObject({ root, files: 2, generation, pending: 0 });
    expect(await client.call('status', {})).toMatchObject({ index: { root, files: 2 } });
  });

  it('a second update does what has changed', async () => {
    const { client } = await contract.open();
    const root = tree();
    await client.call('index/update', { root });
    rmSync(join(root, 'README.md'));
    writeFileSync(join(root, 'src', 'otter.ts'), 'export const otter = 1;\n');
    expect(await client.call('index/update', { root, paths: ['README.md'] })).toMatchObject({
      added: 0,
      removed: 1,
    });
    expect(await client.call('index/update', { root })).toMatchObject({
      files: 2,
      added: 1,
      unchanged: 1,
      removed: 0,
    });
    expect((await client.call('index/search', { query: 'herring' })).hits).toEqual([]);
    expect((await client.call('index/search', { query: 'otter' })).hits).toHaveLength(1);
  });

  it('takes every option of a search', async () => {
    const { client } = await contract.open();
    await client.call('index/update', { root: tree() });
    const limited = await client.call('index/search', { query: 'walrus', limit: 1, explain: true });
    expect(limited.hits).toHaveLength(1);
    expect(limited.hits[0]?.explain?.length).toBeGreaterThan(0);
    const paths = async (more: object): Promise<string[]> =>
      (await client.call('index/search', { query: 'walrus', ...more })).hits.map(({ path }) => path);
    expect(await paths({ path: ['*.md'] })).toEqual(['README.md']);
    expect(await paths({ lang: ['typescript'] })).toEqual(['src/walrus.ts']);
    expect(await paths({ query: 'The walrus', literal: true })).toEqual(['README.md']);
    expect(await paths({ query: 'The walrus', mode: 'literal' })).toEqual(['README.md']);
    expect(await paths({ query: 'feed[A-Z]\\w+', mode: 'regex' })).toEqual(['src/walrus.ts']);
    expect(await paths({ mode: 'ranked', literal: false })).toHaveLength(2);
    for (const wrong of [
      { mode: 'ranked', regex: true },
      { mode: 'literal', regex: true },
      { mode: 'literal', literal: false },
    ] as const)
      await expect(client.call('index/search', { query: 'a', ...wrong })).rejects.toMatchObject({
        code: 'INVALID',
      });
    expect(await paths({ query: 'feed[A-Z]\\w+', regex: true, context: 0 })).toEqual(['src/walrus.ts']);
  });

  it('understands a filter as people write it, or refuses it', async () => {
    const { client } = await contract.open();
    const root = tree();
    await client.call('index/update', { root });
    const paths = async (more: object): Promise<string[]> =>
      (await client.call('index/search', { query: 'walrus', ...more })).hits.map(({ path }) => path);
    expect(await paths({ path: ['!src/**'] })).toEqual(['README.md']);
    expect(await paths({ path: ['!*.md', './src/'] })).toEqual(['src/walrus.ts']);
    expect(await paths({ path: [`${root}/src`] })).toEqual(['src/walrus.ts']);
    expect(await paths({ lang: ['TS', 'c++'] })).toEqual(['src/walrus.ts']);
    expect(await paths({ lang: ['!ts'] })).toEqual(['README.md']);
    for (const wrong of [
      ...[{ path: [''] }, { path: ['!'] }, { path: ['../x'] }, { path: ['/etc/**'] }, { path: ['src\\a'] }],
      ...[{ path: Array.from({ length: 1000 }, () => 'a'.repeat(100)) }],
      ...[{ lang: [''] }, { lang: ['klingon'] }, { lang: ['pyhton'] }],
    ])
      await expect(client.call('index/search', { query: 'walrus', ...wrong })).rejects.toMatchObject({
        code: 'INVALID',
      });
  });

  it('marks a hit whose file has changed since, and says when it looked and that nobody watches', async () => {
    const { client } = await contract.open();
    const root = tree();
    await client.call('index/update', { root });
    const search = () => client.call('index/search', { query: 'walrus' });
    const before = await search();
    expect(before).toMatchObject({ watching: false, pending: 0, checked_at: expect.stringMatching(/Z$/) });
    expect(before.hits.map((hit) => hit.stale)).toEqual([undefined, undefined]);
    writeFileSync(join(root, 'README.md'), '# Zoo\n\nThe otter eats herring.\n');
    const after = await search();
    expect(after.hits.filter((hit) => hit.stale).map(({ path }) => path)).toEqual(['README.md']);
    expect(after).toMatchObject({ pending: 1, generation: before.generation });
    await client.call('index/update', { root });
    expect((await search()).hits.map((hit) => hit.stale)).toEqual([undefined]);
  });

  it('says of a watched index that it is watched', async () => {
    const { client, another } = await contract.open();
    const root = tree();
    const watcher = await another();
    await watcher.call('index/watch', { root, watch: 1 });
    const watching = async () => (await client.call('index/search', { query: 'walrus' })).watching;
    expect(await watching()).toBe(true);
    expect(await client.call('index/status', {})).toMatchObject({ watching: true, complete: true });
    await watcher.call('index/unwatch', { watch: 1 });
    expect(await watching()).toBe(false);
  });

  it('is NOT_FOUND where some paths alone were indexed, as nobody adds the rest', async () => {
    const { client } = await contract.open();
    const root = tree();
    await client.call('index/update', { root, paths: ['src'] });
    await expect(client.call('index/search', { query: 'walrus' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      hint: expect.stringContaining('onepond index'),
    });
    expect(await client.call('index/status', {})).toMatchObject({ files: 1, complete: false });
  });

  it('does not index what the kernel shows of itself', async () => {
    const { client } = await contract.open();
    for (const root of ['/proc', '/sys/kernel', '/proc/'])
      await expect(client.call('index/update', { root })).rejects.toMatchObject({ code: 'INVALID' });
    expect(await client.call('index/status', {})).toBeNull();
  });

  it('is NOT_FOUND before the first update, and INVALID for a bad pattern', async () => {
    const { client } = await contract.open();
    await expect(client.call('index/search', { query: 'a' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(client.call('index/update', { root: '/no/such/folder' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await client.call('index/update', { root: tree() });
    await expect(client.call('index/search', { query: '(', regex: true })).rejects.toMatchObject({
      code: 'INVALID',
    });
    await expect(client.call('index/search', { query: '  ' })).rejects.toMatchObject({ code: 'INVALID' });
  });

  it('its tables can be read and joined in SQL', async () => {
    const { client } = await contract.open();
    await client.call('index/update', { root: tree() });
    expect(await client.rows('SELECT path FROM _onepond.files ORDER BY path')).toEqual([
      { path: 'README.md' },
      { path: 'src/walrus.ts' },
    ]);
  });

  it('an aborted update ends in ABORTED, and the next one is whole', async () => {
    const { client } = await contract.open();
    const root = tree();
    const stop = new AbortController();
    stop.abort();
    const call = client.call('index/update', { root }, stop.signal);
    await expect(call).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await client.call('index/update', { root })).toMatchObject({ files: 2 });
  });

  it('updates that arrive together do not disturb each other or the searches beside them', async () => {
    const { client, another } = await contract.open();
    const root = tree();
    await client.call('index/update', { root });
    const others = await Promise.all([another(), another()]);
    const updates = others.map((other) => other.call('index/update', { root, full: true }));
    expect((await client.call('index/search', { query: 'herring' })).hits).toHaveLength(1);
    for (const update of updates) expect(await update).toMatchObject({ files: 2, unchanged: 2 });
  });

  it('a watch is held by a session', async () => {
    const { client } = await contract.open();
    const root = tree();
    expect(await client.call('index/watch', { root })).toEqual({});
    expect(await client.call('index/status', {})).toMatchObject({ root, files: 2 });
  });
}
