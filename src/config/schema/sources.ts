import { z } from 'zod';
import { HttpUrl, Sha256 } from '../scalars.ts';

/** sources/sources.conf */
export const SourcesFile = z
  .strictObject({
    mirrors: z
      .record(z.string(), z.array(HttpUrl).min(1))
      .default({})
      .meta({ description: 'package mirrors by suite (`debian:bookworm`), the first that answers is used' }),
    files: z
      .record(
        z.string().regex(/^(?!\/)[^\0]+$/, 'expected a name without a leading slash'),
        z.strictObject({
          url: HttpUrl.meta({ description: 'where it comes from' }),
          sha256: Sha256.meta({ description: 'what it must be' }),
        }),
      )
      .default({})
      .meta({ description: 'files that the builder fetches when they are missing' }),
    images: z
      .record(z.string(), HttpUrl)
      .default({})
      .meta({ description: 'images of other servers, by name: the folder with manifest.json' }),
  })
  .meta({ description: 'where the builder finds what it has not' });
