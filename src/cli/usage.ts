import type { Command, CommanderError } from 'commander';
import { PondError } from '../errors.ts';
import { COMMANDS } from './commands.ts';
import { EXIT } from './context.ts';
import { printError } from './print.ts';

/** Known before the arguments are understood, as that may be what fails. */
export function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return argv.slice(0, end < 0 ? argv.length : end).includes('--json');
}

/** The name alone, to be refused: help on a command that is none would be help on all, as if nothing were wrong. */
export function unknownCommand(program: Command, argv: readonly string[]): string[] | undefined {
  const [first, second] = program.parseOptions([...argv]).operands;
  const name = first === 'help' ? second : first;
  return name === undefined || name === 'help' || COMMANDS.some((row) => row.name === name)
    ? undefined
    : [name];
}

/** Wrong usage as every other error is said. @returns the exit status */
export function reportUsage({ code, exitCode, message }: CommanderError, options: { json: boolean }): number {
  if (exitCode === 0) return EXIT.done;
  // Without a command, commander has shown the help.
  if (code !== 'commander.help') printError(usageError(message), options);
  else if (options.json) printError(usageError('no command is named'), options);
  return EXIT.usage;
}

/** Commander's `error: unknown command 'serch'\n(Did you mean search?)`. */
function usageError(text: string): PondError {
  if (/^error: unknown option '[^']*\s/.test(text)) {
    return new PondError('INVALID', 'a text that begins with - is taken for an option', {
      hint: 'put it behind --, or give a statement on stdin: onepond sql -',
    });
  }
  const [first = '', guess = ''] = text.split('\n');
  const hint = /^\((.*)\)$/.exec(guess)?.[1] ?? 'onepond --help lists commands and options';
  return new PondError('INVALID', first.replace(/^error: /, ''), { hint });
}
