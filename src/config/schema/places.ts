import { z } from 'zod';
import { AbsolutePath, Mode, MountOptions, Size } from '../scalars.ts';

const HARDENED = ['noexec', 'nosuid', 'nodev'];

/** system/fstab.conf and controller/cfstab.conf: by mount point. */
export const FstabFile = z
  .record(
    AbsolutePath,
    z.strictObject({
      source: z.string().min(1).meta({ description: 'LABEL=…, UUID=…, PARTUUID=…, PARTLABEL=… or /dev/…' }),
      type: z.enum(['auto', 'ext4', 'ext3', 'ext2', 'btrfs', 'xfs', 'vfat']).default('auto').meta({ description: 'file system; auto asks blkid' }),
      options: MountOptions.default(['noatime']).meta({ description: 'mount(8) options' }),
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
    AbsolutePath,
    z.strictObject({
      size: Size.default('50%').meta({ description: 'most it may take: bytes, or a share of RAM' }),
      mode: Mode.default(0o1777).meta({ description: 'permissions of the mount point' }),
      options: MountOptions.default(HARDENED).meta({ description: 'mount(8) options' }),
    }),
  )
  .meta({ description: 'empty file systems in RAM' });

const Overlay = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('tmpfs'),
    skeleton: z.boolean().default(false).meta({ description: 'with the directories and symlinks of the image' }),
    size: Size.default('50%'),
    mode: Mode.optional(),
    options: MountOptions.default([]),
  }),
  z.strictObject({ kind: z.literal('ramdisk'), size: Size.default('25%'), options: MountOptions.default(['nosuid', 'nodev']) }),
  z.strictObject({ kind: z.literal('overlay'), upper: z.enum(['ram', 'persistent']).default('ram'), size: Size.default('50%') }),
  z.strictObject({
    kind: z.literal('bind'),
    source: AbsolutePath,
    missing: z.enum(['ram', 'fail']).default('ram'),
    mode: Mode.optional(),
    options: MountOptions.default([]),
  }),
  z.strictObject({ kind: z.literal('symlink'), target: z.string().min(1) }),
]);

/** system/overlays.conf: by directory of the image. */
export const OverlaysFile = z
  .record(AbsolutePath, Overlay)
  .meta({ description: 'directories of the image that are writable: tmpfs, ramdisk, overlay, bind or symlink' });
