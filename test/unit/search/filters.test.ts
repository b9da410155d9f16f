import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { escapeGlob, globToPattern } from '../../../src/search/glob.ts';
import { openTestIndex, tempFolder, tempTree } from './fixture.ts';

const TREE = {
  'a.ts': 'heron',
  'src/a.ts': 'heron',
  'src/lib/b.cpp': 'heron',
  'src/lib/b.hpp': 'heron',
  'docs/a.md': 'heron',
  'vendor/x/a.ts': 'heron',
  '!odd/a.ts': 'heron',
  'app/(auth)/page.tsx': 'heron',
};
const ALL = Object.keys(TREE).sort();

async function indexed() {
  const { index } = await openTestIndex();
  const root = tempTree(TREE);
  await index.update({ root });
  const paths = async (params: object) =>
    (await index.search({ query: 'heron', limit: 100, ...params })).hits.map(({ path }) => path).sort();
  return { root, index, paths };
}

describe('a search limited to paths', () => {
  test('leaves out what a glob with ! matches, in any order and beside globs that include', async () => {
    const { paths } = await indexed();
    const without = (...prefixes: string[]) =>
      ALL.filter((path) => !prefixes.some((prefix) => path.startsWith(prefix)));
    expect(await paths({ path: ['!vendor/**'] })).toEqual(without('vendor/'));
    expect(await paths({ path: ['!vendor', '!docs/'] })).toEqual(without('vendor/', 'docs/'));
    expect(await paths({ path: ['!lib', 'src'] })).toEqual(['src/a.ts']);
    expect(await paths({ path: ['*.ts', '!/a.ts', '!vendor'] })).toEqual(['!odd/a.ts', 'src/a.ts']);
    expect(await paths({ path: ['\\!odd/**'] })).toEqual(['!odd/a.ts']);
    expect(await paths({ path: ['!\\!odd'] })).toEqual(without('!odd/'));
    expect(await paths({ path: ['!(auth)'] })).toEqual(without('app/(auth)'));
  });

  test('takes a path as people write it', async () => {
    const { root, paths } = await indexed();
    for (const [glob, found] of [
      ['./a.ts', ['a.ts']],
      ['.//src/./lib/', ['src/lib/b.cpp', 'src/lib/b.hpp']],
      ['src/lib/../a.ts', ['src/a.ts']],
      ['src/../a.ts', ['a.ts']],
      ['a.ts/', []],
      ['.', ALL],
      ['./', ALL],
      ['src/..', ALL],
      [root, ALL],
      [`${root}/`, ALL],
      [`${root}/src/**`, ['src/a.ts', 'src/lib/b.cpp', 'src/lib/b.hpp']],
      [`${root}//src/lib/*.cpp`, ['src/lib/b.cpp']],
      ['/src/*', ['src/a.ts', 'src/lib/b.cpp', 'src/lib/b.hpp']],
    ] as const)
      expect([glob, await paths({ path: [glob] })]).toEqual([glob, found]);
    expect(await paths({ path: [`!${root}/src`, '*.ts'] })).toEqual(['!odd/a.ts', 'a.ts', 'vendor/x/a.ts']);
  });

  test.each([
    ...['', ' ', '!', '! ', '!!vendor', '/', '//'],
    ...[
      '..',
      '../x',
      '!../x',
      'a/../../x',
      '**/../x',
      '{src,../x}',
      '/etc/passwd',
      '/tmp/**',
      'C:\\src',
      'C:/src',
    ],
    ...['[a', '{a', 'a}', '[]', '[!]', '[z-a]', '[a/b]', '[[:alpha:]]', 'x\\'],
    ...['src\\lib\\b.cpp', '{1..3}.ts', '{./src,docs}', '@(a|b).ts', '!(a|b)'],
  ])('the glob "%s" can match nothing, and is INVALID with what it says', async (glob) => {
    const { index } = await indexed();
    await expect(index.search({ query: 'heron', path: ['src', glob] })).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringContaining(glob.replace(/^!(?=[^!])/, '').trim()),
    });
  });

  test('globs that are too many or too long are INVALID, and none of them holds the thread up', async () => {
    const { index } = await indexed();
    for (const path of [
      Array.from({ length: 1000 }, (_, i) => `${i}${'x'.repeat(4000)}`),
      ['{'.repeat(2000) + '}'.repeat(1999)],
      [`${'x/'.repeat(1000)}${'../'.repeat(1001)}`],
    ])
      await expect(index.search({ query: 'heron', path })).rejects.toMatchObject({ code: 'INVALID' });
    expect((await index.search({ query: 'heron', path: [`${'./'.repeat(2000)}docs`] })).hits).toHaveLength(1);
  });

  test('a glob of any path matches that path, and no other', () => {
    const character = fc.constantFrom(...'ab1 .-_*?[]{}!,\\()|^$+é');
    const name = fc
      .string({ unit: character, minLength: 1, maxLength: 6 })
      .filter((text) => !/^\.+$/.test(text));
    const path = fc.array(name, { minLength: 2, maxLength: 3 }).map((names) => names.join('/'));
    fc.assert(
      fc.property(path, path, (one, other) => {
        const pattern = new RegExp(`^(?:${globToPattern(`/${escapeGlob(one)}`)})$`, 's');
        expect(pattern.test(one)).toBe(true);
        expect(pattern.test(other)).toBe(other === one || other.startsWith(`${one}/`));
      }),
    );
  });

  test('no text is read as a pattern that DuckDB refuses: it is INVALID, or it searches', async () => {
    const { index } = await indexed();
    const text = fc.string({ unit: fc.constantFrom(...'ab/.*?[]{}!,\\-^()|:+$ é'), maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(text, async (glob) => {
        const code = await index.search({ query: 'heron', path: [glob] }).then(
          () => 'INVALID',
          (error) => error.code,
        );
        expect([glob, code]).toEqual([glob, 'INVALID']);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a search limited to languages', () => {
  test.each([
    ['c++', ['src/lib/b.cpp', 'src/lib/b.hpp']],
    ['CPP', ['src/lib/b.cpp', 'src/lib/b.hpp']],
    ['.hpp', ['src/lib/b.cpp', 'src/lib/b.hpp']],
    ['md', ['docs/a.md']],
    [' Markdown ', ['docs/a.md']],
    ['ts,!md', ['!odd/a.ts', 'a.ts', 'app/(auth)/page.tsx', 'src/a.ts', 'vendor/x/a.ts']],
    ['md, c++', ['docs/a.md', 'src/lib/b.cpp', 'src/lib/b.hpp']],
    ['golang', []],
  ])('understands %s', async (lang, found) => {
    const { paths } = await indexed();
    expect(await paths({ lang: [lang] })).toEqual(found);
  });

  test('leaves out a language with !', async () => {
    const { paths } = await indexed();
    expect(await paths({ lang: ['!c++', '!ts'] })).toEqual(['docs/a.md']);
  });

  test.each([
    ['pyhton', 'python'],
    ['typescrip', 'typescript'],
    ['c+', 'c++'],
    ['klingon', 'known are typescript'],
    ['', 'known are typescript'],
    ['!', 'known are typescript'],
    ['ts,', 'known are typescript'],
    ['constructor', 'known are'],
    ['*.ts', 'known are'],
  ])('refuses %j, and names the nearest', async (lang, hint) => {
    const { index } = await indexed();
    await expect(index.search({ query: 'heron', lang: [lang] })).rejects.toMatchObject({
      code: 'INVALID',
      hint: expect.stringContaining(hint),
    });
  });

  test.each(
    Object.entries({
      'c#': 'csharp',
      cs: 'csharp',
      js: 'javascript',
      node: 'javascript',
      py: 'python',
      rs: 'rust',
      rb: 'ruby',
      sh: 'shell',
      bash: 'shell',
      kt: 'kotlin',
      'objective-c': 'objc',
      'f#': 'fsharp',
      docker: 'dockerfile',
      tf: 'hcl',
      terraform: 'hcl',
      yml: 'yaml',
      proto: 'protobuf',
      makefile: 'make',
      hs: 'haskell',
      ps: 'powershell',
    }),
  )('%s is %s', async (alias, name) => {
    const { languageNamed } = await import('../../../src/search/languages.ts');
    expect(languageNamed(alias)).toBe(name);
  });
});

test('a wrong filter is refused before an index is looked for', async () => {
  const { index } = await openTestIndex();
  for (const wrong of [{ lang: ['klingon'] }, { path: ['[a'] }])
    await expect(index.search({ query: 'heron', ...wrong })).rejects.toMatchObject({ code: 'INVALID' });
  await index.update({ root: tempFolder() });
});
