import { describe, expect, it } from 'vitest';
import { globFromHere } from '../../../src/cli/path-globs.ts';

describe('a glob on the command line', () => {
  it.each([
    ['*.ts', '*.ts'],
    ['/src', '/src'],
    ['!docs', '!docs'],
    ['.github/**', '.github/**'],
    ['..a', '..a'],
    ['.', '/p/src/'],
    ['./', '/p/src/'],
    ['./lib/*.ts', '/p/src/lib/*.ts'],
    ['.//lib', '/p/src/lib'],
    ['!./lib', '!/p/src/lib'],
    ['..', '/p/'],
    ['../docs/**', '/p/docs/**'],
    ['./../../q', '/q'],
    ['../../../../q', '/q'],
  ])('%s stands for %s in /p/src', (glob, meant) => {
    expect(globFromHere(glob, '/p/src')).toBe(meant);
  });

  it('takes the name of the folder as it is', () => {
    expect(globFromHere('./x?', '/p/[a] {b}!')).toBe('/p/\\[a\\] \\{b\\}\\!/x?');
  });
});
