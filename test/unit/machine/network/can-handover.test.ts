import { describe, expect, it } from 'vitest';
import { planLinks } from '../../../../src/boot/phases/network.ts';
import type { CanTools, InstallFacts } from '../../../../src/machine/facts/system-facts.ts';
import { canFault, canTools } from '../../../../src/machine/network/can-handover.ts';
import { planNetworkHandover } from '../../../../src/machine/network/network-handover.ts';
import { systemNetwork } from '../../../../src/machine/network/system-network.ts';
import { createFacts, createInterface } from '../../../fixtures/facts.ts';
import { bootHost } from '../../../fixtures/machine.ts';
import { networkConfig } from '../../../fixtures/network.ts';

const IMAGE = '/run/statectl/image';
const TWO = `interfaces:
  can0: { kind: can, bitrate: 1M }
  can1: { kind: can, bitrate: 500k, dataBitrate: 2M, txqueuelen: 1024, restart: 0, listenOnly: true }
`;
const factsOf = async (text = TWO, commandLine = '') =>
  createFacts({
    commandLine,
    network: { interfaces: [createInterface()] },
    config: { boot: { root: 'LABEL=system' }, network: await networkConfig(text) },
  });
const install = (more: Partial<InstallFacts>): InstallFacts => ({
  ...{ machineId: 'x', machineIdOrigin: 'derived', usesNetworkd: false, usesIfupdown: false, hasResolvConf: 'file' },
  ...more,
});
const TOOLS: CanTools = { hasUdev: true, ip: '/usr/sbin/ip' };
const written = async (more: Partial<InstallFacts>, text = TWO) =>
  Object.fromEntries(
    planNetworkHandover(await factsOf(text), install(more), true).flatMap((step) =>
      step.kind === 'write' ? [[step.path, step.content]] : [],
    ),
  );

describe('a CAN interface of network.conf', () => {
  it('is for networkd, which sets it up whenever it comes and waits for none', async () => {
    const files = await written({ usesNetworkd: true, can: TOOLS });
    expect(files['/run/systemd/network/10-statectl-can0.network']).toMatchInlineSnapshot(`
      "# Made by statectl at boot: a CAN interface of network.conf, whenever its adapter is there.
      [Match]
      Name=can0

      [Link]
      RequiredForOnline=no

      [CAN]
      BitRate=1000000
      RestartSec=100ms
      "
    `);
    expect(files['/run/systemd/network/10-statectl-can0.link']).toMatchInlineSnapshot(`
      "# Made by statectl at boot: a CAN interface of network.conf, whenever its adapter is there.
      [Match]
      OriginalName=can0

      [Link]
      NamePolicy=
      TransmitQueueLength=128
      "
    `);
    expect(files['/run/systemd/network/10-statectl-can1.network']).toContain(
      '[CAN]\nBitRate=500000\nFDMode=yes\nDataBitRate=2000000\nListenOnly=yes\n',
    );
    expect(Object.keys(files).filter((path) => path.includes('rules.d'))).toEqual([]);
  });

  it.each<[string, Partial<InstallFacts>]>([
    ['ifupdown', { usesIfupdown: true, ifupdown: { hasCards: false } }],
    ['NetworkManager or dhcpcd', { hasOtherNetworkService: true }],
    ['no network service at all', {}],
  ])('is for udev beside %s', async (_who, more) => {
    const files = await written({ ...more, can: TOOLS });
    expect(files['/run/udev/rules.d/80-statectl-can.rules']).toMatchInlineSnapshot(`
      "# Made by statectl at boot: a CAN interface of network.conf, whenever its adapter is there.
      ACTION=="add", SUBSYSTEM=="net", KERNEL=="can0", ATTR{tx_queue_len}="128", RUN+="/usr/sbin/ip link set dev can0 type can bitrate 1000000", RUN+="/usr/sbin/ip link set dev can0 type can restart-ms 100", RUN+="/usr/sbin/ip link set dev can0 up"
      ACTION=="add", SUBSYSTEM=="net", KERNEL=="can1", ATTR{tx_queue_len}="1024", RUN+="/usr/sbin/ip link set dev can1 type can bitrate 500000 dbitrate 2000000 fd on listen-only on", RUN+="/usr/sbin/ip link set dev can1 up"
      "
    `);
    expect(Object.keys(files).filter((path) => /can\d/.test(path))).toEqual([]);
  });

  const MATCHED = `interfaces:
  canbed: { kind: can, bitrate: 1M, match: { path: 'pci-0000:00:14.0-usb-0:2:1.0' } }
  canhead: { kind: can, bitrate: 1M, match: { serial: 004A0032*, path: '*-usb-0:3:*' } }
`;

  it('that says which of several adapters it is gets its name whenever that one comes, wherever it is in the order', async () => {
    const files = await written({ usesNetworkd: true, can: TOOLS }, MATCHED);
    expect(files['/run/systemd/network/10-statectl-canbed.link']).toMatchInlineSnapshot(`
      "# Made by statectl at boot: a CAN interface of network.conf, whenever its adapter is there.
      [Match]
      Type=can
      Path=pci-0000:00:14.0-usb-0:2:1.0

      [Link]
      NamePolicy=
      Name=canbed
      TransmitQueueLength=128
      "
    `);
    expect(files['/run/systemd/network/10-statectl-canhead.link']).toContain(
      '[Match]\nType=can\nPath=*-usb-0:3:*\nProperty=ID_SERIAL_SHORT=004A0032*\n\n[Link]\nNamePolicy=\nName=canhead\n',
    );
    expect(files['/run/systemd/network/10-statectl-canhead.network']).toContain('[Match]\nName=canhead\n');
    const rules = (await written({ can: TOOLS }, MATCHED))['/run/udev/rules.d/80-statectl-can.rules'];
    expect(rules).toMatchInlineSnapshot(`
      "# Made by statectl at boot: a CAN interface of network.conf, whenever its adapter is there.
      ACTION=="add", SUBSYSTEM=="net", ATTR{type}=="280", IMPORT{builtin}="path_id"
      ACTION=="add", SUBSYSTEM=="net", ATTR{type}=="280", SUBSYSTEMS=="usb", IMPORT{builtin}="usb_id"
      ACTION=="add", SUBSYSTEM=="net", ATTR{type}=="280", ENV{ID_PATH}=="pci-0000:00:14.0-usb-0:2:1.0", NAME="canbed", ATTR{tx_queue_len}="128", RUN+="/usr/sbin/ip link set dev canbed type can bitrate 1000000", RUN+="/usr/sbin/ip link set dev canbed type can restart-ms 100", RUN+="/usr/sbin/ip link set dev canbed up"
      ACTION=="add", SUBSYSTEM=="net", ATTR{type}=="280", ENV{ID_PATH}=="*-usb-0:3:*", ENV{ID_SERIAL_SHORT}=="004A0032*", NAME="canhead", ATTR{tx_queue_len}="128", RUN+="/usr/sbin/ip link set dev canhead type can bitrate 1000000", RUN+="/usr/sbin/ip link set dev canhead type can restart-ms 100", RUN+="/usr/sbin/ip link set dev canhead up"
      "
    `);
  });

  it.each([
    ['can0: { kind: can, bitrate: 1M, match: { path: a } }', /a name of the kernel's/],
    ['canx: { kind: can, bitrate: 1M, match: { path: a } }\n  can1: { kind: can, bitrate: 1M }', /this has to, too/],
    [
      'canx: { kind: can, bitrate: 1M, match: { serial: a } }\n  cany: { kind: can, bitrate: 1M, match: { serial: a } }',
      /the same adapter as canx/,
    ],
    ['canx: { kind: can, bitrate: 1M, match: {} }', /expected path, serial or both/],
    ['canx: { kind: can, bitrate: 1M, match: { path: \'a", RUN+="sh\' } }', /expected letters, digits/],
    ['canx: { kind: can, bitrate: 1M, match: { path: "a b" } }', /expected letters, digits/],
    ['canx: { kind: can, bitrate: 1M, match: { mac: "02:00:00:00:00:01" } }', /mac/],
  ])('whose adapter nobody could tell is refused: %s', async (text, why) => {
    await expect(networkConfig(`interfaces:\n  ${text}\n`)).rejects.toThrow(why);
  });

  it('is nobody else’s concern: cards that nobody names still ask DHCP, and no interface of the boot is it', async () => {
    const facts = await factsOf();
    expect(systemNetwork(facts).said).toEqual([]);
    expect(systemNetwork(facts).spare?.map(({ name }) => name)).toEqual(['eth0']);
    expect(planLinks(facts)).toEqual([]);
    const silent = await factsOf('');
    const ordinary = (steps: ReturnType<typeof planNetworkHandover>) =>
      steps.filter((step) => !('path' in step && /can\d/.test(step.path)));
    expect(ordinary(planNetworkHandover(facts, install({ usesNetworkd: true, can: TOOLS }), true))).toEqual(
      expect.arrayContaining([...planNetworkHandover(silent, install({ usesNetworkd: true }), true)]),
    );
  });

  it.each([
    ['ip=can0:dhcp', /can0 is a CAN interface: it has no addresses/],
    ['ip=eth0:dhcp ip=can1:dhcp bootdev=can1', /can1 is a CAN interface/],
    ['bootdev=can0', /can0 is a CAN interface/],
    ['vlan=can0.5:can0', /no vlan is made of one/],
    ['bridge=br0:can0', /no bridge is made of one/],
  ])('cannot be booted from by %s', async (commandLine, why) => {
    const facts = await factsOf(TWO, commandLine);
    expect(() => planLinks(facts)).toThrow(why);
  });

  it('that nobody in the system sets up is told', async () => {
    const facts = await factsOf();
    expect(canFault(facts, install({ can: { hasUdev: false } }))).toBe(
      'nobody sets up can0, can1 (system/network.conf): the image has neither systemd-networkd nor udev',
    );
    expect(canFault(facts, install({ can: { hasUdev: true } }))).toContain('no ip of iproute2');
    expect(canFault(facts, install({ can: TOOLS }))).toBeUndefined();
    expect(canFault(facts, install({ usesNetworkd: true, can: { hasUdev: false } }))).toBeUndefined();
  });

  it('needs the ip of iproute2: that of busybox knows no CAN', async () => {
    const found = async (files: Parameters<typeof bootHost>[0]) => canTools(bootHost(files), await factsOf());
    const busybox = { type: 'symlink', target: '/bin/busybox' } as const;
    expect(
      await found({
        files: {
          [`${IMAGE}/sbin/ip`]: busybox,
          [`${IMAGE}/bin/busybox`]: '',
          [`${IMAGE}/bin/udevadm`]: '',
        },
      }),
    ).toEqual({ hasUdev: true });
    expect(await found({ files: { [`${IMAGE}/sbin/ip`]: '' } })).toEqual({ hasUdev: false, ip: '/sbin/ip' });
    expect(await canTools(bootHost(), await factsOf(''))).toBeUndefined();
  });
});
