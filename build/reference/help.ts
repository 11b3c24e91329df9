import type { Command } from 'commander';

/** A verb or a group of them, with all words before it. */
export interface VerbHelp {
  readonly name: string;
  readonly command: Command;
  /** What `--help` prints. */
  readonly help: string;
}

/** Every verb and group below a command, a group before what is in it. */
export const helpBelow = (parent: Command, before = ''): readonly VerbHelp[] =>
  parent.commands
    .filter((command) => command.name() !== 'help')
    .flatMap((command) => {
      const name = `${before}${command.name()}`;
      return [{ name, command, help: helpOf(command) }, ...helpBelow(command, `${name} `)];
    });

/** The same on every terminal. */
function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    getOutHelpWidth: () => 110,
    getOutHasColors: () => false,
    writeOut: (more) => {
      text += more;
    },
  });
  command.outputHelp();
  return text.trim();
}
