import { describe, expect, it } from 'vitest';
import { networkServices } from '../../../../src/machine/network/network-services.ts';
import { createConfig } from '../../../fixtures/config.ts';
import { bootHost } from '../../../fixtures/machine.ts';

const IMAGE = '/run/statectl/image';
const look = (
  files: Readonly<Record<string, string>>,
  services: Readonly<Record<string, 'enabled' | 'disabled'>> = {},
) => networkServices(bootHost({ files }).files, createConfig({ services: { services } }));
const WANTS = `${IMAGE}/etc/systemd/system/multi-user.target.wants`;

describe('who sets up the network of the system', () => {
  it('is networkd where the image starts it, unless config.d says otherwise', async () => {
    const files = { [`${WANTS}/systemd-networkd.service`]: '' };
    expect(await look(files)).toMatchObject({ usesNetworkd: true });
    expect(await look(files, { 'systemd-networkd': 'disabled' })).toMatchObject({ usesNetworkd: false });
    expect(await look({}, { 'systemd-networkd.service': 'enabled' })).toMatchObject({ usesNetworkd: true });
  });

  it.each([
    `${WANTS}/NetworkManager.service`,
    `${WANTS}/dhcpcd.service`,
    `${IMAGE}/etc/runlevels/default/dhcpcd`,
    `${IMAGE}/etc/runlevels/boot/connman`,
    `${IMAGE}/etc/rc2.d/S03dhcpcd`,
  ])('is another one by %s', async (path) => {
    expect(await look({ [path]: '' })).toMatchObject({ usesNetworkd: false, hasOtherNetworkService: true });
  });

  it('is not one that only lies there', async () => {
    const found = await look({ [`${IMAGE}/usr/sbin/dhcpcd`]: '', [`${IMAGE}/etc/rc2.d/K01dhcpcd`]: '' });
    expect(found).not.toHaveProperty('hasOtherNetworkService');
  });

  it('is ifupdown, whose file may say nothing of cards, or not read what the boot writes', async () => {
    const ifup = { [`${IMAGE}/usr/sbin/ifup`]: '' };
    const interfaces = (text: string) => look({ ...ifup, '/etc/network/interfaces': text });
    expect((await look(ifup)).ifupdown).toEqual({
      hasCards: false,
      withSource: 'auto lo\niface lo inet loopback\n\nsource-directory /etc/network/interfaces.d\n',
    });
    expect((await interfaces('source /etc/network/interfaces.d/*\n')).ifupdown).toEqual({ hasCards: false });
    expect((await interfaces('auto eth0\niface eth0 inet dhcp\nsource-directory interfaces.d\n')).ifupdown).toEqual({
      hasCards: true,
    });
    expect((await interfaces('auto lo\niface lo inet loopback\n')).ifupdown?.withSource).toBe(
      'auto lo\niface lo inet loopback\n\nsource-directory /etc/network/interfaces.d\n',
    );
    const own = { ...ifup, '/etc/network/interfaces.d/lan': 'iface lan0 inet dhcp\n' };
    expect((await look(own)).ifupdown?.hasCards).toBe(true);
    // What an earlier boot wrote into a persistent /etc is not the image's.
    const earlier = { ...ifup, '/etc/network/interfaces.d/statectl-eth0': 'iface eth0 inet dhcp\n' };
    expect((await look(earlier)).ifupdown?.hasCards).toBe(false);
  });
});
