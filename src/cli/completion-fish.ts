import {
  COMMAND_WORDS,
  type Offer,
  type OptionWords,
  PROGRAM_OPTIONS,
  quote,
  withValue,
} from './completion-words.ts';

/** fish's own \`__fish_use_subcommand\` takes the value of an option for a command. */
export function fishScript(): string {
  const options = [...PROGRAM_OPTIONS, ...COMMAND_WORDS.flatMap((command) => command.options)];
  const valued = [...new Set(withValue(options))];
  const lines = COMMAND_WORDS.flatMap(({ name, text, options: own, argument }) => {
    const when = `-n ${word(`test (__onepond_command) = ${name}`)}`;
    return [
      `complete -c onepond -n 'test -z (__onepond_command)' -a ${name} -d ${word(text)}`,
      ...(argument === 'nothing' ? [] : [`complete -c onepond ${when} ${offer(argument)}`]),
      ...own.map((option) => optionLine(option, when)),
    ];
  });
  const early = PROGRAM_OPTIONS.map((option) => optionLine(option, "-n 'test -z (__onepond_command)'"));
  return `# onepond completion fish | source
function __onepond_command
  set -l words (commandline -opc)
  set -l skip 0
  for word in $words[2..-1]
    if test $skip -eq 1
      set skip 0
    else if contains -- $word ${valued.join(' ')}
      set skip 1
    else if not string match -q -- '-*' $word
      echo $word
      return
    end
  end
  echo ''
end
complete -c onepond -f
${[...early, ...lines].join('\n')}
`;
}

function optionLine({ names, text, value }: OptionWords, when: string): string {
  const flags = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  const takes = value === null ? [] : [`-r ${offer(value)}`];
  return ['complete -c onepond', when, ...flags, ...takes, `-d ${word(text)}`].join(' ');
}

function offer(what: Offer): string {
  if (what === 'files') return '-F';
  if (what === 'folders') return "-a '(__fish_complete_directories)'";
  return what === 'nothing' ? '-f' : `-f -a ${word(what.join(' '))}`;
}

/** In fish's single quotes a backslash escapes. */
const word = (text: string): string => quote(text.replaceAll('\\', '\\\\'), "\\'");
