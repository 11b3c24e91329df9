import { createHash, randomBytes } from 'node:crypto';
import type { Host } from '../../host/host.ts';
import { planLogins } from '../../machine/accounts/login-settings.ts';
import { deliveryFacts, planDelivery } from '../../machine/delivery/delivery.ts';
import { userDataDevice } from '../../machine/facts/disks.ts';
import type { Facts, InstallFacts } from '../../machine/facts/facts.ts';
import { systemTree } from '../../machine/facts/system-tree.ts';
import { givenCredentials, planCredentials } from '../../machine/identity/credentials.ts';
import { identityFacts, PASSWORDS, planHostKey, planSecrets } from '../../machine/identity/identity.ts';
import { planNetworkHandover } from '../../machine/network/network-handover.ts';
import { networkServices } from '../../machine/network/network-services.ts';
import { pythonArchives, pythonPackages } from '../../machine/packages/python-packages.ts';
import { planPythonFetch, planPythonPackages, planPythonServices } from '../../machine/packages/python-steps.ts';
import { BIN, IMAGE_MOUNT, PROGRAM, RUN_INITRAMFS, SYSROOT } from '../../machine/paths.ts';
import { planCommandInPlace } from '../../machine/places/layout.ts';
import { planRootInFstab } from '../../machine/places/root-in-fstab.ts';
import { planAgent } from '../../machine/services/agent-service.ts';
import { authorityLists } from '../../machine/services/authority-lists.ts';
import { findMainFiles } from '../../machine/services/find-main-files.ts';
import { findServices } from '../../machine/services/find-services.ts';
import { planKernelHostname } from '../../machine/services/names.ts';
import { planOpenrcShutdown } from '../../machine/services/openrc-shutdown.ts';
import { findServiceManager } from '../../machine/services/service-manager.ts';
import { planSyslog, syslogFacts } from '../../machine/services/syslog-settings.ts';
import { planBootedRunlevel, planSystemSettings } from '../../machine/services/system-settings.ts';
import type { Step } from '../../machine/steps/step.ts';
import { normalMac } from '../../protocol/claims.ts';
import type { BootContext, Phase } from '../phase.ts';

const KEPT_MACHINE_ID = '/persistent/statectl/machine-id';

/** What this machine needs in the system before its init runs: who it is, and its network without a gap. */
export const install: Phase = {
  name: 'install',
  rounds: [
    // First: files and secrets may be for accounts that config.d makes.
    { plan: planAccounts },
    {
      gather: async (host, facts, boot) => ({ python: await givenPython(host, facts, boot) }),
      plan: planPythonFetch,
    },
    {
      gather: async (host, facts, boot) => ({ python: await pythonPackages(host, facts, boot) }),
      plan: planPythonPackages,
    },
    {
      async gather(host, facts, boot) {
        const found = await installFacts(host, facts);
        sayUnused(facts, found, boot);
        const delivery = await deliveryFacts(host, facts, boot);
        const services = await findServices(host, { ...facts, delivery }, found, boot);
        const mainFiles = await findMainFiles(host, { ...facts, delivery }, boot);
        return {
          syslog: await syslogFacts(host, facts, boot),
          install: {
            ...found,
            ...services,
            ...mainFiles,
            needsHostKey: mainFiles.hasSshd === true && !(await hasHostKeys(host)),
          },
          credentials: await givenCredentials(host, facts),
          delivery,
          identity: await identityFacts(host, facts, boot),
        };
      },
      plan: planInstall,
    },
  ],
  // Rather a system without its packages than none.
  instead: (_error, { python }) => (python ? { python: undefined, pythonFailed: true } : undefined),
};

/** What python.conf and logging.conf ask of a system that cannot do it. */
function sayUnused(facts: Facts, { serviceManager }: InstallFacts, { warn }: BootContext): void {
  const { config, python } = facts;
  const isReadOnly = !isEtcWritable(facts);
  if (config.server.agent === 'on' && !serviceManager) warn('no agent: the image has neither systemd nor OpenRC');
  if (config.server.agent === 'on' && serviceManager === 'openrc' && isReadOnly)
    warn('no agent: /etc is read-only (system/overlays.conf), and OpenRC looks for services nowhere else');
  const named = (python?.packages ?? []).some(({ services }) => services.length > 0);
  if (named && isReadOnly) warn('no service gets a PYTHONPATH: /etc is read-only (system/overlays.conf)');
  else if (named && !serviceManager) warn('no service gets a PYTHONPATH: the image has neither systemd nor OpenRC');
  if (isReadOnly && Object.keys(config.logging.syslog).length > 0)
    warn('logging.conf: no messages are sent on: /etc is read-only (system/overlays.conf)');
}

const givenPython = async (host: Host, facts: Facts, boot: BootContext) =>
  facts.pythonFailed ? undefined : pythonArchives(host, facts, boot);

export function isEtcWritable({ config }: Facts): boolean {
  const etc = config.overlays['/etc'];
  return etc !== undefined && etc.kind !== 'symlink';
}

/** The accounts of users.conf. Pure. */
export function planAccounts(facts: Facts): readonly Step[] {
  const { users } = facts.config;
  const isSilent = Object.keys(users.users).length + Object.keys(users.groups).length === 0;
  return isSilent || !isEtcWritable(facts) ? [] : [{ kind: 'accounts', root: SYSROOT, users, passwords: PASSWORDS }];
}

export function planInstall(facts: Facts): readonly Step[] {
  const { install } = facts;
  if (!install) return [];
  const etcIsWritable = isEtcWritable(facts);
  const keep = userDataDevice(facts) && install.machineIdOrigin === 'derived';
  return [
    ...(etcIsWritable
      ? [{ kind: 'write', path: `${SYSROOT}/etc/machine-id`, content: `${install.machineId}\n`, mode: 0o444 } as const]
      : []),
    ...(keep
      ? [
          {
            kind: 'write',
            path: `${SYSROOT}/user-data${KEPT_MACHINE_ID}`,
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
          ...planOpenrcShutdown(install),
          ...planHostKey(facts),
          ...planPythonServices(facts, install),
        ]
      : []),
    ...planKernelHostname(facts, install),
    ...planAgent(facts, install, etcIsWritable ? 'writable' : 'read-only'),
    { kind: 'mkdir', path: BIN, mode: 0o755 },
    { kind: 'symlink', target: PROGRAM, path: `${BIN}/statectl` },
    ...planCommandInPlace(facts),
    { kind: 'copy-file', from: '/bin/busybox', to: `${RUN_INITRAMFS}/bin/busybox`, mode: 0o755 },
    { kind: 'copy-file', from: '/etc/shutdown', to: `${RUN_INITRAMFS}/shutdown`, mode: 0o755 },
    // Last: what an admin says wins over what the boot made up.
    ...planDelivery(facts),
    ...planSecrets(facts),
    ...planCredentials(facts.credentials),
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
  ...(facts.install && isEtcWritable(facts) ? planSettingFiles(facts, facts.install) : []),
  ...planDelivery(facts).filter(({ kind }) => kind === 'deliver'),
];

async function installFacts({ files }: Host, facts: Facts): Promise<InstallFacts> {
  const kept = userDataDevice(facts)
    ? (await files.readText(`${SYSROOT}/user-data${KEPT_MACHINE_ID}`).catch(() => '')).trim()
    : '';
  const identity = machineId(facts, kept);
  return {
    ...identity,
    ...(await networkServices(files, facts.config)),
    ...(await authorityLists({ files }, facts)),
    ...(await findServiceManager({ files })),
    ...(await imageTexts({ files })),
  };
}

async function imageTexts(host: Pick<Host, 'files'>): Promise<Partial<InstallFacts>> {
  const image = systemTree(host, {}, [IMAGE_MOUNT]);
  const [hosts, fstab, name] = await Promise.all(
    ['hosts', 'fstab', 'hostname'].map((file) => image.read(`/etc/${file}`)),
  );
  // hostname(5): comments may stand before it.
  const hostname = name
    ?.split('\n')
    .map((line) => line.trim())
    .find((line) => line !== '' && !line.startsWith('#'));
  return {
    ...(hosts !== undefined && { hosts }),
    ...(fstab !== undefined && { fstab }),
    ...(hostname && { imageHostname: hostname }),
  };
}

/** Of the image's own, or of a persistent /etc. */
const hasHostKeys = async ({ files }: Pick<Host, 'files'>): Promise<boolean> =>
  (await files.list(`${SYSROOT}/etc/ssh`).catch(() => [])).some((name) => /^ssh_host_.*_key$/.test(name));

/** The order in which drivers find the interfaces is chance; their addresses are not. */
/** Of the cards that keep theirs over boots. */
const lowestMac = (interfaces: Facts['interfaces'] = []): string | undefined =>
  interfaces
    .filter(({ wireless, random, mac }) => !wireless && !random && normalMac(mac) !== undefined)
    .map(({ mac }) => mac)
    .toSorted()[0];

/** As etc.conf says; else stable over boots: what was kept, else derived from the hardware; only a machine without any identity gets chance. */
export function machineId(
  { machine, interfaces, config }: Facts,
  kept: string,
): Pick<InstallFacts, 'machineId' | 'machineIdOrigin'> {
  const { machineId: wanted } = config.etc;
  if (/^[0-9a-f]{32}$/.test(wanted)) return { machineId: wanted, machineIdOrigin: 'configured' };
  if (wanted === 'random') return { machineId: randomBytes(16).toString('hex'), machineIdOrigin: 'random' };
  if (/^[0-9a-f]{32}$/.test(kept)) return { machineId: kept, machineIdOrigin: 'persistent' };
  // Makers give whole series one UUID or serial number; no two machines have the same card.
  const identity = [machine.uuid ?? machine.serial, lowestMac(interfaces)]
    .filter((part) => part !== undefined)
    .join(' ');
  if (identity === '') return { machineId: randomBytes(16).toString('hex'), machineIdOrigin: 'random' };
  return {
    machineId: createHash('sha256').update(`statectl machine-id ${identity}`).digest('hex').slice(0, 32),
    machineIdOrigin: 'derived',
  };
}
