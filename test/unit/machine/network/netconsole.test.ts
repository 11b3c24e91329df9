import { expect, it } from 'vitest';
import type { Programs } from '../../../../src/host/memory/exec.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import { netconsoleFacts, planNetconsole } from '../../../../src/machine/network/netconsole.ts';
import { applyStep } from '../../../../src/machine/steps/step.ts';
import { loadFiles, SHIPPED_FILES } from '../../../fixtures/config.ts';
import { createFacts, createLease } from '../../../fixtures/facts.ts';

const ARP = 'IP address HW type Flags HW address Mask Device\n10.0.2.2 0x1 0x2 52:55:0a:00:02:02 * eth0\n';
const PROGRAMS: Programs = {
  ip: () => '192.168.7.3 via 10.0.2.2 dev eth0  src 10.0.2.15\n',
  ping: () => '',
  nslookup: () => 'Server:\t10.0.2.3\nAddress:\t10.0.2.3:53\n\nName:\tlog.lab\nAddress: 192.168.7.3\n',
};

async function factsFor(netconsole: string, arp = ARP, leases = [createLease()]) {
  const config = await loadFiles({ ...SHIPPED_FILES, 'system/logging.conf': `netconsole: "${netconsole}"` });
  const warnings: string[] = [];
  const host = memoryHost({ files: { '/proc/net/arp': arp }, programs: PROGRAMS });
  const boot = { say: () => {}, warn: (text: string) => warnings.push(text), signal: new AbortController().signal };
  return { found: await netconsoleFacts(host, { ...createFacts(), config, network: { leases } }, boot), warnings };
}

it.each(['192.168.7.3:6666', 'log.lab:6666'])('sends to %s by the router before it', async (netconsole) => {
  const { found, warnings } = await factsFor(netconsole);
  expect(warnings).toEqual([]);
  expect(found).toEqual({
    device: 'eth0',
    localAddress: '10.0.2.15',
    remoteAddress: '192.168.7.3',
    remotePort: 6666,
    remoteMac: '52:55:0a:00:02:02',
  });
});

it.each([
  ['no neighbour answers', '192.168.7.3:1', '', undefined, 'does not say its Ethernet address'],
  ['there is no address', '192.168.7.3:1', ARP, [], 'no interface has an address'],
  ['it is IPv6', '[fd00::1]:1', ARP, undefined, 'IPv4 alone'],
])('is left out with a warning when %s', async (_title, netconsole, arp, leases, warning) => {
  const { found, warnings } = await factsFor(netconsole, arp, leases);
  expect(warnings).toEqual([expect.stringContaining(warning)]);
  expect(planNetconsole(createFacts({ network: { netconsole: found } }))).toEqual([]);
});

it('a kernel without the driver is a warning', async () => {
  const { found } = await factsFor('192.168.7.3:6666');
  const warnings: string[] = [];
  const boot = { say: () => {}, warn: (text: string) => warnings.push(text), signal: new AbortController().signal };
  const host = memoryHost({ programs: { modprobe: () => ({ exitCode: 1, stderr: 'not found' }) } });
  for (const step of planNetconsole(createFacts({ network: { netconsole: found } }))) await applyStep(step, host, boot);
  expect(warnings).toEqual(['no netconsole to 192.168.7.3: not found']);
});
