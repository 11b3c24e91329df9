import { z } from 'zod';
import { KERNEL_ARGUMENT } from '../command-line/kernel-argument.ts';
import { Duration } from '../settings/scalars.ts';

/** iPXE expands `$`, and a `kernel` line ends at a blank. */
const BOOT_URL = /^(https?|tftp):\/\/[\w.[\]:@-]+\/[\x21-\x23\x25-\x7e]*$/;
const BootUrl = z
  .string()
  .refine(
    (text) => BOOT_URL.test(text) && URL.canParse(text),
    'expected a URL: http://, https:// or tftp://, and a path',
  );

const MODULE = z.string().regex(/^[A-Za-z0-9_-]+$/, 'expected the name of a kernel module');

/** What all hardware can, and no busy machine misses. */
const Watchdog = Duration.refine((ms) => ms >= 10_000 && ms <= 600_000, 'expected off, or a time from 10s to 10m');

/** system/boot.conf */
export const BootFile = z
  .strictObject({
    root: z.string().optional().meta({
      description:
        'local root, as root= has it: LABEL=…, UUID=…, PARTUUID=…, PARTLABEL=… or /dev/…; absent: the image the server names',
    }),
    image: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._+-]*(@[A-Za-z0-9][A-Za-z0-9._+-]*)?$/, 'expected NAME or NAME@VERSION')
      .optional()
      .meta({ description: 'image to boot, NAME or NAME@VERSION; absent: what the server says' }),
    channel: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'expected a name such as stable')
      .optional()
      .meta({
        description:
          'a name that the server maps to an image, such as stable, by `image use --for channel=stable`; image wins over it',
      }),
    arguments: z
      .array(z.string().regex(KERNEL_ARGUMENT, 'expected one kernel argument without blanks, none of ||, && or #'))
      .default([])
      .meta({
        description: 'kernel arguments that the server puts on the command line of a machine that boots by iPXE',
      }),
    kernel: BootUrl.optional().meta({
      description:
        'URL of another kernel, which a machine that boots by iPXE gets instead of an image: an installer, memtest; with arguments alone',
    }),
    initrd: z.array(BootUrl).optional().meta({ description: 'URLs of the initrds of that kernel, in their order' }),
    modules: z
      .strictObject({
        load: z.array(MODULE).default([]).meta({ description: 'loaded by the system whatever hardware there is' }),
        never: z.array(MODULE).default([]).meta({ description: 'never loaded by the system by itself' }),
      })
      .prefault({})
      .meta({ description: 'kernel modules' }),
    watchdog: z
      .union([z.literal('off'), Watchdog], { error: 'expected off, or a time from 10s to 10m' })
      .default('off')
      .meta({
        description:
          'the hardware watchdog resets a machine that hangs for so long, from its boot on: off, or 10s to 10m; only where systemd or OpenRC feeds it',
      }),
    keepCopy: z.boolean().default(true).meta({
      description: 'keep a verified copy of the image on /user-data, so that the machine boots without a server',
    }),
  })
  .meta({ description: 'what is booted' });
