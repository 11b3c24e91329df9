import { z } from 'zod';
import { HttpUrl, Sha256 } from '../settings/scalars.ts';

/** sources/sources.conf */
export const SourcesFile = z
  .strictObject({
    mirrors: z
      .record(
        z
          .string()
          .regex(/^[a-z0-9.-]+:[A-Za-z0-9._-]+$/, 'expected DISTRIBUTION:RELEASE, such as debian:bookworm')
          .meta({ title: 'DISTRIBUTION' }),
        z.array(HttpUrl),
      )
      .default({})
      .meta({
        description: 'package mirrors, as `build image --from` names a distribution; the first that answers is used',
      }),
    files: z
      .record(
        z
          .string()
          .regex(
            /^(?!\/)(?!.*(?:^|\/)\.\.(?:\/|$))[^\0]+$/,
            'expected a name such as klipper/klippy.tar.gz, without a slash before it or ".."',
          )
          .meta({ title: 'FILE' }),
        z.strictObject({
          url: HttpUrl.meta({ description: 'where it comes from' }),
          sha256: Sha256.meta({ description: 'what it must be' }),
        }),
      )
      .default({})
      .meta({ description: 'files that the builder fetches when they are missing' }),
    images: z
      .record(
        z
          .string()
          .regex(/^[A-Za-z0-9][A-Za-z0-9._+-]*$/, 'expected the name of an image')
          .meta({ title: 'IMAGE' }),
        HttpUrl,
      )
      .default({})
      .meta({ description: 'images of other servers, by name: the URL of the folder with manifest.json' }),
  })
  .meta({ description: 'where the builder finds what it has not' });
