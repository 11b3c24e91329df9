import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { InstallFacts } from '../../../src/machine/facts/system-facts.ts';
import { parseLease } from '../../../src/machine/network/leases.ts';
import { planNetworkHandover } from '../../../src/machine/network/network-handover.ts';
import { shellOf } from '../../../src/machine/steps/step.ts';
import { dhcpLab } from '../../fixtures/dhcp-lab.ts';
import { createFacts, createInterface } from '../../fixtures/facts.ts';

/** Not among the packages that `npm test` installs: on a PC they would take over the network. */
const isRoot = process.getuid?.() === 0;
const isThere = (program: string) => isRoot && spawnSync(program, ['--version']).error === undefined;
const option = (router: string) => [
  ...['58,3', '59,100'].map((each) => `--dhcp-option-force=${each}`),
  ...[`3,${router}`, `6,${router}`].map((each) => `--dhcp-option=${each}`),
];

describe('after the boot had an address', () => {
  const takesOver = async (how: Partial<InstallFacts>, start: string) => {
    await using lab = await dhcpLab();
    await lab.serve(...option('192.168.77.1'));
    const text = await lab.machine(`${lab.udhcpc}; cat /run/initramfs/leases/eth0`);
    const facts = createFacts({
      network: { interfaces: [createInterface({ random: true })], leases: [parseLease('eth0', text)] },
    });
    const install = { ...createFacts().system.install!, usesNetworkd: false, ...how };
    const steps = planNetworkHandover(facts, install, true);
    for (const step of steps)
      if (step.kind === 'write') {
        await mkdir(dirname(lab.dir + step.path), { recursive: true });
        await writeFile(lab.dir + step.path, step.content);
      }
    await lab.machine(
      steps
        .filter(({ kind }) => kind === 'flush')
        .map(shellOf)
        .join('\n'),
    );
    // dhclient looks for its hooks in one place.
    const hooks = `[ ! -d /etc/dhcp ] || [ ! -d ${lab.dir}/sysroot/etc/dhcp ] ||
      mount --bind ${lab.dir}/sysroot/etc/dhcp/dhclient-exit-hooks.d /etc/dhcp/dhclient-exit-hooks.d`;
    await using _service = lab.start(
      `sh -ec '${hooks}\n${start.replaceAll('$LAB', lab.dir)}' >${lab.dir}/service.log 2>&1`,
    );
    const until = (line: string) => lab.machine(`until ${line}; do sleep 0.1; done`);
    const routes = () => lab.machine('ip -4 route show default');
    await until('ip -4 route show default | grep -q "via 192.168.77.1"');
    expect((await routes()).split('\n')).toHaveLength(1);
    expect((await lab.machine('ip -4 -o address show dev eth0')).split('\n')).toEqual([
      expect.stringContaining('dynamic'),
    ]);
    await lab.serve(...option('192.168.77.2'));
    await until('ip -4 route show default | grep -q "via 192.168.77.2"');
    expect((await routes()).split('\n')).toHaveLength(1);
    await until('grep -qx "nameserver 192.168.77.2" /etc/resolv.conf');
    expect(await lab.machine('cat /etc/resolv.conf')).not.toContain('192.168.77.1');
  };

  it.skipIf(!isThere('ifup') || !isThere('dhclient'))(
    'ifupdown with dhclient has its own address and route alone, and takes another router and name server',
    () =>
      takesOver(
        { usesIfupdown: true },
        'mkdir -p /run/network; ifup --interfaces=$LAB/sysroot/etc/network/interfaces.d/statectl-eth0 eth0; exec sleep 1000',
      ),
  );

  it.skipIf(!isThere('dhcpcd'))(
    'dhcpcd has its own address and route alone, and takes another router and name server',
    () =>
      takesOver(
        { hasOtherNetworkService: true },
        'echo clientid >$LAB/dhcpcd.conf; echo option domain_name_servers >>$LAB/dhcpcd.conf; exec dhcpcd -B -4 -f $LAB/dhcpcd.conf eth0',
      ),
  );
});
