import { nearest } from '../check/suggest.ts';

/** One word of a kernel command line. */
export interface KernelArgument {
  readonly name: string;
  /** undefined for a bare word; '' for `name=`. */
  readonly value: string | undefined;
  /** As it was typed, quotes included. */
  readonly raw: string;
}

/** One source of kernel arguments, such as `/proc/cmdline`. */
export interface CommandLineLayer {
  readonly origin: string;
  readonly text: string;
  /** Of several texts with one origin; default: 1. */
  readonly line?: number;
}

export interface PlacedArgument extends KernelArgument {
  readonly origin: string;
  /** Where it begins, counted from 1. */
  readonly line: number;
  readonly column: number;
}

/** The layers as one: what the boot asks for arguments. Names are compared as the kernel does, `-` and `_` being equal. */
export interface KernelCommandLine {
  /** The words of all layers, lowest first, without those that belong to init (after `--`). */
  readonly words: readonly PlacedArgument[];
  /** The last one wins. */
  get(name: string): PlacedArgument | undefined;
  /** All of them, lowest layer first. */
  all(name: string): readonly PlacedArgument[];
  /** A switch: bare, empty (`name=`) or any other value is on; `0 no off n false` is off. */
  flag(name: string, fallback: boolean): boolean;
  /** argv of the system's init, without argv[0]. */
  readonly initArguments: readonly string[];
  /** Module → `param=value` (bare `param` too), as finit_module(2) takes them; `-` in names is written `_`. */
  readonly moduleParameters: ReadonlyMap<string, readonly string[]>;
  /** All layers in one line, for a report (redact it first). */
  readonly text: string;
}

/** A `statectl.` argument that nobody knows. */
export interface ArgumentReport {
  readonly name: string;
  readonly origin: string;
  readonly suggestion: string | undefined;
  readonly message: string;
}

const QUOTE = '"';

/**
 * isspace() of the kernel, lib/ctype.c: \t \n \v \f \r, space and 0xA0. On text that was read as UTF-8 the last one is
 * U+00A0, so a no-break space copied from a web page separates, but a letter whose UTF-8 has the byte 0xA0 (à) stays
 * whole, where the kernel would cut it. On text read as latin1 this is the kernel's rule byte for byte.
 */
const isSpace = (code: number): boolean => (code >= 9 && code <= 13) || code === 0x20 || code === 0xa0;

/**
 * Splits a command line as the kernel's next_arg() does (lib/cmdline.c): only `"` quotes, nothing escapes; a quote may
 * open the whole word or the value, and then is dropped with a last one; others stay; an open quote reaches to the end.
 * The words after a bare `--` belong to init; they are words here too. Any string is a command line: no errors.
 */
export function parseKernelArguments(text: string): readonly KernelArgument[] {
  const end = text.includes('\0') ? text.indexOf('\0') : text.length;
  const words: KernelArgument[] = [];
  let at = 0;
  for (;;) {
    while (at < end && isSpace(text.charCodeAt(at))) at++;
    if (at >= end) return words;
    const word = nextWord(text, at, end);
    words.push(word);
    at += word.raw.length;
  }
}

function nextWord(text: string, begin: number, end: number): KernelArgument {
  const quoted = text[begin] === QUOTE;
  const start = quoted ? begin + 1 : begin;
  let inQuote = quoted;
  let equals = -1;
  let stop = start;
  for (; stop < end && (inQuote || !isSpace(text.charCodeAt(stop))); stop++) {
    // A `=` in the first place is part of the name, as in the kernel, where position 0 means "none yet".
    if (equals < 0 && stop > start && text[stop] === '=') equals = stop;
    if (text[stop] === QUOTE) inQuote = !inQuote;
  }
  const raw = text.slice(begin, stop);
  const endsQuoted = stop > start && text[stop - 1] === QUOTE;
  if (equals < 0) return { name: text.slice(start, quoted && endsQuoted ? stop - 1 : stop), value: undefined, raw };
  const valueQuoted = equals + 1 < stop && text[equals + 1] === QUOTE;
  const valueStart = valueQuoted ? equals + 2 : equals + 1;
  // One closing quote goes, even where both the word and the value were opened by one.
  const valueStop = endsQuoted && (quoted || valueQuoted) ? stop - 1 : stop;
  return { name: text.slice(start, equals), value: text.slice(valueStart, valueStop), raw };
}

const canonical = (name: string): string => name.replaceAll('-', '_');
const FALSE_WORDS = new Set(['0', 'no', 'off', 'n', 'false']);

/**
 * Lays command lines over each other, lowest first: `/etc/cmdline.d/*.conf`, `/etc/cmdline`, `/proc/cmdline`. Each is
 * read on its own, so an open quote or a `--` in one does not swallow the next.
 */
export function kernelCommandLine(layers: readonly CommandLineLayer[]): KernelCommandLine {
  const words: PlacedArgument[] = [];
  const afterDashes: string[] = [];
  for (const { origin, text, line = 1 } of layers) {
    const parts = [...splitAtDashes(parseKernelArguments(text))];
    let at = 0;
    for (const word of parts[0]!) {
      at = text.indexOf(word.raw, at);
      words.push({ ...word, origin, line, column: at + 1 });
      at += word.raw.length;
    }
    // The kernel stops at a second `--` (parse_args in kernel/params.c), so whatever follows that reaches nobody.
    for (const word of parts[1] ?? []) afterDashes.push(plainWord(word));
  }
  const all = (name: string) => words.filter((word) => canonical(word.name) === canonical(name));
  const get = (name: string) => words.findLast((word) => canonical(word.name) === canonical(name));
  return {
    words,
    get,
    all,
    flag(name, fallback) {
      const word = get(name);
      return word === undefined ? fallback : !FALSE_WORDS.has((word.value ?? '').toLowerCase());
    },
    initArguments: [...wordsForInit(words), ...afterDashes],
    moduleParameters: moduleParametersOf(words),
    text: layers
      .map(({ text }) => text.trim())
      .filter((text) => text !== '')
      .join(' '),
  };
}

function* splitAtDashes(words: readonly KernelArgument[]): Generator<readonly KernelArgument[]> {
  let rest = words;
  for (;;) {
    const dashes = rest.findIndex(({ name, value }) => name === '--' && value === undefined);
    yield dashes < 0 ? rest : rest.slice(0, dashes);
    if (dashes < 0) return;
    rest = rest.slice(dashes + 1);
  }
}

/** The word without its quotes, as repair_env_string() in init/main.c restores it for init's argv. */
const plainWord = ({ name, value }: KernelArgument): string => (value === undefined ? name : `${name}=${value}`);

const FOR_ANY_INIT = /^(?:[0-9]|s|S|single|emergency|auto|-b)$/;
/** dracut withholds the first two; the rest is taken by the kernel or by us, and would puzzle an `init=/bin/sh`. */
const NOT_FOR_INIT = new Set(
  'console BOOT_IMAGE root rootflags rootfstype rootwait rootdelay ro rw ip BOOTIF panic quiet debug loglevel initrd'.split(
    ' ',
  ),
);

/**
 * dracut's rule (modules.d/80base/init.sh): what follows `init=`, else the words for a runlevel. Like the kernel we drop
 * what stands before `init=` and every dotted name. A layer above that of `init=` still adds runlevel words.
 */
function wordsForInit(words: readonly PlacedArgument[]): readonly string[] {
  const initAt = words.findLastIndex(({ name, value }) => name === 'init' && value !== undefined);
  const initLayer = words[initAt]?.origin;
  return words
    .slice(initAt + 1)
    .filter((word) =>
      word.origin === initLayer
        ? !NOT_FOR_INIT.has(word.name) && !word.name.includes('.')
        : FOR_ANY_INIT.test(plainWord(word)),
    )
    .map(plainWord);
}

/** Dotted names that are not for modules: ours, dracut's, systemd's, modprobe's own, and the kernel's sysctl aliases. */
const NOT_MODULES = new Set(['statectl', 'rd', 'systemd', 'modprobe', 'sysctl']);

function moduleParametersOf(words: readonly PlacedArgument[]): ReadonlyMap<string, readonly string[]> {
  const modules = new Map<string, string[]>();
  for (const { name, value } of words) {
    const dot = name.indexOf('.');
    const module = canonical(name.slice(0, Math.max(dot, 0)));
    const parameter = canonical(name.slice(dot + 1));
    if (module === '' || parameter === '' || NOT_MODULES.has(module)) continue;
    // The kernel splits a module's parameters by the same rules, so a value with a space needs its quotes again.
    const spaced = value !== undefined && [...value].some((letter) => isSpace(letter.charCodeAt(0)));
    const setting = value === undefined ? parameter : `${parameter}=${spaced ? QUOTE + value + QUOTE : value}`;
    const settings = modules.get(module);
    if (settings) settings.push(setting);
    else modules.set(module, [setting]);
  }
  return modules;
}

const OURS = 'statectl';

/** Reports each `statectl.` argument that is not in `known` (full names), and prefixes that look misspelt. */
export function checkStatectlArguments(
  commandLine: Pick<KernelCommandLine, 'words'>,
  known: readonly string[],
): readonly ArgumentReport[] {
  const names = new Set(known.map(canonical));
  const keys = known.map((name) => name.slice(name.indexOf('.') + 1));
  const reports: ArgumentReport[] = [];
  for (const { name, origin } of commandLine.words) {
    const dot = name.indexOf('.');
    const prefix = name.slice(0, Math.max(dot, 0));
    const misspelt = prefix !== OURS && nearest(prefix, [OURS]) !== undefined;
    if ((prefix !== OURS && !misspelt) || names.has(canonical(name))) continue;
    // Compared without the prefix, which would make all names look alike.
    const key = nearest(name.slice(dot + 1), keys);
    const suggestion = key === undefined ? undefined : `${OURS}.${key}`;
    const advice = suggestion === undefined ? 'it is ignored' : `did you mean ${suggestion}?`;
    reports.push({ name, origin, suggestion, message: `${origin}: unknown kernel argument ${name}: ${advice}` });
  }
  return reports;
}
