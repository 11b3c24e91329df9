import { z } from 'zod';

/** The repository that printers share their includes in has this name among theirs. */
const SHARED = 'common';

/** One harmless part of a path, of a lock's name and of an address on each side. */
export const PrinterName = z
  .string()
  .regex(
    /^[a-z](?:[a-z0-9_-]|\.(?=[a-z0-9])){0,62}$/,
    'expected a name such as voron or voron2.4: a small letter, then small letters, digits, "-", "_" and single dots, at most 63',
  )
  .refine((name) => name !== SHARED, `${SHARED} is what printers share: no printer has this name`)
  .meta({ title: 'PRINTER' });
