import { Command, CommanderError } from 'commander';
import { adoptCommand } from './commands/adopt.ts';
import { buildCommand } from './commands/build/build.ts';
import { completionCommand } from './commands/completion.ts';
import { configCommand } from './commands/config/config.ts';
import { imageCommand } from './commands/image.ts';
import { initramfsCommand } from './commands/initramfs/initramfs.ts';
import { todaysWords } from './commands/initramfs/old-words.ts';
import { licencesCommand } from './commands/licences.ts';
import { BOOT_VERBS } from './commands/machine/boot-words.ts';
import { manualCommand } from './commands/manual.ts';
import { nodeCommand } from './commands/node/node.ts';
import { errorText } from './commands/print.ts';
import { printerCommand } from './commands/printer/printer.ts';
import { secretCommand } from './commands/secret.ts';
import { serveCommand } from './commands/serve.ts';
import { refuseUnknownVerb, verbPath } from './commands/unknown-verb.ts';
import { fileError } from './host/file-error.ts';
import { VERSION } from './version.ts';

/** The words of the admin's machine and the server; a machine that boots goes through boot-entry.ts. */
export function program(): Command {
  const statectl = new Command('statectl')
    .description('makes machines stateless: boot-time controller, builder, agent and server')
    .version(VERSION)
    .showSuggestionAfterError();
  statectl.addCommand(buildCommand());
  statectl.addCommand(initramfsCommand());
  statectl.addCommand(serveCommand());
  statectl.addCommand(imageCommand());
  statectl.addCommand(configCommand());
  statectl.addCommand(nodeCommand());
  statectl.addCommand(printerCommand());
  statectl.addCommand(adoptCommand());
  statectl.addCommand(secretCommand());
  statectl.addCommand(completionCommand(program));
  statectl.addCommand(manualCommand(program));
  statectl.addCommand(licencesCommand());
  // main.ts runs these without commander; here they are for `--help` only.
  for (const [verb, { summary, help }] of Object.entries(BOOT_VERBS))
    statectl.command(verb).description(summary).helpInformation = () => help;
  return refusingWords(statectl);
}

/**
 * So that wrong words are status 2 for every verb, and are told as any other error, with what to do next: commands that are made
 * apart do not inherit this.
 */
function refusingWords(command: Command): Command {
  command.exitOverride().configureOutput({
    outputError: (text, write) =>
      write(
        errorText({
          message: text.replace(/^error: /, '').trimEnd(),
          hint: `\`${verbPath(command)} --help\` shows what there is`,
        }),
      ),
  });
  for (const child of command.commands) refusingWords(child);
  return command;
}

export async function cli(said: readonly string[]): Promise<number> {
  const argv = todaysWords(said);
  const statectl = program();
  refuseUnknownVerb(statectl, argv);
  // commander's own `help` shows that of the first word alone.
  const words = argv[0] === 'help' ? [...argv.slice(1), '--help'] : [...argv];
  try {
    await statectl.parseAsync(words, { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    // commander has printed what was wrong with the words.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw fileError(error) ?? error;
  }
}
