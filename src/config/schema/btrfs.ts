import { z } from 'zod';
import { AbsolutePath, DeviceReference, MountOptions } from '../settings/scalars.ts';

const Subvolume = z
  .string()
  .regex(/^@?[A-Za-z0-9][A-Za-z0-9._-]*(?:\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/, 'expected a name such as @home')
  .meta({ title: 'SUBVOLUME' });

/** controller/btrfs.conf: by file system. */
export const BtrfsFile = z
  .record(
    DeviceReference.meta({ title: 'FILESYSTEM' }),
    z.strictObject({
      subvolumes: z
        .record(
          Subvolume,
          z.strictObject({
            mount: AbsolutePath.optional().meta({ description: 'mount point; without one it is only made' }),
            options: MountOptions.prefault(['noatime']).meta({
              description: 'mount(8) options, such as compress=zstd',
            }),
            snapshots: z
              .int()
              .min(0)
              .max(1000)
              .default(0)
              .meta({ description: 'how many read-only snapshots are kept; one is taken at each boot' }),
          }),
        )
        .default({})
        .meta({ description: 'subvolumes, made when absent' }),
    }),
  )
  .meta({ description: 'subvolumes and snapshots of btrfs' });
