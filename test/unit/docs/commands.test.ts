import { globSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { helpBelow } from '../../../build/reference/help.ts';
import { program } from '../../../src/cli.ts';

const statectl = program();
const verbs = helpBelow(statectl);
const groups = statectl.commands.filter(({ commands }) => commands.length > 0).map((command) => command.name());

/** The words of a command up to what the shell takes from there, or a comment. */
function wordsOf(line: string): readonly string[] {
  const [command = ''] = line.replaceAll('\\\n', ' ').split(/\s#|\s(?:[|;<>]|>>|&&)\s?|\s--\s|\n(?=\S)/);
  return (command.match(/"[^"]*"|'[^']*'|\S+/g) ?? []).map((word) => word.replace(/^["']|["'.,;:)]+$/g, ''));
}

const child = (command: Command, word: string): Command | undefined =>
  command.commands.find((one) => one.name() === word || one.aliases().includes(word));

/** `config check|show`: each of them. */
const eachOf = (line: string): readonly string[] => {
  const [list] = line.match(/\S+\|\S+/) ?? [];
  return list === undefined ? [line] : list.split('|').flatMap((one) => eachOf(line.replace(list, one)));
};

/** What in `node show print01 --json`, without `statectl` before it, the program does not know. */
function unknownIn(line: string): readonly string[] {
  const words = wordsOf(line);
  let verb: Command = statectl;
  let at = 0;
  for (let next = child(verb, words[at] ?? ''); next; next = child(verb, words[++at] ?? '')) verb = next;
  const next = words[at];
  // A group alone is spoken of, and `…` stands for what is said elsewhere.
  const isOpen = next === undefined || /^(?:-|…|[A-Z]|help$)/.test(next);
  const missing = verb.commands.length > 0 && !isOpen ? [`no verb "${words.slice(0, at + 1).join(' ')}"`] : [];
  const help = verbs.find(({ command }) => command === verb)?.help ?? statectl.helpInformation();
  const known = new Set(['--help', ...(help.match(/--[a-z][a-z-]*/g) ?? [])]);
  const options = words
    .filter((word) => word.startsWith('--') && word !== '--')
    .map((word) => word.split('=')[0] ?? '');
  return [
    ...missing,
    ...options.filter((option) => !known.has(option)).map((option) => `no ${option} of ${verb.name()}`),
  ];
}

/** Commands in code of a document, `statectl` before them or, of groups, not. */
function commandsIn(text: string): readonly string[] {
  const blocks = [...text.matchAll(/^```\n([^]*?)^```$/gm)].flatMap(([, block = '']) => block.split('\n'));
  const typed = blocks.flatMap((line) => /^(?:sudo )?statectl (\S.*)$/.exec(line)?.[1] ?? []);
  const spoken = [...text.replace(/^```[^]*?^```$/gm, '').matchAll(/`([^`]+)`/g)].flatMap(([, code = '']) => {
    const words = code.replace(/\s+/g, ' ').replace(/^sudo /, '');
    if (words.startsWith('statectl ')) return [words.slice('statectl '.length)];
    return new RegExp(`^(?:${groups.join('|')}) [a-z]`).test(words) ? [words] : [];
  });
  return [...typed, ...spoken].flatMap(eachOf);
}

describe('the help', () => {
  it.each(verbs.map(({ name, help }) => [name, help] as const))(
    'of each verb and group has examples: %s',
    (_, help) => {
      expect(help).toMatch(/^Examples?:\n {2}\S/m);
    },
  );

  it.each(verbs.map(({ name, help }) => [name, help] as const))('shows commands that are there: %s', (_, help) => {
    const examples = help.split('\n').flatMap((line) => /^ {2}(?:sudo |.*\| )?statectl (.*)$/.exec(line)?.[1] ?? []);
    expect(examples.flatMap(unknownIn)).toEqual([]);
  });
});

describe('a document', () => {
  it.each(['README.md', 'ARCHITECTURE.md', ...globSync('docs/**/*.md'), ...globSync('config.d/**/README')])(
    'speaks of commands that are there: %s',
    (path) => {
      expect(commandsIn(readFileSync(path, 'utf8')).flatMap(unknownIn)).toEqual([]);
    },
  );

  it.each(['README.md', ...globSync('docs/**/*.md')])('speaks of scripts that package.json has: %s', (path) => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
    for (const [, word = '', name] of readFileSync(path, 'utf8').matchAll(/\bnpm (start|test|run ([a-z:]+))/g))
      expect(Object.keys(scripts)).toContain(name ?? word);
  });

  it('would be found out', () => {
    const text =
      'see `statectl nodes list`, `config chek` and `statectl\nimage use lab --four x`, not `statectl image use … --for`';
    expect(commandsIn(text).flatMap(unknownIn)).toEqual([
      'no verb "nodes"',
      'no verb "config chek"',
      'no --four of use',
    ]);
    expect(commandsIn('```\nsudo statectl node run all -- ls --color | head\n```\n').flatMap(unknownIn)).toEqual([]);
  });
});
