import { Argument, Command, CommanderError, Option } from 'commander';
import { ERRORS, PondError } from '../errors.ts';
import { holdProcess, releaseProcess } from '../router/alive.ts';
import { VERSION } from '../version.ts';
import { COMMANDS, type CommandRow, GLOBAL_OPTIONS, type OptionRow } from './commands.ts';
import { type Context, EXIT, type GlobalOptions } from './context.ts';
import { reportFailure, watchCrashes } from './failure.ts';
import { INTERRUPT_GRACE, unlessInterrupted } from './interrupt.ts';
import { watchOutput } from './print.ts';
import { reportUsage, unknownCommand, wantsJson } from './usage.ts';

/** The one place that exits. */
export async function main(argv: readonly string[]): Promise<void> {
  const json = wantsJson(argv);
  watchOutput({ json });
  watchCrashes({ json, debug: argv.includes('--debug') });
  let status: number = EXIT.done;
  const program = createProgram(async (row, args, own, options) => {
    status = await runCommand(row, args, own, options);
  });
  // The help that a call without a command is answered with is for people.
  if (json) program.configureOutput({ writeErr: () => undefined });
  try {
    await program.parseAsync(unknownCommand(program, argv) ?? argv, { from: 'user' });
  } catch (error) {
    status = error instanceof CommanderError ? reportUsage(error, { json }) : reportFailure(error, { json });
  }
  process.exitCode = status;
  // What an interrupt has left undone must not keep the process.
  if (status === ERRORS.ABORTED.exit) process.exit();
  // What is left is Node's own taking down: a pipe or a file has all that was written by now.
  if (process.stdout.writableLength === 0 && process.stderr.writableLength === 0) process.exit();
}

type Action = (
  row: CommandRow,
  args: string[],
  own: Record<string, unknown>,
  options: GlobalOptions,
) => Promise<void>;

export function createProgram(action: Action): Command {
  const program = new Command('onepond')
    .description('Many processes, one DuckDB: the first owns the file, the others route their calls to it.')
    .version(VERSION)
    .usage('[options] <command>')
    // What is wrong is said by {@link reportUsage}.
    .configureOutput({ outputError: () => undefined })
    .enablePositionalOptions()
    .exitOverride();
  for (const row of GLOBAL_OPTIONS) program.addOption(createOption(row));
  for (const row of COMMANDS) {
    const command = program.command(row.name).description(row.text);
    if (row.args) command.addArgument(createArgument(row));
    // The global options are understood behind the command's name too, where people put them.
    for (const option of [...(row.options ?? []), ...GLOBAL_OPTIONS]) command.addOption(createOption(option));
    command.action((...given: unknown[]) => {
      const [own, self] = given.slice(-2) as [Record<string, unknown>, Command];
      return action(row, self.args, own, { ...program.opts(), ...definedOnly(own, self) });
    });
  }
  return program;
}

/** A default (colour) must not hide what was said before the command's name. */
function definedOnly(options: Record<string, unknown>, command: Command): GlobalOptions {
  return Object.fromEntries(
    Object.entries(options).filter(([name]) => command.getOptionValueSource(name) !== 'default'),
  );
}

function createOption({ flags, text, kind, choices }: OptionRow): Option {
  const option = new Option(flags, text);
  if (choices) option.choices([...choices]);
  if (kind === 'many') option.argParser((value: string, before: string[] = []) => [...before, value]);
  if (kind && kind !== 'many') option.argParser(wholeNumber(option.long ?? flags, LEAST[kind]));
  return option;
}

function createArgument({ args = '', choices }: CommandRow): Argument {
  const argument = new Argument(args);
  return choices ? argument.choices([...choices]) : argument;
}

const LEAST = { count: 0, positive: 1, ms: 0 } as const;

const wholeNumber = (flag: string, least: number) => (text: string) => {
  if (!/^-?\d{1,9}$/.test(text)) throw new PondError('INVALID', `${flag} must be a whole number`);
  if (Number(text) < least) throw new PondError('INVALID', `${flag} must be ${least} or more`);
  return Number(text);
};

async function runCommand(
  row: CommandRow,
  args: string[],
  own: Record<string, unknown>,
  options: GlobalOptions,
): Promise<number> {
  if (options.debug) process.env.ONEPOND_LOG ??= 'debug';
  const interrupt = new AbortController();
  const onSignal = (): void => {
    if (interrupt.signal.aborted) process.exit(ERRORS.ABORTED.exit);
    interrupt.abort();
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  // A connection does not keep a process alive; a command does.
  holdProcess();
  const { signal } = interrupt;
  const context: Context = { options, signal, limits: { signal } };
  try {
    const work = row.load().then(({ run }) => run(context, args, own));
    return await (row.endsByItself ? work : unlessInterrupted(signal, work, INTERRUPT_GRACE));
  } catch (error) {
    return reportFailure(error, options);
  } finally {
    releaseProcess();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

void main(process.argv.slice(2));
