import type { Run } from './context.ts';

/** The table of commands: help, parsing and completion follow from it. */

export interface OptionRow {
  /** As commander reads it. */
  readonly flags: string;
  readonly text: string;
  readonly kind?: 'count' | 'positive' | 'ms' | 'many';
  readonly choices?: readonly string[];
}

export interface CommandRow {
  readonly name: string;
  /** As commander reads it: `<must>`, `[may]`, `<more...>`. */
  readonly args?: string;
  readonly text: string;
  readonly options?: readonly OptionRow[];
  readonly choices?: readonly string[];
  /** It hears of an interrupt by itself, and takes the time that it needs to leave. */
  readonly endsByItself?: boolean;
  readonly load: () => Promise<{ readonly run: Run }>;
}

export const GLOBAL_OPTIONS: readonly OptionRow[] = [
  {
    flags: '--db <file>',
    text: 'the database; else ONEPOND_DB, else the index of the project around this folder',
  },
  { flags: '--json', text: 'JSON on stdout' },
  {
    flags: '--timeout <ms>',
    text: 'how long to wait for an owner, not for the query (10000)',
    kind: 'ms',
  },
  { flags: '--quiet', text: 'no progress and no notes' },
  { flags: '--no-color', text: 'no colours; NO_COLOR does the same' },
  { flags: '--debug', text: 'stack traces, and a log beside the database' },
];

export const COMMANDS: readonly CommandRow[] = [
  {
    name: 'index',
    args: '[path]',
    text: 'bring the index of a folder up to date',
    options: [{ flags: '--full', text: 'read every file again' }],
    load: () => import('./index-command.ts'),
  },
  {
    name: 'search',
    args: '<text...>',
    text: 'search the index; makes it first where there is none',
    options: [
      { flags: '-n, --limit <count>', text: 'hits at most (10)', kind: 'positive' },
      {
        flags: '--path <glob>',
        text: 'only paths that match, or with !glob none; may be given again',
        kind: 'many',
      },
      {
        flags: '--lang <language>',
        text: 'only this language (ts, c++, …), or with !language not this; may be given again',
        kind: 'many',
      },
      { flags: '--literal', text: 'the text is one exact string' },
      { flags: '--regex', text: 'the text is a regular expression' },
      { flags: '--context <count>', text: 'lines around each match (2)', kind: 'count' },
      { flags: '--explain', text: 'how each hit came by its score' },
      { flags: '--fresh', text: 'bring the index up to date first' },
      { flags: '--format <format>', text: 'how hits are printed', choices: ['text', 'vimgrep', 'json'] },
    ],
    load: () => import('./search-command.ts'),
  },
  {
    name: 'sql',
    args: '<statement>',
    text: 'run SQL; - reads it from stdin',
    options: [
      { flags: '--param <value>', text: 'a value for $1, $2, …: a JSON scalar, else a string', kind: 'many' },
      {
        flags: '--format <format>',
        text: 'how rows are printed',
        choices: ['table', 'json', 'ndjson', 'csv'],
      },
    ],
    load: () => import('./sql-command.ts'),
  },
  {
    name: 'status',
    text: 'who owns the file, who is connected, how fresh the index is; starts nothing',
    load: () => import('./status-command.ts'),
  },
  {
    name: 'serve',
    text: 'own the file until stopped',
    options: [
      { flags: '--watch', text: 'keep the index of the project fresh' },
      { flags: '--detach', text: 'in the background; returns when it is ready' },
      { flags: '--idle-timeout <ms>', text: 'leave after this long without clients', kind: 'ms' },
    ],
    endsByItself: true,
    load: () => import('./serve-command.ts'),
  },
  { name: 'stop', text: 'ask the owner to hand over and leave', load: () => import('./stop-command.ts') },
  {
    name: 'doctor',
    text: 'name what is wrong and the safe next step; changes nothing without --fix',
    options: [{ flags: '--fix', text: 'remove what dead owners left, close folders to other users' }],
    load: () => import('./doctor-command.ts'),
  },
  {
    name: 'completion',
    args: '<shell>',
    text: 'print a completion script',
    choices: ['bash', 'zsh', 'fish'],
    load: () => import('./completion-command.ts'),
  },
];
