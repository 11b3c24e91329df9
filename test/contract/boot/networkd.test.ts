import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import type { InstallFacts } from '../../../src/machine/facts/system-facts.ts';
import { parseLease } from '../../../src/machine/network/leases.ts';
import { planNetworkHandover } from '../../../src/machine/network/network-handover.ts';
import { shellOf } from '../../../src/machine/steps/step.ts';
import { dhcpLab } from '../../fixtures/dhcp-lab.ts';
import { createFacts, createInterface } from '../../fixtures/facts.ts';

const NETWORKD = '/lib/systemd/systemd-networkd';
const INSTALL: InstallFacts = {
  machineId: 'x',
  machineIdOrigin: 'derived',
  usesNetworkd: true,
  usesIfupdown: false,
  hasResolvConf: 'file',
};
/** The interface of a namespace has no MAC address of its own. */
const eth0 = createInterface({ random: true });
const option = (router: string) => [
  ...['58,3', '59,100'].map((each) => `--dhcp-option-force=${each}`),
  ...[`3,${router}`, `6,${router}`, `121,0.0.0.0/0,${router},198.51.100.0/24,${router}`].map(
    (each) => `--dhcp-option=${each}`,
  ),
];

it.skipIf(process.getuid?.() !== 0 || !existsSync(NETWORKD))(
  'networkd takes over what the boot set without a gap, and puts another router and name server in its place',
  async () => {
    await using lab = await dhcpLab();
    await lab.serve(...option('192.168.77.1'));
    // networkd looks for its files in the whole tree of /run, and gives up root for its own user.
    await mkdir(`${lab.dir}/run/systemd/network`, { recursive: true });
    const text = await lab.machine(`${lab.udhcpc}; cat /run/initramfs/leases/eth0`);
    const facts = createFacts({ network: { interfaces: [eth0], leases: [parseLease('eth0', text)] } });
    const steps = planNetworkHandover(facts, INSTALL, true);
    for (const step of steps)
      if (step.kind === 'write' && step.path.startsWith('/run/')) {
        await mkdir(`${lab.dir}${step.path}/..`.replace(/[^/]+\/\.\.$/, ''), { recursive: true });
        await writeFile(`${lab.dir}${step.path}`, step.content, { mode: step.mode ?? 0o644 });
      }
    const lines = steps.filter(({ kind }) => kind === 'address').map(shellOf);
    await lab.machine([...lines, 'mkdir -p /run/systemd/netif; chown systemd-network: /run/systemd/netif'].join('\n'));
    await using _changes = lab.start(`ip monitor address route >${lab.dir}/changes`);
    await using _networkd = lab.start(NETWORKD);
    const routes = () => lab.machine('ip -4 route show');
    const until = (line: string) => lab.machine(`until ${line}; do sleep 0.1; done`);
    const byRouter = (router: string, text: string) =>
      text.split('\n').filter((line) => line.includes(` via ${router} `));

    await until('grep -q ^DNS=192.168.77.1 /run/systemd/netif/state');
    await until("ip -4 address show dev eth0 | grep -q 'scope global dynamic'");
    expect(await lab.machine(`cat ${lab.dir}/changes`)).not.toMatch(/Deleted/);
    expect(byRouter('192.168.77.1', await routes())).toHaveLength(2);

    await lab.serve(...option('192.168.77.2'));
    await until('ip -4 route show | grep -q "default via 192.168.77.2"');
    await until('! ip -4 route show | grep -q "via 192.168.77.1"');
    expect(byRouter('192.168.77.2', await routes())).toEqual([
      expect.stringMatching(/^default via /),
      expect.stringMatching(/^198\.51\.100\.0\/24 via /),
    ]);
    await until('grep -q ^DNS=192.168.77.2 /run/systemd/netif/state');
    const resolver = steps.find((step) => step.kind === 'write' && step.path.endsWith('/resolver'));
    if (resolver?.kind !== 'write') throw new Error('nothing looks after resolv.conf');
    await writeFile(`${lab.dir}/run/resolver`, resolver.content.replaceAll('/run/initramfs/bin/busybox', 'busybox'));
    await lab.machine('mkdir -p /run/initramfs; sh /run/resolver');
    expect(await lab.machine('cat /etc/resolv.conf')).toBe('nameserver 192.168.77.2');
  },
);
