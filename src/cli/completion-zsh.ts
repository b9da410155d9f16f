import { COMMAND_WORDS, type Offer, type OptionWords, PROGRAM_OPTIONS, quote } from './completion-words.ts';

/** In zsh's own terms: `_arguments` knows where options end and which of them have had their value. */
export function zshScript(): string {
  const commands = COMMAND_WORDS.map(({ name, text }) => `    ${quote(`${escaped(name)}:${text}`)}`);
  const cases = COMMAND_WORDS.map(({ name, options, argument }) => {
    // Without it nothing would be offered behind a first argument, options included.
    const rest = `'*:argument:${action(argument)}'`;
    return `    ${name})\n      _arguments -s -S ${[...options.flatMap(specs), rest].join(' \\\n        ')} ;;`;
  });
  // No local variable may be called \`commands\` or \`words\`: zsh has those.
  return `#compdef onepond
# onepond completion zsh > "\${fpath[1]}/_onepond", or eval "$(onepond completion zsh)" behind compinit
_onepond() {
  local curcontext="$curcontext" state line ret=1
  typeset -A opt_args
  local -a onepond_commands=(
${commands.join('\n')}
  )
  _arguments -s -S -C ${PROGRAM_OPTIONS.flatMap(specs).join(' \\\n    ')} \\
    '1:command:->command' '*::argument:->argument' && ret=0
  case "$state" in
    command) _describe -t commands command onepond_commands && ret=0 ;;
    argument)
      case "$line[1]" in
${cases.join('\n')}
      esac && ret=0 ;;
  esac
  return ret
}
if [[ "$funcstack[1]" == _onepond ]]; then
  _onepond "$@"
elif (( $+functions[compdef] )); then
  compdef _onepond onepond
fi
`;
}

/** One for each name of the option; a name that was given excludes the others, unless it may be given again. */
function specs({ names, text, isMany, value, placeholder }: OptionWords): string[] {
  const others = isMany ? '*' : names.length > 1 ? `(${names.join(' ')})` : '';
  return names.map((name) => {
    const takes = value === null ? '' : `${name.startsWith('--') ? '=' : ''}`;
    const what = value === null ? '' : `:${placeholder}:${action(value)}`;
    return quote(`${others}${name}${takes}[${escaped(text)}]${what}`);
  });
}

function action(offer: Offer): string {
  if (offer === 'files') return '_files';
  if (offer === 'folders') return '_files -/';
  return offer === 'nothing' ? ' ' : `(${offer.join(' ')})`;
}

const escaped = (text: string): string => text.replaceAll(/[\\:[\]]/g, '\\$&');
