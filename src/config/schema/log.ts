import { z } from 'zod';
import { AbsolutePath, Bytes } from '../settings/scalars.ts';

/** controller/log.conf */
export const LogFile = z
  .strictObject({
    keep: z
      .int()
      .min(0)
      .max(1000)
      .default(10)
      .meta({ description: 'logs of how many boots are kept on /user-data/persistent/logs, else /boot/logs' }),
    to: AbsolutePath.optional().meta({
      description:
        'the folder that they are kept in, on a disk of fstab.conf, such as /boot/logs; absent, or without that disk: the usual ones',
    }),
    limit: Bytes.prefault('64M')
      .refine((bytes) => bytes >= 2 ** 20, 'expected at least 1M: a number without a letter is bytes')
      .meta({ description: 'most that all of them may take, such as 64M' }),
    compress: z.enum(['none', 'zstd']).default('none').meta({ description: 'how they are kept' }),
    archive: z
      .array(AbsolutePath)
      .default([])
      .meta({ description: 'files and folders of the system that are kept with them when it stops, such as /var/log' }),
  })
  .transform(({ limit, ...rest }) => ({ ...rest, limitBytes: limit }))
  .meta({ description: 'logs that outlive the machine’s RAM' });
