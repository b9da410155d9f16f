import { COMMANDS, type CommandRow, GLOBAL_OPTIONS, type OptionRow } from './commands.ts';

/** What the three completion scripts are written from. */

/** What a shell offers in one place: names of files or folders, one of a few words, or nothing that it could know. */
export type Offer = 'files' | 'folders' | 'nothing' | readonly string[];

export interface OptionWords {
  /** `--format`, and `-n` where there is one. */
  readonly names: readonly string[];
  readonly text: string;
  /** May be given again. */
  readonly isMany: boolean;
  /** What may follow; null for an option without a value. */
  readonly value: Offer | null;
  /** What the value is called in the help. */
  readonly placeholder: string;
}

export interface CommandWords {
  readonly name: string;
  readonly text: string;
  readonly options: readonly OptionWords[];
  readonly argument: Offer;
}

/** Placeholders whose value is the name of a file. */
const FILES = /^(?:file|glob)$/;

function optionWords({ flags, text, kind, choices }: OptionRow): OptionWords {
  const [, placeholder = ''] = /<([^>]+)>/.exec(flags) ?? [];
  const value = placeholder === '' ? null : (choices ?? (FILES.test(placeholder) ? 'files' : 'nothing'));
  return { names: flags.match(/--?[a-z][\w-]*/g) ?? [], text, isMany: kind === 'many', value, placeholder };
}

const HELP: OptionWords = {
  names: ['-h', '--help'],
  text: 'help on a command',
  isMany: false,
  value: null,
  placeholder: '',
};
const VERSION: OptionWords = { ...HELP, names: ['-V', '--version'], text: 'the version of onepond' };

const shared = GLOBAL_OPTIONS.map(optionWords);

/** What may stand before a command. */
export const PROGRAM_OPTIONS: readonly OptionWords[] = [...shared, VERSION, HELP];

/** The options of each command include those that all of them take. */
export const COMMAND_WORDS: readonly CommandWords[] = [
  ...COMMANDS.map(
    (row): CommandWords => ({
      name: row.name,
      text: row.text,
      options: [...(row.options ?? []).map(optionWords), ...shared, HELP],
      argument: argumentOf(row),
    }),
  ),
  { name: 'help', text: HELP.text, options: [], argument: COMMANDS.map(({ name }) => name) },
];

function argumentOf({ args = '', choices }: CommandRow): Offer {
  return choices ?? (/\bpath\b/.test(args) ? 'folders' : 'nothing');
}

/** The names of the options that take a value. */
export const withValue = (options: readonly OptionWords[]): string[] =>
  options.filter(({ value }) => value !== null).flatMap(({ names }) => names);

/** A word for a shell, in single quotes. */
export const quote = (text: string, apostrophe = "'\\''"): string => `'${text.replaceAll("'", apostrophe)}'`;
