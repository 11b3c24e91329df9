import { z } from 'zod';
import { Bytes } from '../settings/scalars.ts';

/** The longest label that mkfs of each type takes, and GPT as a partition's name. */
const LABEL_LENGTHS = { ext4: 16, btrfs: 36, xfs: 12, vfat: 11, swap: 16, raw: 36 } as const;

const DiskName = z
  .string()
  .regex(/^[a-z][a-z0-9-]*$/, 'expected a name of small letters and digits')
  .meta({ title: 'DISK' });

const Label = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,36}$/, 'expected a label of letters, digits, ".", "_" or "-"')
  .meta({ title: 'LABEL' });

const Match = z
  .strictObject({
    id: z.string().min(1).optional().meta({ description: 'name below /dev/disk/by-id, with * and ?' }),
    type: z.enum(['nvme', 'sata', 'mmc', 'usb', 'virtio']).optional().meta({ description: 'how it is attached' }),
    minSize: Bytes.optional().meta({ description: 'at least so large, such as 100G' }),
    maxSize: Bytes.optional().meta({ description: 'at most so large' }),
  })
  .refine((match) => Object.keys(match).length > 0, 'expected at least one of id, type, minSize, maxSize')
  .transform(({ minSize, maxSize, ...rest }) => ({ ...rest, minSizeBytes: minSize, maxSizeBytes: maxSize }))
  .meta({ description: 'which disk may be touched: the one that all of these fit; one with foreign data never is' });

const Partition = z
  .strictObject({
    size: z
      .union([z.literal('rest'), Bytes], { error: 'expected a size such as 512M or 20G, or rest' })
      .meta({ description: '512M, 20G, or rest: what the others leave' }),
    type: z
      .enum(['ext4', 'btrfs', 'xfs', 'vfat', 'swap', 'raw'])
      .default('ext4')
      .meta({ description: 'file system that is made; raw: none' }),
    efi: z.boolean().default(false).meta({ description: 'the EFI system partition' }),
  })
  .refine(({ efi, type }) => !efi || type === 'vfat', { path: ['type'], message: 'the EFI system partition is vfat' })
  .transform(({ size, ...rest }) => ({ ...rest, sizeBytes: size }));

const Partitions = z.record(Label, Partition).superRefine((partitions, context) => {
  const entries = Object.entries(partitions);
  for (const [index, [label, { type, sizeBytes }]] of entries.entries()) {
    if (label.length > LABEL_LENGTHS[type])
      context.addIssue({
        code: 'custom',
        path: [label],
        message: `a label of ${type} has at most ${LABEL_LENGTHS[type]} characters`,
      });
    if (sizeBytes === 'rest' && index < entries.length - 1)
      context.addIssue({
        code: 'custom',
        path: [label, 'size'],
        message: 'nothing is left for the partitions after it: put the one with the rest last',
      });
  }
});

/** controller/drives.conf: by the admin's name of the disk. */
export const DrivesFile = z
  .record(
    DiskName,
    z.strictObject({
      match: Match,
      make: z
        .enum(['never', 'empty'])
        .default('never')
        .meta({ description: 'empty: partition a disk that holds nothing; never: only look' }),
      partitions: Partitions.prefault({}).meta({
        description: 'in order, by label of the partition and of its file system',
      }),
    }),
  )
  .meta({ description: 'disks that statectl may partition and format' });
