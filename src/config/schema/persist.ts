import { z } from 'zod';

/** `*` within a name, `**` over folders. */
const Pattern = z
  .string()
  .regex(
    /^\/(?!.*(?:^|\/)\.\.(?:\/|$))[^\0]+$/,
    'expected an absolute path or pattern, such as /etc/klipper/**, without ".."',
  );

const POLICIES = ['merge', 'local', 'new', 'fail'] as const;

/** system/persist.conf */
export const PersistFile = z
  .strictObject({
    changes: z.enum(['listed', 'all']).default('listed').meta({
      description:
        'which changed files move to a new image: those of files and packages below, or all but the excluded',
    }),
    files: z
      .record(Pattern.meta({ title: 'PATTERN' }), z.enum(POLICIES))
      .default({})
      .meta({
        description:
          'files that always move, changed or not, and what happens where the new image changed them too: merge (both changes, else as local), local, new, or fail: no update',
      }),
    packages: z
      .array(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9+._/-]*$/, 'expected the name of a package'))
      .default([])
      .meta({ description: 'packages whose changed files move' }),
    exclude: z.array(Pattern).default([]).meta({ description: 'what never moves, unless files or packages name it' }),
    conflict: z
      .enum(POLICIES)
      .default('merge')
      .meta({ description: 'what happens to a file that no pattern names, when the new image changed it too' }),
    generations: z
      .int()
      .min(1)
      .max(100)
      .default(3)
      .meta({ description: 'how many earlier states are kept for `persist undo`' }),
  })
  .meta({ description: 'changed files that move to a new image' });
