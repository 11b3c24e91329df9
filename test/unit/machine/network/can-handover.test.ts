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
