import { StatectlError } from '../../error.ts';
import type { Files } from '../../host/host.ts';
import { tarName } from '../../host/system-tree/read-system.ts';
import { isWithin, shownName } from '../../host/system-tree/tree-entry.ts';
import { printableLine } from '../../printable.ts';
import type { FileList } from '../../signed/file-list/read-list.ts';
import type { Comparison, Deviation } from './compare-tree.ts';
import { type TreeHost, type TreeTask, verifyNames, verifyTree } from './verify-tree.ts';

/** Where good files come from. */
export interface TreeSource {
  /** Where it is mounted. */
  readonly root: string;
  /** `an image`: its own digest was verified before it was mounted. Of another tree each file is verified before it is copied. */
  readonly is: 'an image' | 'a tree';
}

export interface RepairTask extends TreeTask {
  readonly say: (text: string) => void;
}

/** What a repair did. */
export interface Repaired {
  /** All that was not as it should be, when it began. */
  readonly deviations: readonly Deviation[];
}

/** A tree that is still not right has a disk that is not, or somebody who writes on it. */
const MOST_ROUNDS = 3;
const PAGE_BYTES = 4096;

/**
 * `$1` is tar, `$2` the source, `$3` the target, and then what both take besides. What is not to be read is told by the first of
 * them, of which the shell would say nothing.
 */
const COPY = `tar=$1 source=$2 target=$3; shift 3
{ "$tar" -C "$source" --format=pax --numeric-owner --blocking-factor=256 --no-recursion --null "$@" --verbatim-files-from -T - -c ||
  echo "statectl: the source could not be read" >&2; } |
exec "$tar" -C "$target" --numeric-owner --same-owner --blocking-factor=256 --delay-directory-restore "$@" -p -x`;

/**
 * Makes a tree what the list of its image says, whatever it is now: empty (so a tree is made), half of it from a try that was
 * cut, or damaged. What should not be there goes, and only what deviates is copied. Then everything is on the disk, and all of it is
 * read from there and compared. Throws `tree-unverified` (the source), `disk-full`, `tree-not-repaired`, `tree-unreadable`, the signal's reason.
 */
export async function repairTree(
  host: TreeHost & { readonly files: Pick<Files, 'append'> },
  source: TreeSource,
  target: string,
  list: FileList,
  task: RepairTask,
): Promise<Repaired> {
  let comparison = await verifyTree(host, target, list, task);
  const { deviations } = comparison;
  for (let round = 1; comparison.deviations.length > 0; round += 1) {
    if (round > MOST_ROUNDS) throw notRepaired(target, comparison.deviations);
    task.say(`${target}: not as its image: ${shown(comparison.deviations)}`);
    await repairOnce(host, source, target, list, comparison, task);
    comparison = await verifyTree(host, target, list, task);
  }
  return { deviations };
}

async function repairOnce(
  host: TreeHost & { readonly files: Pick<Files, 'append'> },
  source: TreeSource,
  target: string,
  list: FileList,
  comparison: Comparison,
  task: RepairTask,
): Promise<void> {
  const wanted = wantedOf(list, comparison.deviations);
  if (source.is === 'a tree') await mustBeGood(host, source, wanted, list, task);
  await mustFit(host, target, wanted, comparison, task.signal);
  await remove(
    host,
    target,
    comparison.deviations.filter((deviation) => goes(list, deviation)),
    task.signal,
  );
  const { names, withXattrs } = wanted;
  const plain = names.filter((path) => !withXattrs.has(path));
  await copy(host, source, target, plain, [], task.signal);
  await copy(host, source, target, [...withXattrs], ['--xattrs', '--xattrs-include=*'], task.signal);
  // What is read from now on comes from the disk: proc_sys_vm(5).
  await run(host, ['sync'], target, task.signal);
  await host.files.append('/proc/sys/vm/drop_caches', '1\n');
}

/**
 * What is removed before anything is copied. tar gives a folder that is there what it should have, and takes nothing from it: one with
 * xattrs that it should not have is made anew, with all below it.
 */
const goes = (list: FileList, { path, what }: Deviation): boolean =>
  what.includes('extra') ||
  what.includes('type') ||
  (what.includes('xattrs') && path !== '/' && list.find(path)?.type === 'dir');

/** What is to be copied, and the room that it takes. */
interface Wanted {
  /** In the order of the tree. */
  readonly names: readonly string[];
  /** Those of them that have xattrs: to look for these at each file takes twice as long. */
  readonly withXattrs: ReadonlySet<string>;
  readonly bytes: number;
  readonly inodes: number;
}

/** Of a folder that is missing all that is below it, and of a file with several names all of them: they are one. */
function wantedOf(list: FileList, deviations: readonly Deviation[]): Wanted {
  const wrong = new Map(deviations.map((deviation) => [deviation.path, deviation]));
  let gone: string | undefined;
  const isWrong = (path: string): boolean => {
    if (gone !== undefined && isWithin(gone, path)) return true;
    const deviation = wrong.get(path);
    gone = deviation && (deviation.what.includes('missing') || goes(list, deviation)) ? path : undefined;
    return deviation !== undefined;
  };
  const shared = new Set<string>();
  for (const { path, hardLink } of list.entries()) if (isWrong(path) && hardLink !== undefined) shared.add(hardLink);
  // The first name is wrong: the others are of another file then.
  gone = undefined;
  const firsts = new Set<string>();
  const names: string[] = [];
  const withXattrs = new Set<string>();
  let [bytes, inodes] = [0, 0];
  for (const { path, type, hardLink, xattrs, sizeBytes = 0 } of list.entries()) {
    const isChosen = isWrong(path) || shared.has(hardLink ?? path) || (hardLink !== undefined && firsts.has(hardLink));
    if (!isChosen) continue;
    names.push(path);
    if (xattrs) withXattrs.add(path);
    if (hardLink !== undefined) continue;
    if (type === 'file') firsts.add(path);
    bytes += Math.ceil(sizeBytes / PAGE_BYTES) * PAGE_BYTES;
    inodes += 1;
  }
  return { names, withXattrs, bytes, inodes };
}

async function mustBeGood(
  host: TreeHost,
  { root }: TreeSource,
  { names }: Wanted,
  list: FileList,
  task: TreeTask,
): Promise<void> {
  if (names.length === 0) return;
  const { deviations } = await verifyNames(host, root, names, list, task);
  if (deviations.length === 0) return;
  throw new StatectlError('tree-unverified', `${root} is not as its image either: ${shown(deviations)}`, {
    hint: 'nothing was copied from it; the image itself is the source then: it is fetched from a server',
  });
}

async function mustFit(
  host: TreeHost,
  target: string,
  { bytes, inodes }: Wanted,
  { givesBackBytes }: Comparison,
  signal: AbortSignal,
): Promise<void> {
  const room = (await freeOf(host, target, '-k', signal)) * 1024 + givesBackBytes;
  const files = await freeOf(host, target, '-i', signal);
  // Where df says nothing of use, the disk will.
  const short = room < bytes ? `${room} bytes, and the image needs ${bytes}` : undefined;
  const few = files < inodes && files > 0 ? `${files} files, and the image has ${inodes}` : undefined;
  if (short === undefined && few === undefined) return;
  throw new StatectlError('disk-full', `${target} has room for ${short ?? few}`, {
    hint: 'make that file system larger; nothing was written',
  });
}

/** What is free, in KiB or inodes; NaN where it is not known. */
async function freeOf({ exec }: TreeHost, target: string, what: '-k' | '-i', signal: AbortSignal): Promise<number> {
  const { stdout } = await exec.run(['df', '-P', what, target], { signal });
  return Number(/\s\d+\s+\d+\s+(\d+)\s+\d+%\s/.exec(stdout)?.[1] ?? Number.NaN);
}

async function remove(host: TreeHost, target: string, wrong: readonly Deviation[], signal: AbortSignal): Promise<void> {
  if (wrong.length === 0) return;
  const names = wrong.map(({ path }) => `${tarName(path)}\0`).join('');
  await run(host, ['xargs', '-0', 'rm', '-rf', '--'], target, signal, names);
}

async function copy(
  { exec, reader }: TreeHost,
  source: TreeSource,
  target: string,
  names: readonly string[],
  options: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  if (names.length === 0) return;
  const input = Buffer.from(names.map((path) => `${tarName(path)}\0`).join(''), 'latin1');
  const argv = ['sh', '-c', COPY, 'sh', reader.tar, source.root, target, ...options];
  const { exitCode, stderr } = await exec.run(argv, { input, env: { LC_ALL: 'C' }, signal });
  if (exitCode !== 0 || stderr.includes('statectl: the source'))
    throw failed(target, stderr || `tar ended with ${exitCode}`);
}

async function run(
  { exec }: TreeHost,
  argv: readonly string[],
  cwd: string,
  signal: AbortSignal,
  input?: string,
): Promise<void> {
  const bytes = input === undefined ? {} : { input: Buffer.from(input, 'latin1') };
  const { exitCode, stderr } = await exec.run(argv, { cwd, signal, env: { LC_ALL: 'C' }, ...bytes });
  if (exitCode !== 0) throw failed(cwd, stderr || `${argv[0]} ended with ${exitCode}`);
}

function failed(target: string, said: string): StatectlError {
  // A write that came short is how tar meets the end of the room.
  if (/No space left on device|Disk quota exceeded|Wrote only \d+ of \d+ bytes/.test(said))
    return new StatectlError('disk-full', `no room on ${target} for all of the image`, {
      hint: 'make room there, or make that file system larger; what is missing is copied then',
    });
  const line = said.trim().split('\n').at(0) ?? '';
  return new StatectlError('tree-not-repaired', `${target} could not be written: ${printableLine(line)}`, {
    hint: 'dmesg | tail says whether the disk is at fault',
  });
}

const notRepaired = (target: string, deviations: readonly Deviation[]): StatectlError =>
  new StatectlError('tree-not-repaired', `${target} is still not as its image: ${shown(deviations)}`, {
    hint: 'this disk loses or alters what it is given: dmesg | tail, and smartctl -a tell more',
  });

const MOST_SHOWN = 5;

/** The first of them in a sentence. */
export function shown(deviations: readonly Deviation[]): string {
  const some = deviations
    .slice(0, MOST_SHOWN)
    .map(({ path, what }) => `${printableLine(shownName(path))} (${what.join(', ')})`);
  return `${some.join(', ')}${deviations.length > MOST_SHOWN ? ` and ${deviations.length - MOST_SHOWN} more` : ''}`;
}
