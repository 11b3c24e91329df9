import { describe, expect, it, test } from 'vitest';
import { parseIpArgument } from '../../../src/config/command-line/ip-argument.ts';
import { readConfigDir } from '../../../src/config/config-dir.ts';
import { MacAddress } from '../../../src/config/settings/scalars.ts';
import { mac } from '../../../src/config/templates/filters/data.ts';
import type { InterfaceFacts } from '../../../src/machine/facts/network-facts.ts';
import { planInterfaceChoice } from '../../../src/machine/network/interface-choice.ts';
import { normalClaim } from '../../../src/protocol/claims.ts';
import { cardMac, parseMac } from '../../../src/protocol/mac-address.ts';
import { parseSelector } from '../../../src/server/images/selector.ts';
import { machineFromQuery } from '../../../src/server/machine.ts';
import { configHost } from '../../fixtures/config.ts';

const ADDRESS = '52:54:00:12:ab:01';
const card: InterfaceFacts = { name: 'eth0', mac: ADDRESS, carrier: true, wireless: false, driver: 'virtio_net' };
const orNone = <T>(read: () => T): T | undefined => {
  try {
    return read();
  } catch {
    return undefined;
  }
};

/** Wherever somebody writes an address: what is made of the text, undefined where it is refused or says nothing. */
const ENTRANCES: Readonly<Record<string, (text: string) => unknown>> = {
  'a node file': async (text) => {
    const files = { 'nodes/x.conf': `match: { mac: ${JSON.stringify(text)} }` };
    const { nodes, faults } = await readConfigDir(configHost(files), '/config.d');
    return faults.length > 0 ? undefined : nodes.nodes.get('x')?.match.mac?.[0];
  },
  'a list of a node file': async (text) => {
    const files = { 'nodes/x.conf': `node: n[1-2]\nmacs: { n1: ${JSON.stringify(text)}, n2: 52:54:00:00:00:99 }` };
    const { nodes, faults } = await readConfigDir(configHost(files), '/config.d');
    return faults.length > 0 ? undefined : nodes.nodes.get('n1')?.match.mac?.[0];
  },
  'a setting': (text) => MacAddress.safeParse(text).data,
  'image use --for': (text) => orNone(() => parseSelector(`mac=${text}`).value),
  'a claim': (text) => normalClaim('mac', text),
  'a query': (text) => machineFromQuery({ mac: text }).mac,
  'a list in a query': (text) => machineFromQuery({ macs: text }).macs,
  'the filter mac': (text) => orNone(() => mac(text)),
  'ip=': (text) => orNone(() => (parseIpArgument(`eth0:dhcp:1500:${text}`) as { mac?: string }).mac),
  'BOOTIF=': (text) => orNone(() => planInterfaceChoice([], text, undefined, [card])?.nic.mac),
  'ifname=': (text) => orNone(() => planInterfaceChoice([], undefined, undefined, [card], [`x0:${text}`])?.nic.mac),
};

describe.each(Object.entries(ENTRANCES))('a MAC address in %s', (_, read) => {
  it.each([
    '52:54:00:12:ab:01',
    '52:54:0:12:ab:1',
    '52-54-0-12-AB-1',
    '52-54-00-12-AB-01',
    '5254.0012.ab01',
    '52540012AB01',
    '01-52-54-00-12-ab-01',
    '01:52:54:0:12:ab:1',
  ])('may be written as %s', async (text) => {
    expect(await read(text)).toBe(ADDRESS);
  });

  it.each([
    'eth0',
    '52:54:00:12:ab',
    '52:54:00:12:ab:xx',
    '52:54-00:12:ab:01',
    '52:54::12:ab:01',
    '52:540:0:12:ab:1',
    '52:54:00:12:ab:01:02',
    '52-54-00-12-ab-01-02',
    '5254:0012:ab01',
    '52540012ab0',
    '52540012ab012',
  ])('is not %s', async (text) => {
    expect(await read(text)).toBeUndefined();
  });
});

it.each(['00:00:00:00:00:00', '0:0:0:0:0:7', 'ff:ff:ff:ff:ff:ff', '1:0:5e:0:0:1', '33:33:00:00:00:01'])(
  '%s is an address, and no card has it',
  async (text) => {
    expect(parseMac(text)).toBeDefined();
    expect(cardMac(text)).toBeUndefined();
    for (const entrance of ['a node file', 'image use --for', 'a claim', 'a query'])
      expect(await ENTRANCES[entrance]?.(text)).toBeUndefined();
  },
);

test('a boot loader may say another hardware type, and what stands before six groups otherwise is none', () => {
  expect(parseMac('06-52-54-00-12-ab-01')).toBe(ADDRESS);
  expect(parseMac('20-52-54-00-12-ab-01')).toBe(ADDRESS);
  expect(parseMac('07-52-54-00-12-ab-01')).toBeUndefined();
});
