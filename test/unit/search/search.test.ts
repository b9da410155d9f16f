import { describe, expect, test } from 'vitest';
import { globToPattern } from '../../../src/search/glob.ts';
import { snippetOf } from '../../../src/search/snippet.ts';
import { type Files, openTestIndex, tempTree } from './fixture.ts';

async function indexed(files: Files) {
  const test = await openTestIndex();
  await test.index.update({ root: tempTree(files) });
  return test.index;
}

const LOCK = `import { open } from 'fs';

/** Takes the lock or waits. */
export async function acquireFileLock(path) {
  const handle = await open(path);
  return handle;
}
`;
const TREE = {
  'src/lock.ts': LOCK,
  'src/parse.py': 'def parse_request(data):\n    return data\n',
  'docs/lock.md': '# Locks\n\nA lock is released when its holder dies.\n',
  'test/lock.test.ts': 'test("the lock", () => acquireFileLock("x"));\n',
};

describe('search', () => {
  test('a hit has path, lines, score, language, symbol, snippet and matching lines', async () => {
    const index = await indexed(TREE);
    const { hits, generation, pending, query } = await index.search({ query: 'acquire file lock', limit: 1 });
    expect({ generation, pending, query }).toEqual({ generation: 1, pending: 0, query: 'acquire file lock' });
    expect(hits).toEqual([
      {
        path: 'src/lock.ts',
        start_line: 1,
        snippet_line: 1,
        end_line: 7,
        score: expect.any(Number),
        lang: 'typescript',
        symbol: expect.any(String),
        snippet: expect.stringContaining('export async function acquireFileLock(path) {'),
        match_lines: [3, 4],
      },
    ]);
  });

  test('an identifier is found by its parts, in any form of the words', async () => {
    const index = await indexed(TREE);
    for (const query of ['acquireFileLock', 'acquire_file_lock', 'acquiring file locks', 'ACQUIREFILELOCK']) {
      expect((await index.search({ query })).hits[0]?.path).toBe('src/lock.ts');
    }
  });

  test('a file is found by its name', async () => {
    const index = await indexed({ 'src/scheduler.ts': 'run();\n', 'src/other.ts': 'run();\n' });
    expect((await index.search({ query: 'scheduler' })).hits.map(({ path }) => path)).toEqual([
      'src/scheduler.ts',
    ]);
  });

  test('equal scores are ordered by path, then line', async () => {
    const index = await indexed({
      'c/z.txt': 'same words',
      'a/z.txt': 'same words',
      'b/z.txt': 'same words',
    });
    const paths = async (limit: number) =>
      (await index.search({ query: 'same words', limit })).hits.map(({ path }) => path);
    expect(await paths(3)).toEqual(['a/z.txt', 'b/z.txt', 'c/z.txt']);
    expect(await paths(1)).toEqual(['a/z.txt']);
  });

  test('a larger limit only adds hits at the end', async () => {
    const files = Array.from({ length: 120 }, (_, i) => [
      `f${i}.txt`,
      `pond ${'owner '.repeat(i % 7)} w${i}`,
    ]);
    const index = await indexed(Object.fromEntries(files));
    const { hits: all } = await index.search({ query: 'pond owner', limit: 1000 });
    expect(all).toHaveLength(120);
    for (const limit of [1, 10, 60]) {
      expect((await index.search({ query: 'pond owner', limit })).hits).toEqual(all.slice(0, limit));
    }
  });

  test('every search gives the same hits, also many at once', async () => {
    const index = await indexed(TREE);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => index.search({ query: 'lock data file' })),
    );
    expect(new Set(answers.map(({ hits }) => JSON.stringify(hits))).size).toBe(1);
  });

  test('explains a score by its terms', async () => {
    const index = await indexed(TREE);
    const { hits } = await index.search({ query: 'file lock', explain: true, limit: 1 });
    const sum = hits[0]?.explain?.reduce((total, { score }) => total + score, 0);
    expect(hits[0]?.explain?.map(({ term }) => term)).toEqual(expect.arrayContaining(['file', 'lock']));
    expect(sum).toBeCloseTo(hits[0]?.score ?? 0, 5);
  });

  test('text in scripts without spaces is found', async () => {
    const index = await indexed({ 'a.md': '全文検索の索引\n', 'b.md': '無関係\n' });
    expect((await index.search({ query: '検索' })).hits.map(({ path }) => path)).toEqual(['a.md']);
    expect((await index.search({ query: '索' })).hits.map(({ path }) => path)).toEqual(['a.md']);
  });

  test('a query without a word has no hits, a blank one is INVALID', async () => {
    const index = await indexed(TREE);
    expect((await index.search({ query: '=> {}' })).hits).toEqual([]);
    await expect(index.search({ query: '  ' })).rejects.toMatchObject({ code: 'INVALID' });
  });

  test('without an index is NOT_FOUND and says what to do', async () => {
    const { index } = await openTestIndex();
    await expect(index.search({ query: 'x' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      hint: 'run onepond index',
    });
  });

  test('an aborted search ends in ABORTED', async () => {
    const index = await indexed(TREE);
    await expect(index.search({ query: 'lock' }, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ABORTED',
    });
  });

  test('sees committed batches only while an update runs', async () => {
    const { index } = await openTestIndex();
    const root = tempTree(
      Object.fromEntries(Array.from({ length: 1500 }, (_, i) => [`f${i}.txt`, 'needle'])),
    );
    const sizes = new Set<number>();
    const probes: Promise<unknown>[] = [];
    const probe = () =>
      probes.push(index.search({ query: 'needle', limit: 1000 }).then(({ hits }) => sizes.add(hits.length)));
    await index.update(
      { root },
      { onProgress: ({ phase, files }) => phase === 'index' && files > 0 && probe() },
    );
    await Promise.all(probes);
    expect([...sizes].every((size) => size === 500 || size === 1000)).toBe(true);
  });
});

describe('filters', () => {
  test('globs and languages apply before the limit', async () => {
    const index = await indexed(TREE);
    const paths = async (params: object) =>
      (await index.search({ query: 'lock', ...params })).hits.map(({ path }) => path).sort();
    expect(await paths({ path: ['docs/**'], limit: 1 })).toEqual(['docs/lock.md']);
    expect(await paths({ path: ['*.ts'] })).toEqual(['src/lock.ts', 'test/lock.test.ts']);
    expect(await paths({ path: ['test', 'docs/'] })).toEqual(['docs/lock.md', 'test/lock.test.ts']);
    expect(await paths({ lang: ['Markdown'] })).toEqual(['docs/lock.md']);
    expect(await paths({ lang: ['typescript'], path: ['src/*'] })).toEqual(['src/lock.ts']);
  });

  test.each([
    ['*.ts', 'a/b/c.ts', true],
    ['*.ts', 'c.tsx', false],
    ['src/*.ts', 'src/a.ts', true],
    ['src/*.ts', 'src/b/a.ts', false],
    ['src/**', 'src/b/a.ts', true],
    ['src/**', 'lib/src/a.ts', false],
    ['src/**/a.ts', 'src/a.ts', true],
    ['**/a.ts', 'a.ts', true],
    ['/a.ts', 'b/a.ts', false],
    ['{src,lib}/*.{ts,js}', 'lib/a.js', true],
    ['[ab].ts', 'b.ts', true],
    ['[!ab].ts', 'b.ts', false],
    ['a?.ts', 'ab.ts', true],
    ['a+(b).ts', 'a+(b).ts', true],
    ['\\*.ts', 'a.ts', false],
  ])('the glob %s and the path %s: %s', (glob, path, matches) => {
    expect(new RegExp(`^(?:${globToPattern(glob)})$`, 's').test(path)).toBe(matches);
  });

  test.each(['[a', '{a', 'a}', '', '/'])('the glob "%s" is INVALID', async (glob) => {
    const index = await indexed(TREE);
    await expect(index.search({ query: 'lock', path: [glob] })).rejects.toMatchObject({ code: 'INVALID' });
  });
});

describe('literal and regex', () => {
  test('a literal query is one exact string, case and all', async () => {
    const index = await indexed(TREE);
    const { hits } = await index.search({ query: 'await open(path)', literal: true });
    expect(hits.map(({ path, match_lines }) => [path, match_lines])).toEqual([['src/lock.ts', [5]]]);
    expect((await index.search({ query: 'AWAIT open(path)', literal: true })).hits).toEqual([]);
  });

  test('hits are ordered by their number of matching lines, then path', async () => {
    const index = await indexed({ 'b.txt': 'x=1\n', 'a.txt': 'x=1\n', 'c.txt': 'x=1\nx=2\n' });
    const { hits } = await index.search({ query: '^x=\\d$', regex: true });
    expect(hits.map(({ path, score }) => [path, score])).toEqual([
      ['c.txt', 2],
      ['a.txt', 1],
      ['b.txt', 1],
    ]);
  });

  test('filters and the limit apply', async () => {
    const index = await indexed(TREE);
    const { hits } = await index.search({ query: 'acquire\\w+', regex: true, path: ['test/**'], limit: 5 });
    expect(hits.map(({ path }) => path)).toEqual(['test/lock.test.ts']);
  });

  test('a pattern that RE2 refuses is INVALID', async () => {
    const index = await indexed(TREE);
    for (const query of ['(', 'a(?=b)', '*']) {
      await expect(index.search({ query, regex: true })).rejects.toMatchObject({ code: 'INVALID' });
    }
    await expect(index.search({ query: 'a', regex: true, literal: true })).rejects.toMatchObject({
      code: 'INVALID',
    });
  });
});

describe('a snippet', () => {
  const lines = Array.from({ length: 40 }, (_, i) => `line ${i}`);

  test('is the densest window of matching lines with lines around them', () => {
    expect(snippetOf(lines, [3, 20, 22], 1).text).toBe(lines.slice(19, 24).join('\n'));
  });

  test('is the first of equal windows', () => {
    expect(snippetOf(lines, [5, 30], 0).text).toBe('line 5');
  });

  test('without a matching line is the beginning', () => {
    expect(snippetOf(lines, [], 0).text.split('\n')[0]).toBe('line 0');
  });

  test('cuts long lines', () => {
    expect(snippetOf(['x'.repeat(1000)], [0], 0).text).toHaveLength(401);
  });
});
