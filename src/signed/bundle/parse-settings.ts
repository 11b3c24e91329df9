import type { z } from 'zod';
import type { Config } from '../../config/config.ts';
import { plainExpanded } from '../../config/expand-printers.ts';
import { CONFIG_FILES } from '../../config/settings/files.ts';
import { parseInWords } from '../../config/settings/schema-words.ts';
import type { Plain } from '../../config/tree/tree.ts';
import { withSubvolumes } from '../../config/with-subvolumes.ts';
import { entryOf } from '../../entry-of.ts';
import { reasonOf, StatectlError } from '../../error.ts';

/** The settings of a bundle by this version's schemas, where another version made its Config. Throws `settings-invalid`. */
export function parseSettings(written: Readonly<Record<string, Plain>>): Config {
  const settings = plainExpanded(written);
  const files = Object.entries(CONFIG_FILES) as readonly (readonly [string, { readonly schema: z.ZodType }])[];
  try {
    return withSubvolumes(
      Object.fromEntries(
        files.map(([part, { schema }]) => [part, parseInWords(schema, entryOf(settings, part) ?? {})]),
      ) as never,
    );
  } catch (cause) {
    throw new StatectlError('settings-invalid', `its settings are not valid here: ${reasonOf(cause)}`, {
      cause,
      hint: 'give the machine an initramfs of the same statectl as the server',
    });
  }
}
