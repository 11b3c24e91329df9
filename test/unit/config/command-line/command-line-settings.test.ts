import { describe, expect, it } from 'vitest';
import { parseCommandLine } from '../../../../src/config/command-line/command-line.ts';
import { commandLineSettings } from '../../../../src/config/command-line/command-line-settings.ts';
import { withCommandLine } from '../../../../src/config/command-line/named-arguments.ts';
import { readConfigDir } from '../../../../src/config/config-dir.ts';
import { checkSettings, effectiveOf, plainSettings } from '../../../../src/config/effective.ts';
import { settingRows } from '../../../../src/config/settings/setting-rows.ts';
import { writePath } from '../../../../src/config/tree/tree.ts';
import { withSettings } from '../../../../src/machine/delivery/with-settings.ts';
import { configHost, SHIPPED_FILES } from '../../../fixtures/config.ts';

const BELOW = {
  ...SHIPPED_FILES,
  'system/boot.conf': 'root: LABEL=mine\n',
  'system/network.conf': 'interfaces: { eth0: { acceptRa: true, dns: [10.0.0.2] } }\n',
};
const read = async () => effectiveOf(await readConfigDir(configHost(BELOW), '/config.d'), undefined);
const lineOf = (texts: readonly string[]) =>
  parseCommandLine(texts.map((text, index) => ({ origin: 'cmdline', text, line: index + 1 })));

async function look(...texts: readonly string[]) {
  const { settings: below } = await read();
  const { settings, notes, faults } = commandLineSettings(below, lineOf(texts));
  const said = settingRows(settings).flatMap(({ path, index, value, origin, removedBy }) =>
    (removedBy ?? origin)?.file === 'cmdline'
      ? [
          [
            writePath(path) + (index === undefined ? '' : `[${index}]`),
            removedBy ? 'taken out' : value,
            `${(removedBy ?? origin)?.line}:${(removedBy ?? origin)?.column}`,
          ],
        ]
      : [],
  );
  return { said, notes, faults, settings };
}

describe('a kernel command line, looked at before a boot', () => {
  it('says settings at its place, by statectl.set= and by names, quoted as the kernel wants it', async () => {
    const { said, faults } = await look(
      'quiet statectl.set=tmpfs./tmp.size=10% statectl.image=lab@2',
      '"statectl.set=etc.files={/etc/a: {text: a b}}" statectl.server=a:8080,http://b rd.net.dhcp.retry=7',
    );
    expect(faults).toEqual([]);
    expect(said).toEqual([
      ['boot.image', 'lab@2', '1:40'],
      ['boot.root', 'taken out', '1:40'],
      ['network.tries', 7, '2:80'],
      ['server.servers[0]', 'http://a:8080', '2:48'],
      ['server.servers[1]', 'http://b', '2:48'],
      ['tmpfs./tmp.size', '10%', '1:7'],
      ['etc.files./etc/a.text', 'a b', '2:1'],
    ]);
  });

  it('says interfaces', async () => {
    const { said, notes } = await look(
      'ip=10.0.0.5::10.0.0.1:24:p1:eth0:none vlan=eth0.5:eth0 ip=dhcp nameserver=10.0.0.9 BOOTIF=01-52-54-00-12-34-56',
    );
    expect(said).toEqual([
      ['network.interfaces.eth0.dhcp4', false, '1:1'],
      ['network.interfaces.eth0.dhcp6', false, '1:1'],
      ['network.interfaces.eth0.addresses[0]', '10.0.0.5/24', '1:1'],
      ['network.interfaces.eth0.gateway[0]', '10.0.0.1', '1:1'],
      ['network.interfaces.eth0.acceptRa', 'taken out', '1:1'],
      ['network.interfaces."eth0.5".kind', 'vlan', '1:39'],
      ['network.interfaces."eth0.5".id', 5, '1:39'],
      ['network.interfaces."eth0.5".link', 'eth0', '1:39'],
    ]);
    expect(notes).toEqual([
      'cmdline:1:1 ip=10.0.0.5::10.0.0.1:24:p1:eth0:none: the machine is called p1',
      'cmdline:1:56 ip=dhcp: for the interface that is booted from, {"dhcp4":true}',
      'cmdline:1:64 nameserver=10.0.0.9: of the interface that is booted from',
      'cmdline:1:84 BOOTIF=01-52-54-00-12-34-56: of the interface that is booted from',
    ]);
  });

  it('says interfaces over what it sets of them', async () => {
    const { said } = await look('"statectl.set=network.interfaces={br0: {dhcp4: false}}" bridge=br0:eth0');
    expect(said).toEqual([
      ['network.interfaces.br0.dhcp4', false, '1:57'],
      ['network.interfaces.br0.kind', 'bridge', '1:57'],
      ['network.interfaces.br0.members[0]', 'eth0', '1:57'],
      ['network.interfaces.br0.forwardDelay', '15000ms', '1:57'],
    ]);
  });

  it.each([
    ['statectl.set=bad', 'statectl.set=bad: expected statectl.set=PATH=VALUE; it is ignored'],
    [
      'quiet statectl.set=tmpfs./tmp.sise=1',
      'statectl.set=tmpfs./tmp.sise=1: cmdline:1:7 unknown key "sise": did you mean "size"?; it is ignored',
    ],
    ['ip=enp3s0', '"enp3s0" is no way to get an address'],
  ])('with a fault, %s, says it and nothing else', async (text, fault) => {
    const { said, faults } = await look(text);
    expect([said, faults]).toEqual([[], [expect.stringContaining(fault)]]);
  });

  it.each([
    'statectl.set=tmpfs./tmp.size=10% statectl.server=http://a statectl.set=server.tries=2',
    'statectl.image=lab root=LABEL=typed',
    'statectl.image=lab statectl.set=boot.keepCopy=false',
    'root=/dev/ram0 statectl.set=overlays./var={kind: tmpfs}',
    '"statectl.set=overlays./var={kind: tmpfs, size: 1M}" statectl.set=bad',
  ])('makes the same of them as a boot: %s', async (text) => {
    const effective = await read();
    if (!effective.config) throw new Error('the settings below have faults');
    const loaded = { config: effective.config, settings: plainSettings(effective) };
    const line = lineOf([text]);
    const booted = withCommandLine(await withSettings(loaded, line, { warn: () => undefined }), line);
    const { settings } = await look(text);
    const { config } = checkSettings(settings);
    expect(config).toEqual(booted);
  });
});
