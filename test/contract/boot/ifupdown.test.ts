import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { memoryHost } from '../../../src/host/memory.ts';
import { ifupdownStanzas } from '../../../src/machine/network/ifupdown-stanzas.ts';
import { readLeases } from '../../../src/machine/network/leases.ts';
import { planNetworkHandover } from '../../../src/machine/network/network-handover.ts';
import { planAddressing } from '../../../src/machine/network/network-steps.ts';
import { wantedNetwork } from '../../../src/machine/network/wanted-network.ts';
import { shellOf } from '../../../src/machine/steps/step.ts';
import { loadFiles, SHIPPED_FILES } from '../../fixtures/config.ts';
import { createFacts, createInterface } from '../../fixtures/facts.ts';

/** Not among the packages that `npm test` installs: on a PC it would take over the network. */
const hasIfupdown = spawnSync('ifup', ['--version']).error === undefined && process.getuid?.() === 0;
const dir = mkdtempSync(join(tmpdir(), 'statectl-ifupdown-'));
afterAll(() => rmSync(dir, { recursive: true }));

it.skipIf(!hasIfupdown)('ifup takes what the boot writes for it, and sets the addresses, routes and MTU', async () => {
  const text = `interfaces:
  eth0:
    initramfs: true
    addresses: [10.9.0.1/24, 10.9.1.1/24, "fd00:9::1/64"]
    gateway: [10.9.0.254, "fd00:9::fe"]
    mtu: 1400
    routes: { 10.8.0.0/16: 10.9.0.2 }
`;
  const config = await loadFiles({ ...SHIPPED_FILES, 'system/network.conf': text });
  const facts = { ...createFacts({ network: { interfaces: [createInterface()] } }), config };
  const wanted = wantedNetwork(facts);
  const [eth0] = wanted;
  if (!eth0) throw new Error('there is no eth0');
  const leases = await readLeases(memoryHost(), wanted, true);
  const install = { ...createFacts().system.install!, usesNetworkd: false, usesIfupdown: true };
  const steps = [
    ...planAddressing(wanted, { seconds: 1, tries: 1 }).filter(({ kind }) => kind === 'address' || kind === 'route'),
    ...planNetworkHandover({ ...facts, network: { leases } }, install, false).filter(({ kind }) =>
      kind.startsWith('flush'),
    ),
  ].map(shellOf);
  writeFileSync(join(dir, 'interfaces'), ifupdownStanzas(eth0));
  const script = `set -e
mount -t tmpfs none /run
mkdir -p /run/network
ip link add eth0 type veth peer name peer0
ip link set peer0 up; ip link set eth0 up
# As the boot leaves it, the same addresses and routes.
${steps.join('\n')}
ifup -i ${dir}/interfaces eth0
ip -o address show dev eth0 scope global
ip route show; ip -6 route show
ip link show eth0`;
  const { stdout, stderr, status } = spawnSync('unshare', ['-n', '-m', 'sh', '-c', script], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: expect.any(String) });
  for (const part of [
    'inet 10.9.0.1/24',
    'inet 10.9.1.1/24',
    'inet6 fd00:9::1/64',
    'default via 10.9.0.254',
    'default via fd00:9::fe ',
    '10.8.0.0/16 via 10.9.0.2',
    'mtu 1400',
  ])
    expect(stdout).toContain(part);
});
