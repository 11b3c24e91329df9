import { createHash, randomBytes } from 'node:crypto';
import type { Host } from '../../host/host.ts';
import type { Facts, InstallFacts } from '../facts.ts';
import { planNetworkHandover } from '../network-handover.ts';
import { IMAGE_MOUNT, RUN_INITRAMFS, SYSROOT } from '../paths.ts';
import type { Phase } from '../phase.ts';
import type { Step } from '../step.ts';
import { userDataDevice } from './devices.ts';

const KEPT_MACHINE_ID = '/persistent/statectl/machine-id';

/** What this machine needs in the system before its init runs: who it is, and its network without a gap. */
export const install: Phase = {
  name: 'install',
  rounds: [{ gather: async (host, facts) => ({ install: await installFacts(host, facts) }), plan: planInstall }],
};

export function planInstall(facts: Facts): readonly Step[] {
  const { install, config } = facts;
  if (!install) return [];
  const etc = config.overlays['/etc'];
  const etcIsWritable = etc !== undefined && etc.kind !== 'symlink';
  const keep = userDataDevice(facts) && install.machineIdOrigin !== 'persistent';
  return [
    ...(etcIsWritable ? [{ kind: 'write', path: `${SYSROOT}/etc/machine-id`, content: `${install.machineId}\n`, mode: 0o444 } as const] : []),
    ...(keep ? [{ kind: 'write', path: `${SYSROOT}/user-data${KEPT_MACHINE_ID}`, content: `${install.machineId}\n`, mode: 0o444 } as const] : []),
    ...planNetworkHandover(facts, install, etcIsWritable),
    { kind: 'copy-file', from: '/bin/busybox', to: `${RUN_INITRAMFS}/bin/busybox`, mode: 0o755 },
    { kind: 'copy-file', from: '/etc/shutdown', to: `${RUN_INITRAMFS}/shutdown`, mode: 0o755 },
  ];
}

async function installFacts({ files }: Host, facts: Facts): Promise<InstallFacts> {
  const exists = async (path: string) => (await files.stat(IMAGE_MOUNT + path)) !== undefined;
  const resolvConf = await files.stat(`${IMAGE_MOUNT}/etc/resolv.conf`);
  const kept = userDataDevice(facts) ? (await files.readText(`${SYSROOT}/user-data${KEPT_MACHINE_ID}`).catch(() => '')).trim() : '';
  const identity = machineId(facts, kept);
  return {
    ...identity,
    usesNetworkd: (await exists('/etc/systemd/system/multi-user.target.wants/systemd-networkd.service')) || (await exists('/usr/lib/systemd/system/multi-user.target.wants/systemd-networkd.service')),
    usesIfupdown: (await exists('/usr/sbin/ifup')) || (await exists('/sbin/ifup')),
    hasResolvConf: resolvConf === undefined ? 'missing' : resolvConf.type === 'symlink' ? 'symlink' : 'file',
  };
}

/** Stable over boots: what was kept, else derived from the hardware; only a machine without any identity gets chance. */
export function machineId({ machine, interfaces }: Facts, kept: string): Pick<InstallFacts, 'machineId' | 'machineIdOrigin'> {
  if (/^[0-9a-f]{32}$/.test(kept)) return { machineId: kept, machineIdOrigin: 'persistent' };
  const identity = machine.uuid ?? machine.serial ?? interfaces?.find(({ wireless }) => !wireless)?.mac;
  if (identity === undefined) return { machineId: randomBytes(16).toString('hex'), machineIdOrigin: 'random' };
  return { machineId: createHash('sha256').update(`statectl machine-id ${identity}`).digest('hex').slice(0, 32), machineIdOrigin: 'derived' };
}
