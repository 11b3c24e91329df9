import { entryOf } from '../../entry-of.ts';
import { StatectlError } from '../../error.ts';
import type { OpenPrograms } from '../host.ts';
import { type PaxParser, paxParser } from './pax-stream.ts';
import type { TreeEntry } from './tree-entry.ts';

/** GNU tar: `tar` on most systems. busybox's keeps no xattrs. */
export interface TreeReader {
  readonly open: OpenPrograms;
  readonly tar: string;
}

export interface SystemReading {
  /** Only these, and nothing below them; in the order of the tree, and no folder on the way to them may be a link. Default: all. */
  readonly names?: readonly string[];
  /** What of the tree is not looked at, with all below it. */
  readonly without?: readonly string[];
  readonly signal?: AbortSignal;
  /** Told what could not be read, by its path: of a file what is missing counts as zeros. */
  readonly onUnreadable?: (path: string, why: string) => void;
}

/** Words of tar's that are no complaint. A squashfs in which nothing has xattrs cannot list them. */
const CHATTER =
  /: socket ignored$|: Exiting with failure status due to previous errors$|: Warning: Cannot (?:f|l)?listxattr(?:at)?: Operation not supported$/;
/** What a name that is asked for is not there. */
const GONE = /: Cannot stat: (?:No such file or directory|Not a directory)$/;

const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3}|.)/g, (_, code: string) =>
    code.length === 3 ? String.fromCharCode(Number.parseInt(code, 8)) : (entryOf(ESCAPES, code) ?? code),
  );
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v' };

/** A path as tar takes it: never an option, never absolute. */
export const tarName = (path: string): string => `.${path === '/' ? '' : path}`;

/** `.` of a pattern stands for itself; names of ours have no wildcards. */
const withoutArgs = (without: readonly string[]): readonly string[] =>
  without.length === 0 ? [] : ['--anchored', '--no-wildcards', ...without.map((path) => `--exclude=${tarName(path)}`)];

/**
 * All names of a tree in the order of the tree, each with all that is known of it, and the digest of what is in it. The tree is
 * read once, by tar(1): it opens no device and follows no link. Throws `tree-unreadable`, `program-missing`, the signal's reason.
 */
export async function* readSystem(
  { open, tar }: TreeReader,
  root: string,
  { names, without = [], signal, onUnreadable }: SystemReading = {},
): AsyncGenerator<TreeEntry> {
  signal?.throwIfAborted();
  const which = names ? ['--no-recursion', '--null', '--verbatim-files-from', '-T', '-'] : ['.'];
  const options = ['--format=pax', '--pax-option=delete=atime,delete=ctime,delete=mtime', '--sort=name'];
  const keeping = [
    '--numeric-owner',
    '--xattrs',
    '--xattrs-include=*',
    '--quoting-style=escape',
    '--blocking-factor=256',
  ];
  const argv = ['env', 'LC_ALL=C', tar, '-C', root, ...options, ...keeping, ...withoutArgs(without), '-c', ...which];
  const input = Buffer.from((names ?? []).map((name) => `${tarName(name)}\0`).join(''), 'latin1');
  await using program = await open(argv, input);
  const stop = () => void program[Symbol.asyncDispose]();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const parser = paxParser();
    for await (const chunk of program.output) yield* fed(parser, chunk, root);
    signal?.throwIfAborted();
    const { exitCode, stderr } = await program.ended;
    const said = stderr.split('\n').filter((line) => line.startsWith(`${tar}: `) && !CHATTER.test(line));
    const complaints = said.filter((line) => !(names && GONE.test(line)));
    if (exitCode > 2 || (exitCode !== 0 && said.length === 0))
      throw unreadable(root, stderr.trim().split('\n').at(-1) || `${tar} ended with ${exitCode}`);
    endOf(parser, root, complaints);
    for (const line of complaints) {
      const [, name, why] = /^[^:]*: (\.(?:\/.*?)?): (.*)$/.exec(line) ?? [];
      if (name === undefined || onUnreadable === undefined) throw unreadable(root, line);
      onUnreadable(
        unescaped(name)
          .replace(/^\.\/?/, '/')
          .replace(/(?<=.)\/$/, ''),
        why ?? line,
      );
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof StatectlError ? error : unreadable(root, (error as Error).message, error);
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

function fed(parser: PaxParser, chunk: Uint8Array, root: string): readonly TreeEntry[] {
  try {
    return parser.feed(chunk);
  } catch (cause) {
    throw unreadable(root, (cause as Error).message, cause);
  }
}

/** Where the stream is not whole, tar said why. */
function endOf(parser: PaxParser, root: string, complaints: readonly string[]): void {
  try {
    parser.end();
  } catch (cause) {
    throw unreadable(root, complaints[0] ?? (cause as Error).message, cause);
  }
}

const unreadable = (root: string, why: string, cause?: unknown): StatectlError =>
  new StatectlError('tree-unreadable', `the tree at ${root} cannot be read: ${why}`, {
    cause,
    hint: 'is it mounted, and does `dmesg | tail` say something of its disk?',
  });
