import { z } from 'zod';
import { Bytes } from '../settings/scalars.ts';

/** The longest label that mkfs of each type takes, and GPT as a partition's name. */
const LABEL_LENGTHS = { ext4: 16, btrfs: 36, vfat: 11, swap: 16, raw: 36 } as const;

/** Partitions begin at whole MiB. */
const SMALLEST = 2 ** 20;

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
    serial: z.string().min(1).optional().meta({ description: 'its serial number, whole' }),
    type: z.enum(['nvme', 'sata', 'mmc', 'usb', 'virtio']).optional().meta({ description: 'how it is attached' }),
    minSize: Bytes.optional().meta({ description: 'at least so large, such as 100G' }),
    maxSize: Bytes.optional().meta({ description: 'at most so large' }),
  })
  .refine((match) => Object.keys(match).length > 0, 'expected at least one of id, serial, type, minSize, maxSize')
  .transform(({ minSize, maxSize, ...rest }) => ({ ...rest, minSizeBytes: minSize, maxSizeBytes: maxSize }))
  .meta({ description: 'which disk may be touched: the one that all of these fit; one with foreign data never is' });

const Partition = z
  .strictObject({
    size: z
      .union([z.literal('rest'), Bytes], { error: 'expected a size such as 512M or 20G, or rest' })
      .refine((size) => size === 'rest' || size >= SMALLEST, 'expected at least 1M: a number without a letter is bytes')
      .meta({ description: '512M, 20G, or rest, of the last one: what the others leave' }),
    type: z
      .enum(['ext4', 'btrfs', 'vfat', 'swap', 'raw'])
      .default('ext4')
      .meta({ description: 'file system that is made; raw: none' }),
    role: z.enum(['efi', 'bios', 'boot']).optional().meta({
      description:
        'what firmware and boot loaders know it by: the EFI system partition, room for GRUB on a BIOS, /boot',
    }),
    encrypt: z
      .enum(['ephemeral', 'tpm', 'key'])
      .refine((how) => how === 'ephemeral', {
        error:
          'nothing is encrypted by a TPM or a kept key in this version; `ephemeral` is for what no boot needs again',
      })
      .optional()
      .meta({
        description:
          'ephemeral, of swap and scratch: a new random key at each boot, which makes it anew; nothing in it outlives a boot. tpm and key are words of later versions',
      }),
  })
  .refine(({ encrypt, role }) => encrypt === undefined || role === undefined, {
    path: ['encrypt'],
    message: 'firmware and boot loaders read nothing that is encrypted',
  })
  .refine(({ encrypt, type }) => encrypt === undefined || (type !== 'raw' && type !== 'vfat'), {
    path: ['encrypt'],
    message: 'swap, ext4 and btrfs can be encrypted: each boot makes them anew',
  })
  .refine(({ role, type }) => role !== 'efi' || type === 'vfat', {
    path: ['type'],
    message: 'the EFI system partition is vfat',
  })
  .refine(({ role, type }) => role !== 'bios' || type === 'raw', {
    path: ['type'],
    message: 'GRUB takes the partition for a BIOS as it is: raw',
  })
  .refine(({ role, type }) => role !== 'boot' || type === 'ext4' || type === 'vfat', {
    path: ['type'],
    message: 'boot loaders read ext4 and vfat',
  })
  .transform(({ size, ...rest }) => ({ ...rest, sizeBytes: size }));

const Partitions = z.record(Label, Partition).superRefine((partitions, context) => {
  const entries = Object.entries(partitions);
  for (const [index, [label, { type, sizeBytes, encrypt }]] of entries.entries()) {
    // Names below /dev/mapper.
    if (encrypt && ['control', '.', '..'].includes(label))
      context.addIssue({ code: 'custom', path: [label], message: `no encrypted partition can be called ${label}` });
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

const isExact = (id: string | undefined): boolean => id !== undefined && !/[*?[]/.test(id);

/** controller/drives.conf: by the admin's name of the disk. */
export const DrivesFile = z
  .record(
    DiskName,
    z
      .strictObject({
        match: Match,
        make: z.enum(['never', 'empty', 'replace']).default('never').meta({
          description:
            'empty: partition a disk that holds nothing; replace: one with data too, once, where its name is typed; never: only look',
        }),
        word: z
          .string()
          .regex(/^[A-Za-z0-9_.:-]{1,64}$/, 'expected a word of letters, digits, "_", ".", ":" or "-"')
          .optional()
          .meta({ description: 'of replace: it counts once; another time needs another one, such as a date' }),
        partitions: Partitions.prefault({}).meta({
          description: 'in order, by label of the partition and of its file system',
        }),
      })
      .refine(({ make, word }) => (make === 'replace') === (word !== undefined), {
        path: ['word'],
        message: '`make: replace` has a word, and nothing else has one',
      })
      .refine(({ make, match: { id, serial } }) => make !== 'replace' || (isExact(id) && serial !== undefined), {
        path: ['match'],
        message: '`make: replace` needs the exact id of the disk, without * and ?, and its serial',
      }),
  )
  .meta({ description: 'disks that statectl may partition and format' });
