import { type Cidr, familyOf } from '../../../config/settings/addresses.ts';
import { entryOf } from '../../../entry-of.ts';
import { type DrbdVersion, drbdVersion, moduleVersion } from '../../../host/kernel/drbd-status.ts';
import { parseMountInfo } from '../../../host/kernel/mount-table.ts';
import { ownerOf, ownUid } from '../../../host/owner.ts';
import { isMapping, parseRecords, recordOrNone } from '../../../host/record.ts';
import type { StoreHost } from '../../store/store.ts';
import type { Taken } from './allot.ts';
import { takenByOthers } from './other-resources.ts';
import { resourcePath } from './resource-file.ts';
import { bytesPath, imagePath, loopLink, volumesFolder } from './volume-paths.ts';
import type { Volume } from './volume-record.ts';
import { type VolumeStanding, volumeStanding } from './volume-standing.ts';

/** Something that wipefs(8) knows, on a disk. */
export interface Signature {
  readonly type: string;
  readonly uuid?: string;
}

/** What the management host is, as far as volumes go. */
export interface HostFacts {
  readonly isRoot: boolean;
  /** uname -n. */
  readonly name: string;
  readonly own: readonly Cidr[];
  readonly module: 'loaded' | 'there' | 'missing';
  /** Of the module: 8 where there is none to ask. */
  readonly version: DrbdVersion;
  /** Programs that are not here. */
  readonly missing: readonly string[];
  /** Of resources that are not ours. */
  readonly others: Taken;
  /** TCP ports that somebody listens on. */
  readonly listening: ReadonlySet<number>;
}

export interface DiskFacts {
  readonly bytes: number;
  readonly signatures: readonly Signature[];
  readonly isInUse: boolean;
  /** Whose form DRBD's metadata has; absent: there is none. */
  readonly metadata?: DrbdVersion;
}

/** What is there of one volume. */
export interface VolumeFacts {
  readonly host: HostFacts;
  /** undefined: there is no such disk. */
  readonly disk?: DiskFacts;
  /** Of a file: whether its loop device is there and its name leads to it. */
  readonly hasLoop: boolean;
  /** The account that could put another file in its place; absent: nobody but root. */
  readonly otherOwner?: number;
  /** What the resource file has now. */
  readonly resourceText?: string;
  readonly standing: VolumeStanding;
}

const PROGRAMS = ['drbdadm', 'drbdsetup', 'drbdmeta', 'mkfs.ext4', 'wipefs', 'blockdev', 'losetup', 'modprobe'];

export async function hostFacts(host: StoreHost): Promise<HostFacts> {
  const { files, exec } = host;
  const run = async (...argv: readonly string[]): Promise<string> =>
    (await exec.run(argv).catch(() => undefined))?.stdout ?? '';
  const missing = await run('sh', '-c', 'for p; do command -v "$p" >/dev/null || echo "$p"; done', 'sh', ...PROGRAMS);
  const loaded = await files.readText('/proc/drbd').catch(() => undefined);
  const isLoaded = loaded !== undefined;
  const said = loaded ?? `version: ${await run('modinfo', '--field', 'version', 'drbd')}`;
  const loads = isLoaded ? undefined : await exec.run(['modprobe', '-n', '-q', 'drbd']).catch(() => undefined);
  return {
    isRoot: (await ownUid(files)) === 0,
    name: (await files.readText('/proc/sys/kernel/hostname')).trim(),
    own: addressesIn(await run('ip', '-j', 'address', 'show')),
    module: isLoaded ? 'loaded' : loads?.exitCode === 0 ? 'there' : 'missing',
    version: drbdVersion(moduleVersion(said)) ?? 8,
    missing: missing.split('\n').filter((line) => line !== ''),
    others: await takenByOthers(host),
    listening: new Set(
      (await Promise.all(['tcp', 'tcp6'].map((name) => files.readText(`/proc/net/${name}`).catch(() => '')))).flatMap(
        listeningPorts,
      ),
    ),
  };
}

/** `ip -j address show`; loopback leads nowhere. Pure. */
export const addressesIn = (json: string): readonly Cidr[] =>
  linksIn(json).flatMap(({ addr_info: all = [] }) =>
    all.filter(isMapping).flatMap(({ local, prefixlen, scope }) => {
      const address = String(local);
      return scope === 'global' && familyOf(address) !== undefined
        ? [{ address, prefixLength: Number(prefixlen) }]
        : [];
    }),
  );

function linksIn(json: string): readonly { readonly addr_info?: readonly unknown[] }[] {
  try {
    return parseRecords(json, {});
  } catch {
    return [];
  }
}

/** /proc/net/tcp, proc_net(5): `0A` is LISTEN. Pure. */
export const listeningPorts = (text: string): readonly number[] =>
  [...text.matchAll(/^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) \S+ 0A /gm)].map(([, port = '']) => Number.parseInt(port, 16));

export async function volumeFacts(
  { root, host }: { readonly root: string; readonly host: StoreHost },
  volume: Volume,
  facts: HostFacts,
): Promise<VolumeFacts> {
  const { files } = host;
  const isFile = volume.backing === undefined || volume.backing.on === 'file';
  const disk = await diskFacts(host, bytesPath(root, volume), isFile);
  const owner = isFile ? await ownerOf(files, volumesFolder(root)) : undefined;
  const resourceText = await files.readText(resourcePath(volume)).catch(() => undefined);
  return {
    host: facts,
    ...(disk && { disk }),
    hasLoop: isFile && (await hasLoop(host, imagePath(root, volume), loopLink(volume))),
    ...(owner && { otherOwner: owner.uid }),
    ...(resourceText !== undefined && { resourceText }),
    standing: await volumeStanding(host, volume),
  };
}

async function diskFacts(host: StoreHost, path: string, isFile: boolean): Promise<DiskFacts | undefined> {
  const { files, exec } = host;
  // A device may be named by a link, as LVM does.
  const size = isFile
    ? (await files.stat(path).catch(() => undefined))?.sizeBytes
    : await exec.run(['blockdev', '--getsize64', path]).then(
        ({ exitCode, stdout }) => (exitCode === 0 ? Number(stdout) : undefined),
        () => undefined,
      );
  if (size === undefined) return undefined;
  const metadata = await metadataVersion(host, path);
  const found = await exec.run(['wipefs', '--no-act', '--json', path]).catch(() => undefined);
  return {
    bytes: size,
    signatures:
      found?.exitCode === 0 ? signaturesIn(found.stdout) : [{ type: `something that wipefs cannot read of ${path}` }],
    isInUse: !isFile && (await isMountedOrHeld({ files, exec }, path)),
    ...(metadata && { metadata }),
  };
}

/** By the metadata at the end of a disk, whose form blkid calls `v08` and `v09`. */
const METADATA: Readonly<Record<string, DrbdVersion>> = { v08: 8, v09: 9 };

async function metadataVersion({ exec }: StoreHost, path: string): Promise<DrbdVersion | undefined> {
  const asked = ['blkid', '--probe', '--usages', 'raid', '--match-tag', 'VERSION', '--output', 'value', path];
  const { stdout = '' } = (await exec.run(asked).catch(() => undefined)) ?? {};
  return entryOf(METADATA, stdout.trim());
}

/** What wipefs prints; nothing where there is nothing. Pure. */
export function signaturesIn(json: string): readonly Signature[] {
  if (json.trim() === '') return [];
  const found = recordOrNone<{ readonly signatures: readonly unknown[] }>(json, { signatures: 'list' });
  if (!found) return [{ type: 'something that wipefs says in other words' }];
  return found.signatures
    .filter(isMapping)
    .map(({ type, uuid }) => ({ type: String(type), ...(typeof uuid === 'string' && { uuid }) }));
}

/** Mounted, a part of something else, or with partitions of its own. */
async function isMountedOrHeld({ files, exec }: Pick<StoreHost, 'files' | 'exec'>, path: string): Promise<boolean> {
  const { stdout } = await exec.run(['readlink', '-f', path]);
  const real = stdout.trim();
  const mounts = parseMountInfo(await files.readText('/proc/self/mountinfo'));
  const swaps = await files.readText('/proc/swaps').catch(() => '');
  if (mounts.some(({ source }) => source === real) || swaps.split('\n').some((line) => line.startsWith(`${real} `)))
    return true;
  const name = real.replace(/^\/dev\//, '');
  const holders = await files.list(`/sys/class/block/${name}/holders`).catch(() => []);
  const inside = await files.list(`/sys/class/block/${name}`).catch(() => []);
  return holders.length > 0 || inside.some((one) => one.startsWith(name));
}

async function hasLoop({ files, exec }: StoreHost, image: string, link: string): Promise<boolean> {
  const target = await files.readlink(link).catch(() => undefined);
  if (target === undefined) return false;
  const { stdout } = await exec.run(['losetup', '--associated', image, '--noheadings', '--output', 'NAME']);
  return stdout.split('\n').some((line) => line.trim() === target);
}
