import { reasonOf, StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { parseFacts, type RecordedFacts } from '../../machine/facts/recorded-facts.ts';
import { FACTS } from '../../machine/paths.ts';

/** The settings of this boot, in the rescue shell as far as it came. Throws `facts-missing`, `facts-invalid`. */
export async function settingsOfBoot({ files }: Pick<Host, 'files'>): Promise<RecordedFacts> {
  const text = await files.readText(FACTS).catch((cause) => {
    throw new StatectlError('facts-missing', `nothing tells what config.d says here: ${reasonOf(cause)}`, {
      cause,
      hint: 'it works on a machine that statectl booted, and for root',
    });
  });
  try {
    return parseFacts(text);
  } catch (cause) {
    throw new StatectlError('facts-invalid', `${FACTS} ${reasonOf(cause)}`, {
      cause,
      hint: 'reboot with this version',
    });
  }
}
