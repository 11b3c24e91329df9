import { z } from 'zod';
import { AbsolutePath, Duration, MountOptions } from '../scalars.ts';

const LABEL = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,16}$/, 'expected a label of 1 to 16 letters, digits, ".", "_" or "-"');
const SizeOrRest = z
  .string()
  .regex(/^([1-9]\d*[MGT]|rest)$/, 'expected a size such as 512M or 20G, or rest')
  .meta({ description: '512M, 20G, or the rest of the disk' });

/** controller/drives.conf: by the admin's name of the disk. */
export const DrivesFile = z
  .record(
    z.string().regex(/^[a-z][a-z0-9-]*$/, 'expected a name of small letters and digits'),
    z.strictObject({
      match: z
        .strictObject({
          id: z.string().min(1).optional().meta({ description: 'name below /dev/disk/by-id, with * and ?' }),
          type: z.enum(['nvme', 'sata', 'mmc', 'usb', 'virtio']).optional().meta({ description: 'how it is attached' }),
          minSize: z
            .string()
            .regex(/^[1-9]\d*[MGT]$/, 'expected a size such as 100G')
            .optional()
            .meta({ description: 'at least so large' }),
          maxSize: z
            .string()
            .regex(/^[1-9]\d*[MGT]$/, 'expected a size such as 2T')
            .optional()
            .meta({ description: 'at most so large' }),
        })
        .refine((match) => Object.keys(match).length > 0, 'expected at least one of id, type, minSize, maxSize')
        .meta({ description: 'which disk may be touched; one that holds foreign data never is' }),
      make: z
        .enum(['never', 'empty'])
        .default('never')
        .meta({ description: 'make the partitions below when the disk is empty, or never' }),
      partitions: z
        .record(
          LABEL,
          z.strictObject({
            size: SizeOrRest,
            type: z
              .enum(['ext4', 'btrfs', 'xfs', 'vfat', 'swap', 'raw'])
              .default('ext4')
              .meta({ description: 'file system' }),
            efi: z.boolean().default(false).meta({ description: 'the EFI system partition' }),
          }),
        )
        .default({})
        .meta({ description: 'partitions in order, by label of partition and file system' }),
    }),
  )
  .meta({ description: 'disks that statectl may partition and format' });

/** controller/btrfs.conf: by file system. */
export const BtrfsFile = z
  .record(
    z.string().regex(/^(LABEL|UUID|PARTUUID|PARTLABEL)=.+|^\/dev\/.+/, 'expected LABEL=…, UUID=… or /dev/…'),
    z.strictObject({
      subvolumes: z
        .record(
          z.string().regex(/^@?[A-Za-z0-9][A-Za-z0-9._/-]*$/, 'expected a name such as @home'),
          z.strictObject({
            mount: AbsolutePath.optional().meta({ description: 'mount point; without one it is only made' }),
            options: MountOptions.prefault(['noatime']).meta({ description: 'mount(8) options' }),
            snapshots: z
              .int()
              .min(0)
              .max(1000)
              .default(0)
              .meta({ description: 'how many snapshots of it are kept, one a boot' }),
          }),
        )
        .default({})
        .meta({ description: 'made when absent' }),
    }),
  )
  .meta({ description: 'subvolumes and snapshots of btrfs' });

/** controller/update.chk.conf */
export const UpdateFile = z
  .strictObject({
    check: z
      .enum(['boot', 'never'])
      .default('boot')
      .meta({ description: 'when the version of the server is compared' }),
    approval: z
      .enum(['auto', 'ask', 'never'])
      .default('auto')
      .meta({ description: 'take a new version by itself, ask at the console, or stay' }),
    ask: z
      .strictObject({
        timeout: Duration.prefault('30s').meta({ description: 'how long the question waits' }),
        unanswered: z
          .enum(['update', 'stay'])
          .default('stay')
          .meta({ description: 'what happens when nobody answers' }),
      })
      .prefault({})
      .transform(({ timeout, unanswered }) => ({ timeoutMs: timeout, unanswered })),
    window: z
      .string()
      .regex(/^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$/, 'expected HH:MM-HH:MM, such as 22:00-05:00')
      .optional()
      .meta({ description: 'local time in which updates are taken; default: always' }),
    slots: z
      .enum(['none', 'ab'])
      .default('none')
      .meta({ description: 'ab: a new version goes into the other slot, on a disk' }),
    damaged: z
      .enum(['backup', 'clone'])
      .default('backup')
      .meta({ description: 'after an unhealthy cycle: boot the backup at once, or clone it over the damaged one' }),
  })
  .meta({ description: 'when a machine takes a new version' });

/** controller/log.conf */
export const LogFile = z
  .strictObject({
    archive: z.boolean().default(true).meta({ description: 'keep the boot logs on /user-data/persistent/logs' }),
    keep: z.int().min(1).max(1000).default(20).meta({ description: 'how many boots' }),
    compress: z.enum(['none', 'zstd']).default('zstd').meta({ description: 'of archived logs' }),
  })
  .meta({ description: 'logs of boots' });

const Unit = z.string().regex(/^[A-Za-z0-9:_.\\@-]+$/, 'expected a unit or service such as ssh.service');

/** controller/services/default-runlevel */
export const ServicesFile = z
  .strictObject({
    target: z
      .string()
      .optional()
      .meta({ description: 'systemd target or OpenRC runlevel; default: that of the image' }),
    enable: z.array(Unit).default([]).meta({ description: 'started at boot' }),
    disable: z.array(Unit).default([]).meta({ description: 'not started at boot, may be started by others' }),
    mask: z.array(Unit).default([]).meta({ description: 'never started' }),
  })
  .meta({ description: 'services of the system' });
