import { type KernelWord, kernelWords } from './kernel-words.ts';

/** One source of kernel arguments, such as `/proc/cmdline`. */
export interface CommandLineLayer {
  readonly origin: string;
  readonly text: string;
  /** Of several texts with one origin; default: 1. */
  readonly line?: number;
}

export interface PlacedArgument extends KernelWord {
  readonly origin: string;
  /** Where it begins, counted from 1. */
  readonly line: number;
  readonly column: number;
}

/** The layers as one, parsed: plain data, which a boot keeps among its facts. */
export interface CommandLine {
  /** The words of all layers, lowest first, without those that belong to init. */
  readonly words: readonly PlacedArgument[];
  /** What follows `--`, without its quotes. */
  readonly forInit: readonly string[];
}

/**
 * Lays command lines over each other, lowest first: `/etc/cmdline.d/*.conf`, `/etc/cmdline`, `/proc/cmdline`. Each is
 * read on its own, so an open quote or a `--` in one does not swallow the next.
 */
export function parseCommandLine(layers: readonly CommandLineLayer[]): CommandLine {
  const words: PlacedArgument[] = [];
  const forInit: string[] = [];
  for (const { origin, text, line = 1 } of layers) {
    const [own = [], afterDashes = []] = [...splitAtDashes(kernelWords(text))];
    let at = 0;
    for (const word of own) {
      at = text.indexOf(word.raw, at);
      words.push({ ...word, origin, line, column: at + 1 });
      at += word.raw.length;
    }
    // The kernel stops at a second `--` (parse_args in kernel/params.c), so whatever follows that reaches nobody.
    forInit.push(...afterDashes.map(plainWord));
  }
  return { words, forInit };
}

/** Whether what was kept as JSON is one, as this version has it. */
export function isCommandLine(value: unknown): value is CommandLine {
  const { words, forInit } = Object(value) as { readonly words?: unknown; readonly forInit?: unknown };
  const isWord = (word: unknown) => typeof (Object(word) as Partial<PlacedArgument>).name === 'string';
  return Array.isArray(words) && words.every(isWord) && Array.isArray(forInit);
}

/** Names are compared as the kernel does, `-` and `_` being equal. */
export const sameName = (name: string): string => name.replaceAll('-', '_');
const isNamed = (name: string) => (word: KernelWord) => sameName(word.name) === sameName(name);

/** The last one wins. */
export const getArgument = ({ words }: CommandLine, name: string): PlacedArgument | undefined =>
  words.findLast(isNamed(name));

/** All of them, lowest layer first. */
export const allArguments = ({ words }: CommandLine, name: string): readonly PlacedArgument[] =>
  words.filter(isNamed(name));

const FALSE_WORDS = new Set(['0', 'no', 'off', 'n', 'false']);

/** A switch: bare, empty (`name=`) or any other value is on; `0 no off n false` is off. */
export function flagArgument(commandLine: CommandLine, name: string, fallback: boolean): boolean {
  const word = getArgument(commandLine, name);
  return word === undefined ? fallback : !FALSE_WORDS.has((word.value ?? '').toLowerCase());
}

function* splitAtDashes(words: readonly KernelWord[]): Generator<readonly KernelWord[]> {
  let rest = words;
  for (;;) {
    const dashes = rest.findIndex(({ name, value }) => name === '--' && value === undefined);
    yield dashes < 0 ? rest : rest.slice(0, dashes);
    if (dashes < 0) return;
    rest = rest.slice(dashes + 1);
  }
}

/** The word without its quotes, as repair_env_string() in init/main.c restores it for init's argv. */
const plainWord = ({ name, value }: KernelWord): string => (value === undefined ? name : `${name}=${value}`);

const FOR_ANY_INIT = /^(?:[0-9]|s|S|single|emergency|auto|-b)$/;
/** dracut withholds the first two; the rest is taken by the kernel or by us, and would puzzle an `init=/bin/sh`. */
const NOT_FOR_INIT = new Set(
  'console BOOT_IMAGE root rootflags rootfstype rootwait rootdelay ro rw ip BOOTIF panic quiet debug loglevel initrd'.split(
    ' ',
  ),
);

/**
 * argv of the system's init, without argv[0], by dracut's rule (modules.d/80base/init.sh): what follows `init=`, else the words
 * for a runlevel; then what was meant for it alone. Like the kernel we drop what stands before `init=` and every dotted name. A
 * layer above that of `init=` still adds runlevel words.
 */
export function initArguments({ words, forInit }: CommandLine): readonly string[] {
  const initAt = words.findLastIndex(({ name, value }) => name === 'init' && value !== undefined);
  const initLayer = words[initAt]?.origin;
  const taken = words
    .slice(initAt + 1)
    .filter((word) =>
      word.origin === initLayer
        ? !NOT_FOR_INIT.has(word.name) && !word.name.includes('.')
        : FOR_ANY_INIT.test(plainWord(word)),
    )
    .map(plainWord);
  return [...taken, ...forInit];
}
