import { z } from 'zod';
import { AbsolutePath, HttpUrl, Service, Sha256 } from '../settings/scalars.ts';

/** system/python.conf: by name. */
export const PythonFile = z
  .record(
    z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'expected a name of letters, digits, ".", "_" or "-"')
      .meta({ title: 'PACKAGE' }),
    z.strictObject({
      url: HttpUrl.meta({ description: 'an archive: tar, tar.gz, tar.xz, zip or wheel' }),
      sha256: Sha256.meta({ description: 'what it must be' }),
      services: z.array(Service).default([]).meta({ description: 'services that get it on their PYTHONPATH' }),
      overlay: AbsolutePath.optional().meta({
        description: 'folder that it is laid over, such as klippy/extras: Klipper finds its modules nowhere else',
      }),
    }),
  )
  .meta({ description: 'Python packages besides those of the image' });
