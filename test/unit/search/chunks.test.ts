import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chunksOf, linesOf, MAX_LINES } from '../../../src/search/chunks.ts';
import { definitionsIn } from '../../../src/search/definitions.ts';

const body = (lines: number) => Array.from({ length: lines }, (_, i) => `  step(${i});`).join('\n');
const fn = (name: string, lines: number) =>
  `/** What ${name} does. */\nfunction ${name}() {\n${body(lines)}\n}\n`;

describe('chunks', () => {
  test('a short file is one chunk', () => {
    expect(chunksOf(fn('alpha', 3), 'javascript')).toMatchObject([
      { startLine: 1, endLine: 6, symbol: 'alpha', names: ['alpha'] },
    ]);
  });

  test('a chunk prefers to begin at the comment of a definition', () => {
    const [, second] = chunksOf([fn('alpha', 30), fn('beta', 40), fn('gamma', 3)].join('\n'), 'javascript');
    expect(second).toMatchObject({ startLine: 35, symbol: 'beta' });
  });

  test('a chunk in the middle of a definition has its name', () => {
    const chunks = chunksOf(fn('alpha', 150), 'javascript');
    expect(chunks.map(({ symbol }) => symbol)).toEqual(chunks.map(() => 'alpha'));
  });

  test('a heading names what follows it', () => {
    const text = `# Setup\n\n${'word word\n\n'.repeat(40)}`;
    expect(chunksOf(text, 'markdown').map(({ symbol }) => symbol)).toEqual(['Setup', 'Setup']);
  });

  test('blank files have no chunks', () => {
    expect(chunksOf('\n  \n\t\n', 'text')).toEqual([]);
  });

  test('all kinds of line ends count lines alike', () => {
    expect(linesOf('a\r\nb\rc\nd\n')).toEqual(['a', 'b', 'c', 'd']);
  });

  test('every line that is not blank is in exactly one chunk, unchanged', () => {
    const line = fc.oneof(
      fc.constant(''),
      fc.constant('function f() {'),
      fc.string({ maxLength: 200 }).map((text) => text.replace(/[\r\n]/g, '')),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 300 }), (lines) => {
        const chunks = chunksOf(lines.join('\n'), 'javascript');
        const seen = new Map<number, string>();
        for (const { startLine, endLine, text } of chunks) {
          expect(endLine - startLine).toBeLessThan(MAX_LINES);
          const inside = text.split('\n');
          expect(inside).toHaveLength(endLine - startLine + 1);
          inside.forEach((content, i) => {
            expect(seen.has(startLine + i)).toBe(false);
            seen.set(startLine + i, content);
          });
        }
        lines.forEach((content, i) => {
          if (content.trim() !== '') expect(seen.get(i + 1)).toBe(content);
        });
      }),
    );
  });
});

describe('definitions', () => {
  const names = (lines: string[], family: Parameters<typeof definitionsIn>[1]) =>
    definitionsIn(lines, family).map(({ name }) => name);

  test.each([
    ['ecma', 'export async function load(path: string) {', 'load'],
    ['ecma', 'export const parse = (text) => {', 'parse'],
    ['ecma', '  private async flush(): Promise<void> {', 'flush'],
    ['rust', 'pub(crate) async fn open_file<P>(path: P) -> Result<()> {', 'open_file'],
    ['rust', "impl<'a> Iterator for Tokens<'a> {", 'Tokens'],
    ['python', '    async def fetch(self):', 'fetch'],
    ['go', 'func (s *Server) Serve(l net.Listener) error {', 'Serve'],
    ['c', 'static void *allocate(size_t bytes)', 'allocate'],
    [
      'c',
      'unique_ptr<Expression> Binder::BindExpression(ParsedExpression &expr) {',
      'Binder::BindExpression',
    ],
    ['jvm', '    public static List<String> names(int limit) {', 'names'],
    ['jvm', 'data class Point(val x: Int)', 'Point'],
    ['ruby', '  def self.call(env)', 'call'],
    ['shell', 'install_hooks() {', 'install_hooks'],
    ['sql', 'CREATE OR REPLACE VIEW active_users AS', 'active_users'],
    ['markdown', '## How it works', 'How it works'],
    ['section', '[profile.release]', 'profile.release'],
  ] as const)('%s: %s', (family, line, name) => {
    expect(names([line], family)).toEqual([name]);
  });

  test('control flow is no definition', () => {
    expect(names(['  if (ready()) {', '  for (const a of b) {', '  return call(x);'], 'ecma')).toEqual([]);
    expect(names(['  while (next()) {', 'return call(x)', 'else if (x)'], 'c')).toEqual([]);
  });
});
