import { StatectlError } from '../../error.ts';
import type { Host, RunResult } from '../../host/host.ts';
import type { ArchiveFormat } from '../facts/python-facts.ts';
import { zipLink } from './zip-links.ts';

/** First bytes: PKWARE APPNOTE 4.3.7, RFC 1952, the .xz format 2.1.1.1. Whose they are: docs/design/decisions.md. */
const MAGIC: readonly (readonly [format: ArchiveFormat, hex: string])[] = [
  ['zip', '504b0304'],
  ['tar.gz', '1f8b'],
  ['tar.xz', 'fd377a585a00'],
];
const USTAR_AT = 257;
const TAR_FLAGS: Readonly<Record<Exclude<ArchiveFormat, 'zip'>, string>> = { tar: '', 'tar.gz': 'z', 'tar.xz': 'J' };

/** By its first bytes: a URL may end as it likes. */
export function archiveFormat(head: Uint8Array): ArchiveFormat | undefined {
  const bytes = Buffer.from(head);
  const found = MAGIC.find(([, hex]) => bytes.subarray(0, hex.length / 2).toString('hex') === hex);
  if (found) return found[0];
  return bytes.subarray(USTAR_AT, USTAR_AT + 5).toString('latin1') === 'ustar' ? 'tar' : undefined;
}

/** The command that unpacks it, also by hand. */
export const extractArgv = (path: string, format: ArchiveFormat, to: string): readonly string[] =>
  format === 'zip' ? ['unzip', '-q', '-o', path, '-d', to] : ['tar', `-${TAR_FLAGS[format]}xof`, path, '-C', to];

/** Unpacks into a folder that is there. The files become root's, whoever packed them. */
export async function extract(host: Host, path: string, format: ArchiveFormat, to: string): Promise<void> {
  const result = await host.exec.run(extractArgv(path, format, to));
  if (result.exitCode !== 0) throw damaged(result);
}

/** Throws `archive-refused` when anything in it would not stay in the folder that it is unpacked into, or is no plain file. */
export async function checkArchive(host: Host, path: string, format: ArchiveFormat): Promise<void> {
  for (const listing of format === 'zip' ? [await listZip(host, path)] : await listTar(host, path, format)) {
    const fault = listingFault(listing);
    if (fault) throw new StatectlError('archive-refused', `${path} is not unpacked: ${fault}`);
  }
}

interface Listing {
  /** One a member, as the program that will unpack it understands them. */
  readonly names: readonly string[];
  /** Lines of `tar -tv`, where a format has links and devices that a listing shows. */
  readonly details: readonly string[];
  readonly said: string;
}

/** Pure. */
export function listingFault({ names, details, said }: Listing): string | undefined {
  // What busybox says when it makes a path harmless: then it was not.
  const stripped = /removing leading '(.*)' from member names/.exec(said)?.[1];
  if (stripped !== undefined) return `a path in it begins with ${stripped}`;
  const outside = names.find((name) => name.startsWith('/') || name.split('/').includes('..'));
  if (outside !== undefined) return `${outside} leaves its folder`;
  const special = details.find((line) => !/^[-d]/.test(line) || line.includes(' -> '));
  if (special !== undefined) return `"${special}" is neither a file nor a folder`;
  return names.length === 0 ? 'it is empty' : undefined;
}

const linesOf = (text: string): readonly string[] => text.split('\n').filter((line) => line !== '');

/** Names and kinds are asked for apart: an owner's name in `tar -tv` may look like anything. */
async function listTar(host: Host, path: string, format: Exclude<ArchiveFormat, 'zip'>): Promise<readonly Listing[]> {
  const names = await host.exec.run(['tar', `-${TAR_FLAGS[format]}tf`, path]);
  const details = await host.exec.run(['tar', `-${TAR_FLAGS[format]}tvf`, path]);
  if (names.exitCode !== 0) throw damaged(names);
  if (details.exitCode !== 0) throw damaged(details);
  return [{ names: linesOf(names.stdout), details: linesOf(details.stdout), said: names.stderr + details.stderr }];
}

/** No list of unzip(1) shows links. */
async function listZip(host: Host, path: string): Promise<Listing> {
  const link = await zipLink(host, path);
  const result = await host.exec.run(['unzip', '-l', path]);
  if (result.exitCode !== 0) throw damaged(result);
  const names = linesOf(result.stdout).flatMap((line) => /^ *\d+ {2}[\d-]+ [\d:]+ {3}(.*)$/.exec(line)?.[1] ?? []);
  return { names, details: link === undefined ? [] : [`link ${link}`], said: result.stderr };
}

const damaged = ({ stdout, stderr }: RunResult): StatectlError =>
  new StatectlError('archive-damaged', linesOf(stderr || stdout).at(-1) ?? 'the archive cannot be read');
