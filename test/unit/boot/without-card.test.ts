import { expect, it } from 'vitest';
import { boot, EXIT } from '../../../src/boot/boot.ts';
import { BOOT_RECORD, FACTS } from '../../../src/machine/paths.ts';
import { type Disk, userDataDisk } from '../../fixtures/disks/disk.ts';
import { createImage, createServer } from '../../fixtures/image/image.ts';
import { bootHost, type MachineOptions, SERVER } from '../../fixtures/machine.ts';

const IMAGE = createImage({ sizeBytes: 20_000 });
const SERVED: MachineOptions = { images: [IMAGE], servers: { [SERVER]: createServer(IMAGE) } };
const REFUSED = "could not insert 'virtio_net': Invalid module format\n";

async function withCopy(): Promise<readonly Disk[]> {
  const disks = [userDataDisk()];
  expect(await boot(bootHost({ ...SERVED, disks }))).toBe(EXIT.handOver);
  return disks;
}

it.each<readonly [string, MachineOptions, RegExp]>([
  [
    'has no network card',
    { cards: {} },
    /there is no wired network interface to use: there are none: trying another way/,
  ],
  [
    'has not the card that its command line names',
    { commandLine: 'ip=eth7:dhcp' },
    /ip= names eth7, but there is no such interface: there is eth0 .*: trying another way/,
  ],
  [
    'has not a card that config.d wants in the initramfs, nor what lies over it',
    {
      config: {
        'system/network.conf':
          'interfaces: { eth7: { initramfs: true }, lab: { kind: vlan, id: 7, link: eth7, initramfs: true } }\n',
      },
    },
    /eth7 is to be set up, but there is no such interface/,
  ],
  [
    'has a card whose driver the kernel refuses',
    { cards: {}, files: { '/run/initramfs/coldplug.errors': REFUSED } },
    /there is no wired network interface to use/,
  ],
])('a machine with a copy of its image boots it where it %s', async (_what, options, told) => {
  const disks = await withCopy();
  const machine = bootHost({ ...SERVED, disks, ...options });
  expect(await boot(machine)).toBe(EXIT.handOver);
  expect(JSON.parse(await machine.files.readText(BOOT_RECORD))).toMatchObject({
    source: 'copy',
    warnings: expect.arrayContaining([expect.stringMatching(told)]),
  });
});

it.each<readonly [string, MachineOptions]>([
  ['no network card', { cards: {} }],
  ['a card that the command line does not name', { commandLine: 'ip=eth7:dhcp' }],
])('without a copy it does not boot with %s, and says what is there', async (_what, options) => {
  const machine = bootHost({ ...SERVED, disks: [userDataDisk()], ...options });
  expect(await boot(machine)).toBe(EXIT.rescue);
  expect(JSON.parse(await machine.files.readText(FACTS)).network).not.toHaveProperty('missing');
});
