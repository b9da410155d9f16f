import {
  COMMAND_WORDS,
  type Offer,
  type OptionWords,
  PROGRAM_OPTIONS,
  withValue,
} from './completion-words.ts';

/** `COMP_WORDBREAKS` has `=`: `--format=js` comes as three words. */
export function bashScript(): string {
  const cases = COMMAND_WORDS.map(
    ({ name, options, argument }) => `    ${name})
      case "$previous" in
${valueCases(options)}      esac
      [[ $current == -* ]] && { words="${names(options)}"; return; }
      ${offer(argument)} ;;`,
  );
  return `# eval "$(onepond completion bash)"
_onepond_words() {
  words="" action=""
  case "$command" in
${cases.join('\n')}
    *)
      case "$previous" in
${valueCases(PROGRAM_OPTIONS)}      esac
      words="${COMMAND_WORDS.map(({ name }) => name).join(' ')}"
      [[ $current == -* ]] && words="${names(PROGRAM_OPTIONS)}" ;;
  esac
}
_onepond() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="" command="" words="" action="" at word
  [[ $current == = ]] && current=""
  for ((at = 1; at < COMP_CWORD; at++)); do
    word="\${COMP_WORDS[at]}"
    [[ $word == = ]] && continue
    case "$previous" in ${allWithValue().join('|')}) previous=""; continue ;; esac
    previous="$word"
    [[ -z $command && $word != -* ]] && command="$word"
  done
  _onepond_words
  COMPREPLY=()
  if [[ -n $action ]]; then
    local IFS=$'\\n'
    COMPREPLY=($(compgen -A "$action" -- "$current"))
    type compopt &>/dev/null && compopt -o filenames 2>/dev/null
  else
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  fi
}
complete -F _onepond onepond
`;
}

const names = (options: readonly OptionWords[]): string =>
  options.flatMap((option) => option.names.filter((name) => name.startsWith('--'))).join(' ');

const allWithValue = (): string[] => [
  ...new Set([...withValue(PROGRAM_OPTIONS), ...COMMAND_WORDS.flatMap(({ options }) => withValue(options))]),
];

function valueCases(options: readonly OptionWords[]): string {
  return options
    .filter(({ value }) => value !== null)
    .map((option) => `        ${option.names.join('|')}) ${offer(option.value ?? 'nothing')}; return ;;\n`)
    .join('');
}

function offer(what: Offer): string {
  if (what === 'files') return 'action=file';
  if (what === 'folders') return 'action=directory';
  return `words="${what === 'nothing' ? '' : what.join(' ')}"`;
}
