import type { DrbdVersion } from '../../../host/kernel/drbd-status.ts';
import { RESOURCE_FOLDER, resourcePath } from './resource-file.ts';
import type { Signature, VolumeFacts } from './volume-facts.ts';
import { diskOf, imagePath, loopLink, lvmName } from './volume-paths.ts';
import type { Volume } from './volume-record.ts';

/** One thing that is done to a volume on the management host. Each may be the last that was done: a second run goes on. */
export type VolumeStep =
  | { readonly do: 'load-module' }
  | { readonly do: 'make-file'; readonly path: string; readonly bytes: number }
  | { readonly do: 'make-lvm'; readonly group: string; readonly name: string; readonly bytes: number }
  | { readonly do: 'attach-loop'; readonly file: string; readonly link: string }
  | { readonly do: 'make-filesystem'; readonly disk: string; readonly uuid: string }
  | { readonly do: 'write-resource'; readonly path: string }
  | { readonly do: 'make-metadata'; readonly minor: number; readonly disk: string; readonly version: DrbdVersion }
  | { readonly do: 'bring-up'; readonly resource: string }
  | { readonly do: 'declare-truth'; readonly resource: string }
  | { readonly do: 'note-made' };

/** Why nothing is done, and what a person does. */
export interface Refusal {
  readonly why: string;
  readonly next: string;
}

export type VolumePlan =
  | { readonly refused: readonly Refusal[] }
  | { readonly steps: readonly VolumeStep[]; readonly notes: readonly string[] };

/** What a plan is made for. */
export interface Wanted {
  /** Of state.conf. */
  readonly sizeBytes: number;
  /** What the resource file shall have. */
  readonly resourceText: string;
  /** The state directory. */
  readonly root: string;
}

/** Rounding of LVM, and a partition that somebody made by eye. */
const MORE_BYTES = 64 << 20;

/**
 * What is to be done so that a volume is there and up as Secondary: nothing where it is. The server's side is never made anew, and
 * nothing that is on a disk is written over. Pure.
 */
export function planVolume(volume: Volume, facts: VolumeFacts, wanted: Wanted): VolumePlan {
  // Who may not look has seen nothing.
  const refused = facts.host.isRoot
    ? [...hostRefusals(volume, facts), ...diskRefusals(volume, facts, wanted)]
    : [{ why: 'only root may make volumes', next: 'run it as root on the management host, the server’s own' }];
  if (refused.length > 0) return { refused };
  const { disk, standing, host } = facts;
  const { made, resource, backing } = volume;
  const isFile = backing === undefined || backing.on === 'file';
  const has = (type: string): boolean => disk?.signatures.some((one) => one.type === type) ?? false;
  const steps: VolumeStep[] = [];
  if (host.module !== 'loaded') steps.push({ do: 'load-module' });
  if (isFile && (disk === undefined || isBegun(volume, facts, wanted)))
    steps.push({ do: 'make-file', path: imagePath(wanted.root, volume), bytes: wanted.sizeBytes });
  if (disk === undefined && backing?.on === 'lvm')
    steps.push({ do: 'make-lvm', group: backing.group, name: lvmName(volume), bytes: wanted.sizeBytes });
  if (isFile && !facts.hasLoop)
    steps.push({ do: 'attach-loop', file: imagePath(wanted.root, volume), link: loopLink(volume) });
  if (!has('ext4')) steps.push({ do: 'make-filesystem', disk: diskOf(volume), uuid: volume.fileSystem });
  const isWritten = facts.resourceText === wanted.resourceText;
  if (!isWritten) steps.push({ do: 'write-resource', path: resourcePath(volume) });
  // Of the other kind: what a kernel with another module made keeps all that it says, in the form that this one reads.
  const isOther = disk?.metadata !== undefined && disk.metadata !== host.version && 'why' in standing;
  if (!has('drbd') || isOther)
    steps.push({ do: 'make-metadata', minor: volume.minor, disk: diskOf(volume), version: host.version });
  const isUp = !('why' in standing) && standing.disk !== 'Diskless' && standing.connection !== 'StandAlone';
  if (!isUp || !isWritten) steps.push({ do: 'bring-up', resource });
  if (made === undefined) steps.push({ do: 'declare-truth', resource }, { do: 'note-made' });
  return { steps, notes: notesOf(volume, facts, wanted) };
}

/** A file that nobody got to fill: of another size, and with nothing in it. */
const isBegun = ({ made, backing }: Volume, { disk }: VolumeFacts, { sizeBytes }: Wanted): boolean =>
  (backing === undefined || backing.on === 'file') &&
  made === undefined &&
  disk?.signatures.length === 0 &&
  disk.bytes !== sizeBytes;

function hostRefusals({ resource, port, minor, made }: Volume, { host, standing }: VolumeFacts): readonly Refusal[] {
  const refusals: Refusal[] = [];
  const refuse = (why: string, next: string): void => void refusals.push({ why, next });
  if (host.missing.length > 0)
    refuse(`${host.missing.join(', ')} ${host.missing.length > 1 ? 'are' : 'is'} missing here`, INSTALL);
  if (host.module === 'missing')
    refuse('this kernel has no module drbd', 'install the kernel’s modules, or on 9 the package drbd-dkms');
  const isUp = !('why' in standing);
  if (host.others.ports.has(port) || (!isUp && host.listening.has(port)))
    refuse(
      `port ${port} is taken here`,
      made === undefined
        ? 'free it (ss -ltnp says who has it), or remove its volume.json below STATE/state: another is allotted then'
        : 'see who has it: ss -ltnp; free it, since the machine was told of this one',
    );
  if (host.others.minors.has(minor))
    refuse(`/dev/drbd${minor} belongs to another resource below ${RESOURCE_FOLDER}`, 'give that one another minor');
  if (host.others.resources.has(resource))
    refuse(`there is another resource ${resource} below ${RESOURCE_FOLDER}`, 'rename or remove that one');
  return refusals;
}

const INSTALL = 'apt install drbd-utils e2fsprogs util-linux kmod';

function diskRefusals(volume: Volume, facts: VolumeFacts, wanted: Wanted): readonly Refusal[] {
  const { sizeBytes, root } = wanted;
  const { backing, made, fileSystem } = volume;
  const { disk, otherOwner } = facts;
  const isFile = backing === undefined || backing.on === 'file';
  const path = isFile ? imagePath(root, volume) : diskOf(volume);
  if (otherOwner !== undefined)
    return [
      {
        why: `${root} belongs to another account (uid ${otherOwner}), which could put any file in the volume’s place`,
        next: 'make it root’s, or use --volume-group VG',
      },
    ];
  if (made !== undefined && (disk === undefined || !isOurs(disk.signatures, fileSystem)))
    return [
      {
        why: `${path} ${disk === undefined ? 'is not there' : 'has lost its file system'}: it was made ${new Date(made.atMs).toISOString()}`,
        next: `put the disk back, or a copy of it (\`statectl node drbd ${volume.node} --snapshots\` keeps some); to begin with an empty one, take its "made" out of volume.json below ${root}/state/${volume.printer}`,
      },
    ];
  if (disk === undefined)
    return backing?.on === 'device' ? [{ why: `there is no ${path}`, next: 'name a disk with --device' }] : [];
  if (disk.signatures.length > 0 && !isOurs(disk.signatures, fileSystem))
    return [
      {
        why: `there is something else on ${path}: ${disk.signatures.map(({ type }) => type).join(', ')}`,
        next: 'look what it is; nothing is written over it. Name an empty disk, or empty this one yourself: wipefs --all',
      },
    ];
  if (isBegun(volume, facts, wanted)) return [];
  const isUp = !('why' in facts.standing);
  if (disk.isInUse && !isUp && made === undefined)
    return [{ why: `${path} is in use: mounted, swap, or a part of something else`, next: 'name another disk' }];
  if (made === undefined && disk.bytes < sizeBytes)
    return [{ why: `${path} has ${disk.bytes} bytes, and the volume ${sizeBytes}`, next: 'make it larger' }];
  if (made === undefined && disk.bytes > sizeBytes + MORE_BYTES)
    return [
      {
        why: `${path} has ${disk.bytes} bytes, and the machine would need as much RAM: state.conf says ${sizeBytes}`,
        next: 'make a partition or a volume of that size, or say a larger size in state.conf',
      },
    ];
  return [];
}

/** Of us, or begun by us: our file system, and DRBD's metadata behind it. */
const isOurs = (signatures: readonly Signature[], uuid: string): boolean =>
  signatures.some((one) => one.type === 'ext4' && one.uuid === uuid) &&
  signatures.every(({ type }) => type === 'ext4' || type === 'drbd');

function notesOf({ made, resource }: Volume, { standing }: VolumeFacts, { sizeBytes }: Wanted): readonly string[] {
  const notes: string[] = [];
  if (!('why' in standing) && standing.role === 'Primary' && made !== undefined)
    notes.push(
      `${resource} is Primary here: its machine gets it at no boot until \`drbdadm secondary ${resource}\`; look at a copy instead`,
    );
  if (made !== undefined && (made.bytes < sizeBytes || made.bytes > sizeBytes + MORE_BYTES))
    notes.push(`${resource} keeps the ${made.bytes} bytes that it was made with; state.conf says ${sizeBytes}`);
  return notes;
}
