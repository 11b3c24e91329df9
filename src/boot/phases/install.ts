import { isDeepStrictEqual } from 'node:util';
import type { Host } from '../../host/host.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { deliveryFacts } from '../../machine/delivery/delivery.ts';
import { userDataDevice } from '../../machine/facts/disks.ts';
import type { Facts } from '../../machine/facts/facts.ts';
import { withFound } from '../../machine/facts/found-facts.ts';
import type { InstallFacts } from '../../machine/facts/system-facts.ts';
import { systemTree } from '../../machine/facts/system-tree.ts';
import { givenCredentials, planCredentials } from '../../machine/identity/credentials.ts';
import { identityFacts } from '../../machine/identity/identity.ts';
import { KEPT_MACHINE_ID, machineId } from '../../machine/install/machine-id.ts';
import { isEtcWritable, planAccounts, planInstall } from '../../machine/install/plan-install.ts';
import { canFault, canTools } from '../../machine/network/can-handover.ts';
import { networkServices } from '../../machine/network/network-services.ts';
import { pythonArchives, pythonPackages } from '../../machine/packages/python-packages.ts';
import { planPythonFetch, planPythonPackages, planPythonServices } from '../../machine/packages/python-steps.ts';
import { IMAGE_MOUNT, RUN_INITRAMFS, STOPPING } from '../../machine/paths.ts';
import { ownedFolders } from '../../machine/places/owned-folders.ts';
import { authorityLists } from '../../machine/services/authority-lists.ts';
import { findMainFiles } from '../../machine/services/find-main-files.ts';
import { findServices } from '../../machine/services/find-services.ts';
import { planPrinterServices, printerServices } from '../../machine/services/printers/printer-services.ts';
import { findServiceManager } from '../../machine/services/service-manager.ts';
import { syslogFacts } from '../../machine/services/syslog-settings.ts';
import { sysvUnmounting } from '../../machine/services/sysv-unmounting.ts';
import { planPrinters, printerFacts } from '../../machine/state/plan-printers.ts';
import type { Step } from '../../machine/steps/step.ts';
import type { Instead, Phase } from '../phase.ts';
import { BEFORE_ROOT, IN_SYSROOT } from '../roots.ts';

/** Rather a system without its packages than none. */
const withoutPackages: Instead = (_error, { system: { python } }) =>
  python ? { system: { python: undefined, pythonFailed: true } } : undefined;

/** What of the initramfs the running system needs when that is gone. */
const planCarried = ({ system: { credentials } }: Facts): readonly Step[] => [
  { kind: 'copy-file', from: '/bin/busybox', to: `${RUN_INITRAMFS}/bin/busybox`, mode: 0o755 },
  { kind: 'copy-file', from: '/etc/shutdown', to: `${RUN_INITRAMFS}/shutdown`, mode: 0o755 },
  { kind: 'copy-file', from: '/etc/stopping', to: STOPPING, mode: 0o755 },
  { kind: 'copy-file', from: '/etc/way-down.sh', to: `${RUN_INITRAMFS}/way-down.sh`, mode: 0o644 },
  ...planCredentials(credentials),
];

/** What this machine needs in the system before its init runs: who it is, and its network without a gap. */
export const install: Phase = {
  name: 'install',
  roots: IN_SYSROOT,
  rounds: [
    {
      gather: async (host, facts) => ({ system: { credentials: await givenCredentials(host, facts) } }),
      plan: planCarried,
      roots: BEFORE_ROOT,
    },
    // First: files and secrets may be for accounts that config.d makes.
    { plan: planAccounts },
    {
      gather: async (host, facts, boot) => ({ system: { python: await givenPython(host, facts, boot) } }),
      plan: planPythonFetch,
      instead: withoutPackages,
    },
    {
      gather: async (host, facts, boot) => ({ system: { python: await pythonPackages(host, facts, boot) } }),
      plan: planPythonPackages,
      instead: withoutPackages,
    },
    {
      async gather(host, facts, boot) {
        const found = await installFacts(host, facts);
        sayUnused(facts, found, boot);
        const delivery = await deliveryFacts(host, facts, boot);
        const delivered = withFound(facts, { bundle: { delivery } });
        const services = await findServices(host, delivered, found, boot);
        const mainFiles = await findMainFiles(host, delivered, boot);
        return {
          bundle: { delivery },
          system: {
            syslog: await syslogFacts(host, facts, boot),
            install: {
              ...found,
              ...services,
              ...mainFiles,
              needsHostKey: mainFiles.hasSshd === true && !(await hasHostKeys(host)),
            },
            identity: await identityFacts(host, facts, boot),
            folders: await ownedFolders(host, facts, boot),
          },
        };
      },
      plan: planInstall,
      instead: (error, facts, step) =>
        isOfPackages(facts, step) ? withoutPackages(error, facts) : error.code === 'unexpected' ? {} : undefined,
    },
    // The folders are there, and the machine knows who it is.
    {
      gather: async (host, facts, boot) => ({ system: { printers: await printerFacts(host, facts, boot) } }),
      plan: planPrinters,
    },
    // What they have by now is their own settings.
    {
      gather: async (host, facts, boot) => ({
        system: { printerEnvironment: await printerServices(host, facts, boot) },
      }),
      plan: planPrinterServices,
    },
  ],
  // A disk may have stumbled; what a phase says itself it would say again.
  instead: ({ code }) => (code === 'unexpected' ? {} : undefined),
};

const isOfPackages = (facts: Facts, step: Step | undefined): boolean =>
  step !== undefined &&
  facts.system.install !== undefined &&
  planPythonServices(facts, facts.system.install).some((one) => isDeepStrictEqual(one, step));

/** What config.d asks of a system that cannot do it. */
function sayUnused(facts: Facts, install: InstallFacts, { warn }: TaskContext): void {
  const { serviceManager } = install;
  const {
    config,
    system: { python },
  } = facts;
  const isReadOnly = !isEtcWritable(facts);
  if (config.server.agent === 'on' && !serviceManager) warn('no agent: the image has neither systemd nor OpenRC');
  if (config.server.agent === 'on' && serviceManager === 'openrc' && isReadOnly)
    warn('no agent: /etc is read-only (system/overlays.conf), and OpenRC looks for services nowhere else');
  const can = canFault(facts, install);
  if (can !== undefined) warn(can);
  const named = (python?.packages ?? []).some(({ services }) => services.length > 0);
  if (named && isReadOnly) warn('no service gets a PYTHONPATH: /etc is read-only (system/overlays.conf)');
  else if (named && !serviceManager) warn('no service gets a PYTHONPATH: the image has neither systemd nor OpenRC');
  if (isReadOnly && Object.keys(config.logging.syslog).length > 0)
    warn('logging.conf: no messages are sent on: /etc is read-only (system/overlays.conf)');
}

const givenPython = async (host: Host, facts: Facts, boot: TaskContext) =>
  facts.system.pythonFailed ? undefined : pythonArchives(host, facts, boot);

async function installFacts({ files }: Host, facts: Facts): Promise<InstallFacts> {
  const kept = userDataDevice(facts) ? (await files.readText(KEPT_MACHINE_ID).catch(() => '')).trim() : '';
  const identity = machineId(facts, kept);
  const can = await canTools({ files }, facts);
  return {
    ...identity,
    ...(await networkServices(files, facts.config)),
    ...(can && { can }),
    ...(await authorityLists({ files }, facts)),
    ...(await findServiceManager({ files })),
    ...(await sysvUnmounting({ files })),
    ...(await imageTexts({ files })),
  };
}

async function imageTexts(host: Pick<Host, 'files'>): Promise<Partial<InstallFacts>> {
  const image = systemTree(host, { bundle: {} }, [IMAGE_MOUNT]);
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
  (await files.list('/etc/ssh').catch(() => [])).some((name) => /^ssh_host_.*_key$/.test(name));
