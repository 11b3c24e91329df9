import { z } from 'zod';
import { DeviceReference, Duration } from '../settings/scalars.ts';
import { Health } from './health.ts';

const Ask = z
  .strictObject({
    timeout: Duration.prefault('30s').meta({ description: 'how long the question waits' }),
    unanswered: z.enum(['update', 'stay']).default('stay').meta({ description: 'what happens when nobody answers' }),
  })
  .prefault({})
  .transform(({ timeout, unanswered }) => ({ timeoutMs: timeout, unanswered }))
  .meta({ description: 'the question of approval: ask' });

const Slots = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('file').meta({
        description:
          'images in /user-data/persistent/images; a machine without that disk, or without boot.keepCopy, has none',
      }),
    }),
    z.strictObject({
      kind: z.literal('partition').meta({
        description:
          'the image itself, each on a partition; needs /user-data, too, and is not for a machine with agent: off',
      }),
      a: DeviceReference.meta({ description: 'partition of the one system' }),
      b: DeviceReference.meta({ description: 'partition of the other' }),
    }),
    z.strictObject({
      kind: z.literal('tree').meta({
        description:
          'the unpacked system, in a file system of ext4 that statectl makes on each partition; as kind: partition otherwise',
      }),
      a: DeviceReference.meta({ description: 'partition of the one system' }),
      b: DeviceReference.meta({ description: 'partition of the other, or the same' }),
      subvolumes: z
        .strictObject({
          a: z.string().min(1).meta({ description: 'of the one system' }),
          b: z.string().min(1).meta({ description: 'of the other' }),
        })
        .optional()
        .meta({ description: 'of btrfs: the subvolume of each; not obeyed yet' }),
    }),
  ])
  .prefault({ kind: 'file' })
  .meta({
    description: 'where the two systems of a machine are, one active and one backup',
  });

const Tries = z
  .strictObject({
    image: z.int().min(1).max(100).default(3).meta({ description: 'of a system that was healthy once' }),
    update: z.int().min(1).max(100).default(2).meta({ description: 'of a system that never was' }),
  })
  .prefault({})
  .meta({ description: 'failed starts in a row before the other system is booted' });

/** controller/update.chk.conf */
export const UpdateFile = z
  .strictObject({
    check: z
      .enum(['boot', 'never'])
      .default('boot')
      .meta({ description: 'boot: the version of the server is compared at each boot; never: only by `statectl`' }),
    interval: Duration.optional().meta({ description: 'how often the running machine looks, too; absent: never' }),
    approval: z
      .enum(['auto', 'ask', 'never'])
      .default('auto')
      .meta({ description: 'take a new version by itself, ask at the console, or only report it' }),
    ask: Ask,
    window: z
      .string()
      .regex(/^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$/, 'expected HH:MM-HH:MM, such as 22:00-05:00')
      .optional()
      .meta({ description: 'local time in which new versions are taken; absent: always' }),
    slots: Slots,
    tries: Tries,
    health: Health,
    corruption: z.enum(['bailout', 'clone', 'auto']).default('auto').meta({
      description:
        'a damaged system: boot the backup at once, first mend the damaged one, or that where it takes no minute',
    }),
  })
  .transform(({ interval, ...rest }) => ({ ...rest, intervalMs: interval }))
  .meta({ description: 'when a machine takes a new version' });
