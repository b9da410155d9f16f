import { COMMANDS, GLOBAL_OPTIONS, type OptionRow } from './commands.ts';
import { EXIT, type Run } from './context.ts';
import { print } from './print.ts';

export const run: Run = async (_context, [shell = '']) => {
  await print(SCRIPTS[shell]?.() ?? '');
  return EXIT.done;
};

const longFlags = (options: readonly OptionRow[] = []): string[] =>
  options.map(({ flags }) => /--[\w-]+/.exec(flags)?.[0] ?? '').filter((flag) => flag !== '');

const names = COMMANDS.map(({ name }) => name).join(' ');
const globals = longFlags(GLOBAL_OPTIONS).join(' ');
const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** The words that may follow a command: its choices and its options. */
const words = (): [string, string][] =>
  COMMANDS.map(({ name, options, choices = [] }) => [name, [...choices, ...longFlags(options)].join(' ')]);

/** What may follow an option: `search --format`, and `text vimgrep json`. */
const choicesOfOptions = (): [string, string][] =>
  COMMANDS.flatMap(({ name, options = [] }) =>
    options.flatMap((option): [string, string][] =>
      option.choices ? [[`${name} ${longFlags([option])}`, option.choices.join(' ')]] : [],
    ),
  );

const SCRIPTS: Readonly<Record<string, () => string>> = { bash, zsh, fish };

function bash(): string {
  const cases = words().map(([name, follow]) => `    "${name} "*) words="${follow} ${globals}" ;;`);
  const values = choicesOfOptions().map(([after, choices]) => `    "${after}") words="${choices}" ;;`);
  return `# eval "$(onepond completion bash)"
_onepond() {
  local current="\${COMP_WORDS[COMP_CWORD]}" command="" word words
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case " ${names} " in *" $word "*) command="$word"; break ;; esac
  done
  case "$command \${COMP_WORDS[COMP_CWORD-1]}" in
    *" --db") words="" ;;
${[...values, ...cases].join('\n')}
    *) words="${names} ${globals}" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -F _onepond onepond
`;
}

function zsh(): string {
  const commands = COMMANDS.map(({ name, text }) => `    ${quote(`${name}:${text}`)}`);
  const cases = words().map(([name, follow]) => `    ${name}) compadd -- ${follow} ${globals}; _files ;;`);
  return `#compdef onepond
# onepond completion zsh > "\${fpath[1]}/_onepond", or eval "$(onepond completion zsh)"
_onepond() {
  local -a commands=(
${commands.join('\n')}
  )
  local word command=""
  for word in "\${words[@]:1:CURRENT-2}"; do
    [[ " ${names} " == *" $word "* ]] && { command="$word"; break }
  done
  case "$command" in
${cases.join('\n')}
    *) _describe command commands; compadd -- ${globals} ;;
  esac
}
(( $+functions[compdef] )) && compdef _onepond onepond
`;
}

function fish(): string {
  const lines = COMMANDS.flatMap(({ name, text, options, choices = [] }) => [
    `complete -c onepond -n __fish_use_subcommand -a ${name} -d ${quote(text)}`,
    ...choices.map((choice) => `complete -c onepond -n '__fish_seen_subcommand_from ${name}' -a ${choice}`),
    ...(options ?? []).map((option) => fishOption(option, `-n '__fish_seen_subcommand_from ${name}'`)),
  ]);
  const shared = GLOBAL_OPTIONS.map((option) => fishOption(option, ''));
  return `# onepond completion fish | source\n${[...lines, ...shared].join('\n')}\n`;
}

function fishOption({ flags, text, choices }: OptionRow, when: string): string {
  const long = /--([\w-]+)/.exec(flags)?.[1] ?? '';
  const value = /</.test(flags) ? (choices ? ` -x -a ${quote(choices.join(' '))}` : ' -r') : '';
  return `complete -c onepond ${when} -l ${long}${value} -d ${quote(text)}`.replace(/ {2,}/g, ' ');
}
