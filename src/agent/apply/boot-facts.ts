import { reasonOf, StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import type { Facts } from '../../machine/facts/facts.ts';
import { parseFacts } from '../../machine/facts/recorded-facts.ts';
import { FACTS } from '../../machine/paths.ts';

/** What the boot knew. Throws `facts-missing`. */
export async function readFacts({ files }: Pick<Host, 'files'>): Promise<Facts> {
  try {
    const { looks: _looks, ...facts } = parseFacts(await files.readText(FACTS));
    return facts;
  } catch (cause) {
    throw new StatectlError('facts-missing', `${FACTS} cannot be read: ${reasonOf(cause)}`, {
      cause,
      hint: 'nothing is applied until the next boot',
    });
  }
}
