import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.ts';
import { World } from '../support/world.ts';

const ZSH = new URL('../fixtures/shells/zsh-completions.zsh', import.meta.url).pathname;

/** Asks a real shell what it offers behind a line. */
type Complete = (world: World, script: string, line: string) => string[];

const SHELLS: Readonly<Record<string, Complete>> = {
  bash(world, script, line) {
    // As readline splits a line: at spaces, and around `=`.
    const words = line.split(/ |(?<==)|(?==)/);
    const ask = `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
      _onepond; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return offers(world, 'bash', ['--norc', '-c', `${script}\n${ask}`]);
  },
  zsh(world, script, line) {
    writeFileSync(world.path('script'), script);
    const shown = offers(world, 'zsh', ['-f', ZSH, 'source ./script', line]);
    return hits(shown);
  },
  fish(world, script, line) {
    writeFileSync(world.path('script'), script);
    const shown = offers(world, 'fish', ['--no-config', '-c', `source script; complete -C '${line}'`]);
    return shown.map((row) => row.split('\t')[0] ?? '');
  },
};

function offers(world: World, shell: string, args: string[]): string[] {
  const { stdout, stderr, error } = spawnSync(shell, args, {
    cwd: world.dir,
    encoding: 'utf8',
    env: { ...world.env, HOME: world.dir, TERM: 'xterm' },
  });
  if (error) throw error;
  expect(stderr).toBe('');
  return stdout.split('\n').filter((row) => row !== '');
}

/** What the terminal shows beside the offers must not be a complaint. */
function hits(shown: readonly string[]): string[] {
  expect(shown.filter((row) => /_onepond:|error|not found|invalid/i.test(row))).toEqual([]);
  return shown.filter((row) => row.startsWith('> ')).map((row) => row.slice(2));
}

const isThere = (shell: string): boolean => !spawnSync(shell, ['--version']).error;
for (const shell of Object.keys(SHELLS).filter((name) => !isThere(name)))
  console.warn(`${shell} is not installed: completion is not tried in it`);

const commands = [...COMMANDS.map(({ name }) => name), 'help'].sort();
const FORMATS = ['csv', 'json', 'ndjson', 'table'];

const CASES: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ['onepond ', commands],
  ['onepond se', ['search', 'serve']],
  ['onepond --json ', commands],
  // The value of an option is no command, though it may be called like one.
  ['onepond --db a.duckdb ', commands],
  ['onepond --db status se', ['search', 'serve']],
  ['onepond --timeout 5 sql --format ', FORMATS],
  ['onepond --db ap', ['app.duckdb']],
  ['onepond sql --db ap', ['app.duckdb']],
  ['onepond --timeout ', []],
  ['onepond sql --format ', FORMATS],
  ['onepond sql --format nd', ['ndjson']],
  ['onepond sql --param 1 --format ', FORMATS],
  ['onepond sql x --param 1 --param 2 --form', ['--format']],
  ['onepond search -n 5 --fr', ['--fresh']],
  ['onepond search x --format v', ['vimgrep']],
  ['onepond search --li', ['--limit', '--literal']],
  ['onepond search --path ap', ['app.duckdb']],
  ['onepond search parse ', []],
  ['onepond index fol', ['folder']],
  ['onepond index --full fol', ['folder']],
  ['onepond status --js', ['--json']],
  ['onepond stop --qui', ['--quiet']],
  ['onepond doctor --f', ['--fix']],
  ['onepond serve --wat', ['--watch']],
  ['onepond completion ', ['bash', 'fish', 'zsh']],
  ['onepond help se', ['search', 'serve']],
];

describe.each(Object.keys(SHELLS).filter(isThere))('completion in a real %s', (shell) => {
  it('offers commands, options, their values, files and folders', async () => {
    const world = new World();
    writeFileSync(world.path('app.duckdb'), '');
    mkdirSync(world.path('folder'));
    const { stdout: script, code } = await world.cli(['completion', shell]);
    expect(code).toBe(0);
    const complete = SHELLS[shell] as Complete;
    const plain = (offer: string): string => offer.replace(/[/=]$/, '');
    const asked = CASES.map(([line]) => [
      line,
      [...new Set(complete(world, script, line).map(plain))].sort(),
    ]);
    expect(asked).toEqual(CASES.map(([line, offered]) => [line, [...offered].sort()]));
  });

  it('completes a value behind an equals sign', async () => {
    const world = new World();
    const { stdout: script } = await world.cli(['completion', shell]);
    const offered = (SHELLS[shell] as Complete)(world, script, 'onepond sql --format=nd');
    expect(offered.map((offer) => offer.replace('--format=', ''))).toEqual(['ndjson']);
  });
});

describe.runIf(isThere('zsh'))('completion in zsh', () => {
  it('works from a file in fpath, as the script says', async () => {
    const world = new World();
    mkdirSync(world.path('functions'));
    const { stdout: script } = await world.cli(['completion', 'zsh']);
    writeFileSync(world.path('functions', '_onepond'), script);
    const setup = 'fpath=($PWD/functions $fpath); compinit -u -D';
    const shown = offers(world, 'zsh', ['-f', ZSH, setup, 'onepond se']);
    expect(hits(shown)).toEqual(['search', 'serve']);
  });
});
