import { planLogins } from '../accounts/login-settings.ts';
import { planDelivery } from '../delivery/delivery.ts';
import { userDataDevice } from '../facts/disks.ts';
import type { Facts } from '../facts/facts.ts';
import type { InstallFacts } from '../facts/system-facts.ts';
import { PASSWORDS, planHostKey, planSecrets } from '../identity/identity.ts';
import { planNetworkHandover } from '../network/network-handover.ts';
import { planPythonServices } from '../packages/python-steps.ts';
import { BIN, PROGRAM } from '../paths.ts';
import { planCommandInPlace } from '../places/layout.ts';
import { planOwnedFolders } from '../places/owned-folders.ts';
import { planRootInFstab } from '../places/root-in-fstab.ts';
import { planAgent } from '../services/agent-service.ts';
import { planLogs } from '../services/logs-service.ts';
import { planKernelHostname } from '../services/names.ts';
import { planSyslog } from '../services/syslog-settings.ts';
import { planBootedRunlevel, planSystemSettings } from '../services/system-settings.ts';
import { planWayDown } from '../services/way-down.ts';
import type { Step } from '../steps/step.ts';
import { planWatchdog } from '../watchdog/plan-watchdog.ts';
import { KEPT_MACHINE_ID } from './machine-id.ts';

export function isEtcWritable({ config }: Facts): boolean {
  const etc = config.overlays['/etc'];
  return etc !== undefined && etc.kind !== 'symlink';
}

/** The accounts of users.conf. Pure. */
export function planAccounts(facts: Facts): readonly Step[] {
  const { users } = facts.config;
  const isSilent = Object.keys(users.users).length + Object.keys(users.groups).length === 0;
  return isSilent || !isEtcWritable(facts) ? [] : [{ kind: 'accounts', root: '/', users, passwords: PASSWORDS }];
}

export function planInstall(facts: Facts): readonly Step[] {
  const {
    system: { install },
  } = facts;
  if (!install) return [];
  const etcIsWritable = isEtcWritable(facts);
  const keep = userDataDevice(facts) && install.machineIdOrigin === 'derived';
  return [
    ...(etcIsWritable
      ? [{ kind: 'write', path: '/etc/machine-id', content: `${install.machineId}\n`, mode: 0o444 } as const]
      : []),
    ...(keep
      ? [
          {
            kind: 'write',
            path: KEPT_MACHINE_ID,
            content: `${install.machineId}\n`,
            mode: 0o444,
          } as const,
        ]
      : []),
    ...planNetworkHandover(facts, install, etcIsWritable),
    ...(etcIsWritable
      ? [
          ...planSettingFiles(facts, install),
          ...planRootInFstab(install),
          ...planBootedRunlevel(facts, install),
          ...planHostKey(facts),
          ...planPythonServices(facts, install),
        ]
      : []),
    ...planKernelHostname(facts, install),
    ...planAgent(facts, install, etcIsWritable ? 'writable' : 'read-only'),
    ...planWatchdog(facts, install, etcIsWritable ? 'writable' : 'read-only'),
    ...planLogs(facts, install, etcIsWritable ? 'writable' : 'read-only'),
    ...planWayDown(install, etcIsWritable ? 'writable' : 'read-only'),
    { kind: 'mkdir', path: BIN, mode: 0o755 },
    { kind: 'symlink', target: PROGRAM, path: `${BIN}/statectl` },
    ...planCommandInPlace(facts),
    // A file that is delivered there would else find a folder of root's.
    ...planOwnedFolders(facts.system.folders),
    // Last: what an admin says wins over what the boot made up.
    ...planDelivery(facts),
    ...planSecrets(facts),
  ];
}

/** Files of the system that say what config.d says; the agent keeps them so. */
const planSettingFiles = (facts: Facts, install: InstallFacts): readonly Step[] => [
  ...planSystemSettings(facts, install),
  ...planLogins(facts, install),
  ...planSyslog(facts),
];

/** What of the install phase the agent does again in the running system: the other files are the boot's. Pure. */
export const planLiveFiles = (facts: Facts): readonly Step[] => [
  ...(facts.system.install && isEtcWritable(facts) ? planSettingFiles(facts, facts.system.install) : []),
  ...planDelivery(facts).filter(({ kind }) => kind === 'deliver'),
];
