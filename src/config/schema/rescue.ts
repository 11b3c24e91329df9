import { z } from 'zod';
import { Duration } from '../settings/scalars.ts';

/** controller/rescue.conf */
export const RescueFile = z
  .strictObject({
    access: z
      .union([
        z.enum(['open', 'none']),
        z
          .string()
          .regex(
            /^\$[56]\$[^\s:]+$/,
            'expected open, none, or what `mkpasswd -m sha-512` prints ($6$… or $5$…): the initramfs can check no other hash',
          ),
      ])
      .default('open')
      .meta({
        description:
          'who gets the rescue shell: open, none, or a hash by `mkpasswd -m sha-512` that the password must match',
      }),
    countdown: Duration.prefault('5m').meta({
      description: 'how long the prompt waits for a person; 0 waits for ever',
    }),
    unattended: z
      .enum(['reboot', 'poweroff', 'wait'])
      .default('reboot')
      .meta({ description: 'what happens when nobody came' }),
    attempts: z
      .int()
      .min(0)
      .max(1000)
      .default(5)
      .meta({ description: 'unattended reboots in a row before the machine stays in the prompt' }),
  })
  .transform(({ countdown, ...rest }) => ({ ...rest, countdownMs: countdown }))
  .meta({ description: 'what happens when a boot fails' });
