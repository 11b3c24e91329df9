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
  .strictObject({
    a: DeviceReference.meta({ description: 'partition of the one system' }),
    b: DeviceReference.meta({ description: 'partition of the other' }),
  })
  .optional()
  .meta({ description: 'two systems on the disk, one active and one backup; absent: none' });

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
    tries: z
      .int()
      .min(1)
      .max(100)
      .default(3)
      .meta({ description: 'failed starts in a row before the other slot is booted' }),
    health: Health,
    corruption: z.enum(['bailout', 'clone', 'auto']).default('auto').meta({
      description: 'a damaged slot: boot the backup, first clone it over the damaged one, or what takes less time',
    }),
  })
  .transform(({ interval, ...rest }) => ({ ...rest, intervalMs: interval }))
  .meta({ description: 'when a machine takes a new version' });
