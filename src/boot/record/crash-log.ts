import type { Host } from '../../host/host.ts';
import { userDataDevice } from '../../machine/facts/disks.ts';
import type { Facts } from '../../machine/facts/facts.ts';
import { endOf } from '../../machine/logs/end-of-text.ts';
import { logHome } from '../../machine/logs/log-home.ts';
import { keepLog } from '../../machine/logs/log-ring.ts';
import { redact } from '../../machine/logs/redact.ts';
import {
  CRASH_STORE,
  type CrashRecord,
  freshRecords,
  noteKept,
  panicIn,
  readCrashRecords,
} from '../../machine/pstore/crash-records.ts';
import { machineHost, machineMounts } from '../../machine/roots.ts';
import { printable } from '../../printable.ts';
import { readCycle } from '../../slots/evidence.ts';
import { BOOT_ROOTS } from './boot-log.ts';

/**
 * Keeps what the kernel's store has of a crash beside the log of the boot that found it, once. Then the store has no further use of it
 * and may be full at the next crash, so it is removed there, where no systemd-pstore of the system does that: other programs look for
 * what that one puts to /var/lib. Nothing is removed that no disk keeps.
 */
export async function keepCrashRecords(
  host: Host,
  facts: Pick<Facts, 'config' | 'root' | 'system'>,
  number: number | undefined,
): Promise<void> {
  const mounts = await machineMounts(host);
  const dir = logHome(mounts, BOOT_ROOTS, facts.config.log);
  if (dir === undefined || facts.config.log.keep === 0) return;
  const roots = BOOT_ROOTS.find(({ userData }) => mounts.some(({ target }) => target === userData));
  const here = roots ? machineHost(host, roots) : host;
  const fresh = await freshRecords(here);
  if (!isCrash(fresh)) return;
  const text = fresh.map(({ name, text: said }) => `# ${name}\n${printable(redact(said))}\n`).join('\n');
  await keepLog(host.files, dir, facts.config.log, { kind: 'panic', number }, () => [
    Buffer.from(endOf(text, facts.config.log.limitBytes)),
  ]);
  // A boot that could not write its cycle has judged none: the next one finds what it is judged by.
  if (facts.root.cycle && !(await readCycle(here)).cycle) return;
  if (userDataDevice(facts)) await noteKept(here, await readCrashRecords(host));
  if (await isMovedBySystem(here)) return;
  for (const { name } of fresh) await host.files.remove(`${CRASH_STORE}/${name}`);
}

/** RAM that survives a reset has the console of the last boot each time, whatever became of it. */
const isCrash = (records: readonly CrashRecord[]): boolean =>
  records.some(({ name }) => name.startsWith('dmesg-')) || panicIn(records) !== undefined;

/** Where distributions enable it. */
const ENABLED = ['/etc', '/usr/lib', '/lib'].map(
  (folder) => `${folder}/systemd/system/sysinit.target.wants/systemd-pstore.service`,
);

async function isMovedBySystem({ files }: Pick<Host, 'files'>): Promise<boolean> {
  for (const path of ENABLED) if (await files.stat(path)) return true;
  return false;
}
