import { z } from 'zod';

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
    keepCopy: z.boolean().default(true).meta({
      description: 'keep a verified copy of the image on /user-data, so that the machine boots without a server',
    }),
  })
  .meta({ description: 'what is booted' });
