import type { Author } from '../../../config/history/fast-import.ts';
import { StatectlError } from '../../../error.ts';
import type { TreeFile } from './config-tree.ts';
import type { ConfigRepository } from './repository.ts';

/** A file as it shall be: new bytes, one that the repository has, or none. */
export type FileNow = Uint8Array | TreeFile | undefined;

export interface NewCommit {
  readonly ref: string;
  /** The first is what it changes. */
  readonly parents: readonly string[];
  /** More parents, of whose files it says nothing. */
  readonly others?: readonly string[];
  readonly files: ReadonlyMap<string, FileNow>;
  readonly author: Author;
  readonly authoredMs: number;
  readonly message: string;
}

/** Acknowledged is kept: objects too are on the disk before the ref names them. */
const DURABLE = ['-c', 'core.fsync=committed,reference'];

/**
 * Makes a commit without a work tree, by git-fast-import(1). Gives its id; undefined: somebody pushed to the ref meanwhile, which
 * is as they left it. `anew`: the ref goes to it whatever it was. Throws `git-failed`, `state-damaged`.
 */
export async function commitFiles(
  { git, host, path }: ConfigRepository,
  commit: NewCommit,
  anew?: 'anew',
): Promise<string | undefined> {
  const words = ['fast-import', '--quiet', '--date-format=raw', ...(anew ? ['--force'] : [])];
  const input = importOf(commit, host.clock.now());
  const { exitCode, stdout, stderr } = await git.attempt([...DURABLE, ...words], { input });
  const id = /^([0-9a-f]{40})\s*$/m.exec(stdout)?.[1];
  if (exitCode === 0 && id !== undefined) return id;
  const [, inTheWay] = /'(refs\/[^']+)' exists; cannot create/.exec(stderr) ?? [];
  if (inTheWay !== undefined)
    throw new StatectlError(
      'state-damaged',
      `${path}: ${inTheWay} is in the way of ${commit.ref}: somebody pushed it`,
      {
        hint: `git -C ${path} branch -m ${nameOf(inTheWay)} ANOTHER-NAME makes room; what it has stays`,
      },
    );
  if (/not updating|new tip|cannot lock ref|unable to create .*\.lock/i.test(stderr)) return undefined;
  // Its own words, told as any other failure of git.
  await git.run([...DURABLE, ...words], input);
  return undefined;
}

function importOf(commit: NewCommit, nowMs: number): Buffer {
  const { ref, parents, others = [], files, author, authoredMs, message } = commit;
  const [first, ...more] = [...parents, ...others];
  const parts: (string | Uint8Array)[] = [
    `commit ${ref}\nmark :1\n`,
    `author ${person(author)} ${seconds(authoredMs)} +0000\n`,
    `committer statectl <statectl@localhost> ${seconds(nowMs)} +0000\n`,
    `data ${Buffer.byteLength(message)}\n${message}\n`,
    ...(first === undefined ? [] : [`from ${first}\n`]),
    ...more.map((parent) => `merge ${parent}\n`),
    // Without it a ref that is there already would be what it changes.
    ...(parents.length === 0 ? ['deleteall\n'] : []),
  ];
  // What goes away first: a folder may take the place of a file.
  for (const [path, now] of files) if (now === undefined) parts.push(`D ${quoted(path)}\n`);
  for (const [path, now] of files)
    if (now instanceof Uint8Array) parts.push(`M 100644 inline ${quoted(path)}\ndata ${now.length}\n`, now, '\n');
    else if (now) parts.push(`M ${now.mode} ${now.blob} ${quoted(path)}\n`);
  parts.push('get-mark :1\n', 'done\n');
  return Buffer.concat(parts.map((part) => Buffer.from(part as string)));
}

const nameOf = (ref: string): string => ref.replace('refs/heads/', '');

const seconds = (ms: number): number => Math.floor(ms / 1000);

const plain = (text: string): string => text.replace(/[<>\p{Cc}]/gu, '').trim() || 'unknown';
const person = ({ name, email = `${name}@localhost` }: Author): string => `${plain(name)} <${plain(email)}>`;

/** As C has it. */
const quoted = (path: string): string => `"${path.replace(/["\\]/g, '\\$&')}"`;
