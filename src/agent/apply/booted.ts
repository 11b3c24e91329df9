import { reasonOf, StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { parseRecord } from '../../host/record.ts';
import type { BootRecord } from '../../machine/boot-record.ts';
import { BOOT_RECORD, INITRD_RELEASE, SWITCH_FILE } from '../../machine/paths.ts';

const RECORD = { root: 'mapping', places: 'list', wrote: 'list', warnings: 'list', phases: 'list' } as const;

/** What the boot of this system left. Throws `not-booted`, `booted-by-plan`, `boot-unfinished` or `boot-record-invalid`. */
export async function readBootRecord({ files }: Pick<Host, 'files'>): Promise<BootRecord> {
  const text = await files.readText(BOOT_RECORD).catch(async (cause) => {
    if (await files.stat(INITRD_RELEASE))
      throw new StatectlError('boot-unfinished', 'this is the initramfs: the boot has not come to its end', {
        cause,
        hint: '`statectl rescue` says how far it came, and what can be done',
      });
    if (await files.stat(SWITCH_FILE))
      throw new StatectlError(
        'booted-by-plan',
        'the controller crashed at this boot: the plan of the last good boot was run, which leaves no record',
        { cause, hint: '`statectl rescue report` has what is known of the crash; a reboot tries again' },
      );
    throw new StatectlError('not-booted', `this system was not booted by statectl: there is no ${BOOT_RECORD}`, {
      cause,
      hint: '`statectl --help` shows what can be done here; `statectl build` makes what a machine boots',
    });
  });
  try {
    return parseRecord<BootRecord>(text, RECORD);
  } catch (cause) {
    throw new StatectlError('boot-record-invalid', `${BOOT_RECORD} ${reasonOf(cause)}`, {
      cause,
      hint: 'was /run full when this machine booted? `df /run`',
    });
  }
}
