import type { Command } from 'commander';
import { nearest } from '../config/check/suggest.ts';
import { StatectlError } from '../error.ts';

const MOST_MEANT = 3;

/**
 * Throws `usage` where these words ask for a verb that is not there, also one for whose help they ask: with `--help` and
 * `help` commander would show that of the last verb it knows, as if all were well.
 */
export function refuseUnknownVerb(program: Command, argv: readonly string[]): void {
  let command = program;
  for (const word of argv) {
    if (word === '--help' || word === '-h' || word === 'help') continue;
    // Options are commander's; and a verb without others below it has arguments.
    if (word.startsWith('-') || command.commands.length === 0) return;
    const child = command.commands.find((known) => known.name() === word || known.aliases().includes(word));
    if (!child) throw noSuchVerb(program, command, word);
    command = child;
  }
}

function noSuchVerb(program: Command, parent: Command, word: string): StatectlError {
  const meant = meantBy(program, parent, word).map((path) => `\`${path}\``);
  const below = parent.commands.map((child) => child.name()).join(', ');
  const path = verbPath(parent);
  return new StatectlError('usage', `there is no verb ${JSON.stringify(`${path} ${word}`)}`, {
    hint:
      meant.length > 0
        ? `did you mean ${meant.join(' or ')}? \`${path} --help\` tells all`
        : `there are ${below}; \`${path} --help\` tells what each does`,
  });
}

/** The one that is spelt almost so; else those of other verbs: `statectl render` is `statectl node render`. */
function meantBy(program: Command, parent: Command, word: string): readonly string[] {
  const near = nearest(
    word,
    parent.commands.map((child) => child.name()),
  );
  if (near !== undefined) return [`${verbPath(parent)} ${near}`];
  const others = program.commands.flatMap((group) => group.commands).filter(({ parent: of }) => of !== parent);
  const name = nearest(
    word,
    others.map((child) => child.name()),
  );
  return others
    .filter((child) => child.name() === name)
    .map(verbPath)
    .slice(0, MOST_MEANT);
}

/** What is typed for a verb: `statectl image use`. */
export const verbPath = (command: Command): string =>
  command.parent === null ? command.name() : `${verbPath(command.parent)} ${command.name()}`;
