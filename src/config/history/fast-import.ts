import { differences, type Snapshot } from './snapshot.ts';

export interface Author {
  readonly name: string;
  /** Default: NAME@localhost. */
  readonly email?: string;
}

export interface ImportedCommit {
  /** `refs/heads/main` */
  readonly ref: string;
  readonly parent: string | undefined;
  readonly old: Snapshot;
  readonly next: Snapshot;
  readonly author: Author;
  readonly message: string;
  readonly timeMs: number;
}

/** One commit as git-fast-import(1) reads it: what changed between two snapshots. Pure. */
export function fastImport({ ref, parent, old, next, author, message, timeMs }: ImportedCommit): string {
  const when = `${Math.floor(timeMs / 1000)} +0000`;
  return [
    `commit ${ref}`,
    `author ${person(author)} ${when}`,
    `committer statectl <statectl@localhost> ${when}`,
    data(message),
    ...(parent === undefined ? [] : [`from ${parent}`]),
    ...differences(old, next).map((name) => {
      const text = next.get(name);
      return text === undefined ? `D ${path(name)}` : `M 100644 inline ${path(name)}\n${data(text)}`;
    }),
    '',
    'done',
    '',
  ].join('\n');
}

const data = (text: string): string => `data ${Buffer.byteLength(text)}\n${text}`;

/** No sign that git gives a meaning in a person's name. */
const plain = (text: string): string => text.replace(/[<>\n\0]/g, '').trim() || 'unknown';

const person = ({ name, email }: Author): string =>
  `${plain(name)} <${plain(email ?? `${name.replace(/\s+/g, '-')}@localhost`)}>`;

const path = (name: string): string => `"${name.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n')}"`;
