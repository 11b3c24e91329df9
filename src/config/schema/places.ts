import { z } from 'zod';
import { AbsolutePath, DeviceReference, Mode, MountOptions, Owner, Size } from '../settings/scalars.ts';

const MountPoint = AbsolutePath.meta({ title: 'MOUNTPOINT' });
const HARDENED = ['noexec', 'nosuid', 'nodev'];

const sized = (size: string) =>
  Size.prefault(size).meta({ description: 'most it may take: 64M, 1G, or a share of RAM' });
const options = (usual: readonly string[]) =>
  MountOptions.prefault([...usual]).meta({ description: 'mount(8) options' });
const PERMISSIONS = { description: 'permissions of the mount point, in quotes' };

/** system/fstab.conf and controller/cfstab.conf: by mount point. */
export const FstabFile = z
  .record(
    MountPoint,
    z.strictObject({
      source: DeviceReference.meta({ description: 'LABEL=…, UUID=…, PARTUUID=…, PARTLABEL=… or /dev/…' }),
      type: z
        .enum(['auto', 'ext4', 'ext3', 'ext2', 'btrfs', 'xfs', 'vfat'])
        .default('auto')
        .meta({ description: 'file system; auto asks blkid' }),
      options: options(['noatime']),
      missing: z
        .enum(['degraded', 'ignore', 'fail'])
        .default('degraded')
        .meta({ description: 'when the device is not there: boot on and say so loudly, boot on, or stop' }),
    }),
  )
  .meta({ description: 'file systems that are mounted besides the root' });

/** controller/tmpfs.conf: by mount point. */
export const TmpfsFile = z
  .record(
    MountPoint,
    z.strictObject({
      size: sized('50%'),
      mode: Mode.prefault('1777').meta(PERMISSIONS),
      owner: Owner.optional().meta({ description: 'user:group of the mount point; default: root' }),
      options: options(HARDENED),
    }),
  )
  .meta({ description: 'empty file systems in RAM' });

const KINDS = 'expected tmpfs, ramdisk, overlay, bind, readonly or symlink';

const Overlay = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({
      kind: z.literal('tmpfs'),
      skeleton: z
        .boolean()
        .default(false)
        .meta({ description: 'with the directories and symlinks of the image, without its files' }),
      size: sized('50%'),
      mode: Mode.optional().meta(PERMISSIONS),
      options: options([]),
    }),
    z.strictObject({ kind: z.literal('ramdisk'), size: sized('25%'), options: options(['nosuid', 'nodev']) }),
    z.strictObject({
      kind: z.literal('overlay'),
      upper: z
        .enum(['ram', 'persistent'])
        .default('ram')
        .meta({ description: 'where changes go: RAM, or /user-data/persistent' }),
      size: sized('50%'),
    }),
    z.strictObject({
      kind: z.literal('bind'),
      source: AbsolutePath.meta({ description: 'the directory that shows there' }),
      missing: z.enum(['ram', 'fail']).default('ram').meta({ description: 'without a disk for it: RAM, or stop' }),
      mode: Mode.optional().meta(PERMISSIONS),
      options: options([]),
    }),
    z.strictObject({ kind: z.literal('readonly') }),
    z.strictObject({
      kind: z.literal('symlink'),
      target: z.string().min(1).meta({ description: 'where the link of the image leads; the builder makes it' }),
    }),
  ],
  { error: ({ code }) => (code === 'invalid_union' ? KINDS : undefined) },
);

/** system/overlays.conf: by directory of the image. */
export const OverlaysFile = z.record(MountPoint, Overlay).meta({
  description:
    'directories of the image that are writable: tmpfs, ramdisk, overlay, bind or symlink; readonly within one that is',
});
