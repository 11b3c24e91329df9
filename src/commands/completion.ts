import { Argument, Command } from 'commander';
import { printContent } from './print.ts';

/** What may follow `statectl WORDS`: the commands below, and the options. */
type Choices = ReadonlyMap<string, readonly string[]>;

/** What begins a row of a help: prose and examples name options of other programs, too. */
const optionRows = (help: string): readonly string[] =>
  [...help.matchAll(/^ {2}(?:-\w, )?(--[a-z][a-z-]*)/gm)].map(([, option = '']) => option);

/** The rows of commands in a help: the verbs of a booting machine have theirs there only, with their options. */
const commandRows = (help: string): Choices => {
  const [, commands = ''] = /^Commands:\n((?: {2}.*\n)*)/m.exec(help) ?? [];
  const rows = [...commands.matchAll(/^ {2}([a-z-]+)(.*)/gm)];
  return new Map(rows.map(([, name = '', rest = '']) => [name, rest.match(/(?<=\[)--[a-z-]+/g) ?? []]));
};

function choicesOf(command: Command, words: readonly string[] = []): Choices {
  const below = command.commands
    .filter((child) => child.name() !== 'help')
    .flatMap((child) => [child.name(), ...child.aliases()].map((name) => ({ name, child })));
  const help = command.helpInformation();
  const inHelp: Choices = below.length > 0 ? new Map() : commandRows(help);
  const names = [...below.map(({ name }) => name), ...inHelp.keys()];
  const first = command.registeredArguments[0]?.argChoices ?? [];
  const here: Choices = new Map([
    [words.join(' '), [...new Set([...names, ...first, ...optionRows(help), '--help'])]],
    ...[...inHelp].map(([name, options]) => [[...words, name].join(' '), options] as const),
  ]);
  return new Map(
    [here, ...below.map(({ name, child }) => choicesOf(child, [...words, name]))].flatMap((map) => [...map]),
  );
}

/** A bash function that completes commands, options also after arguments, and else file names. */
function bashScript(choices: Choices): string {
  const cases = [...choices].map(([words, next]) => `    "${words}") next="${next.join(' ')}" ;;`);
  return `# bash completion of statectl; made by \`statectl completion bash\`
_statectl_next() {
  case $1 in
${cases.join('\n')}
    *) return 1 ;;
  esac
}
_statectl() {
  local cur=\${COMP_WORDS[COMP_CWORD]} words= word next= named=yes
  _statectl_next ""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ $word == -* ]] && break
    [[ $word == help && -z $words ]] && continue
    _statectl_next "\${words:+$words }$word" || { named=; break; }
    words="\${words:+$words }$word"
  done
  COMPREPLY=()
  [[ -z $named && $cur != -* ]] || mapfile -t COMPREPLY < <(compgen -W "$next" -- "$cur")
  [[ \${#COMPREPLY[@]} -gt 0 || $cur == -* ]] || mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}
complete -o filenames -F _statectl statectl
`;
}

/** `statectl completion SHELL`: a script for the shell, made from the program itself. */
export const completionCommand = (program: () => Command): Command =>
  new Command('completion')
    .description('print a completion script for a shell')
    .addArgument(new Argument('<shell>', 'which shell').choices(['bash', 'zsh']))
    .addHelpText(
      'after',
      `
Examples:
  statectl completion bash | sudo tee /etc/bash_completion.d/statectl
  statectl completion zsh >> ~/.zshrc`,
    )
    .action((shell: string) => {
      // zsh reads bash's completions itself (zshcompsys(1), bashcompinit).
      const head = shell === 'zsh' ? 'autoload -Uz compinit bashcompinit && compinit && bashcompinit\n' : '';
      printContent(head + bashScript(choicesOf(program())));
    });
