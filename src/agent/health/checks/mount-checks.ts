import { entryOf } from '../../../entry-of.ts';
import { reasonOf } from '../../../error.ts';
import type { Host } from '../../../host/host.ts';
import type { MountInfo } from '../../../host/kernel/mount-table.ts';
import type { BootRecord } from '../../../machine/boot-record.ts';
import { findBlock } from '../../../machine/facts/disks.ts';
import type { Facts } from '../../../machine/facts/facts.ts';
import { IMAGE_MOUNT } from '../../../machine/paths.ts';
import type { CheckResult } from '../gate.ts';

const result = (name: string, why: string | undefined): CheckResult => ({
  ...{ name, need: 'required' },
  ...(why !== undefined && { why }),
});

/** Of several on one mount point, the last is what one sees. */
const mountedAt = (mounts: readonly MountInfo[], path: string): MountInfo | undefined =>
  mounts.findLast(({ mountPoint }) => mountPoint === path);

const isReadOnly = ({ options, superOptions }: MountInfo): boolean =>
  options.includes('ro') || superOptions.includes('ro');

/** The root is what the boot made it: the image that it verified, or a read-only overlay of that. Pure. */
export function rootCheck({ root }: Pick<BootRecord, 'root'>, mounts: readonly MountInfo[]): CheckResult {
  const image = mountedAt(mounts, IMAGE_MOUNT);
  const system = mountedAt(mounts, '/');
  return result('root', rootFault(root.type, image, system));
}

function rootFault(type: string, image: MountInfo | undefined, system: MountInfo | undefined): string | undefined {
  if (!image || !system) return `nothing is mounted on ${image ? '/' : IMAGE_MOUNT}`;
  if (image.fsType !== type) return `the image is of type ${image.fsType}, and was booted as ${type}`;
  if (!isReadOnly(image)) return 'somebody made the image writable';
  const isOverIt =
    system.fsType === 'overlay'
      ? system.superOptions.some((option) => option.startsWith('lowerdir') && option.includes(IMAGE_MOUNT))
      : system.fsType === image.fsType && system.source === image.source;
  if (!isOverIt) return `it is ${system.fsType} of ${system.source}, not the image that was booted`;
  return isReadOnly(system) ? undefined : 'somebody made it writable';
}

/** Everything that persists lies on its disk and can be written. Pure. */
export function persistentCheck(
  { persistent, places }: Pick<BootRecord, 'persistent' | 'places'>,
  { config: { fstab }, root: { blocks } }: Pick<Facts, 'config' | 'root'>,
  mounts: readonly MountInfo[],
): CheckResult {
  const disks = Object.entries(fstab).filter(
    ([mountPoint, { source }]) => mountPoint !== '/user-data' && findBlock(blocks ?? [], source) !== undefined,
  );
  const wanted = new Map<string, boolean>([
    ...(persistent ? [['/user-data', true] as const] : []),
    ...places.filter((place) => place.persistent).map(({ mountPoint }) => [mountPoint, true] as const),
    ...disks.map(([mountPoint, { options }]) => [mountPoint, !options.includes('ro')] as const),
  ]);
  const faults = [...wanted].flatMap(([path, isWritten]) => {
    const mount = mountedAt(mounts, path);
    const why = mount?.fsType === 'tmpfs' ? `${path} is in RAM` : mountFault(path, mount, isWritten);
    return why === undefined ? [] : [why];
  });
  return result('persistent', faults[0]);
}

function mountFault(path: string, mount: MountInfo | undefined, isWritten: boolean): string | undefined {
  if (!mount) return `nothing is mounted on ${path}`;
  return isWritten && isReadOnly(mount)
    ? `${path} is read-only: the kernel makes a disk so that has faults (dmesg)`
    : undefined;
}

/** The mounts that `update.health` names. Pure. */
export const mountChecks = (
  paths: readonly string[],
  { config: { fstab } }: Pick<Facts, 'config'>,
  mounts: readonly MountInfo[],
): readonly CheckResult[] =>
  paths.map((path) => {
    const isWritten = !entryOf(fstab, path)?.options.includes('ro');
    return result(`mount ${path}`, mountFault(path, mountedAt(mounts, path), isWritten));
  });

const PROBE = '/user-data/persistent/statectl/writable';

/** What the flags do not say: the disk takes something, and lets it go again. Gives why not. */
export async function writeFault({ files }: Pick<Host, 'files'>): Promise<string | undefined> {
  try {
    await files.mkdir('/user-data/persistent/statectl', 0o700);
    await files.write(PROBE, '', { mode: 0o600 });
    await files.remove(PROBE);
    return undefined;
  } catch (error) {
    return `/user-data cannot be written: ${reasonOf(error)}`;
  }
}
