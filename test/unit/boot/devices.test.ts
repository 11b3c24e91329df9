import { describe, expect, it } from 'vitest';
import { devices, planUserData, planWaits } from '../../../src/boot/phases/devices.ts';
import { BEFORE_ROOT } from '../../../src/boot/roots.ts';
import { parseMounts } from '../../../src/host/kernel/mount-table.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import { blockDevices, parseBlkid } from '../../../src/machine/facts/block-devices.ts';
import { findBlock } from '../../../src/machine/facts/disks.ts';
import { machineFacts } from '../../../src/machine/facts/machine.ts';
import { sizeInBytes } from '../../../src/machine/facts/size.ts';
import { machineHost } from '../../../src/machine/roots.ts';
import { coldplug, firstColdplug } from '../../../src/machine/steps/coldplug.ts';
import { failWithoutDrivers } from '../../../src/machine/steps/refused-drivers.ts';
import type { Step } from '../../../src/machine/steps/step.ts';
import { applyStep, locate, shellOf } from '../../../src/machine/steps/step.ts';
import { createDisk, userDataDisk } from '../../fixtures/disks/disk.ts';
import { createFacts, USER_DATA_DISK } from '../../fixtures/facts.ts';
import { bootHost } from '../../fixtures/machine.ts';

/** What a phase or a step would tell the operator. */
function listener() {
  const said: string[] = [];
  const warned: string[] = [];
  return {
    said,
    warned,
    say: (text: string) => void said.push(text),
    warn: (text: string) => void warned.push(text),
    signal: new AbortController().signal,
  };
}

describe('drivers are loaded', () => {
  /** Devices that show up behind others: each alias, once loaded, shows the next. */
  function bus(chain: readonly (readonly string[])[]) {
    let shown = 1;
    const loaded: string[][] = [];
    const host = memoryHost({
      programs: {
        sh: () => `${chain.slice(0, shown).flat().join('\n')}\n`,
        modprobe: (argv) => {
          loaded.push(argv.filter((word) => !word.startsWith('-')).slice(1));
          shown += 1;
          return '';
        },
      },
    });
    return { host, loaded };
  }

  it('in rounds until nothing new shows, each alias once', async () => {
    const { host, loaded } = bus([['pci:usb'], ['usb:hub'], ['usb:disk', 'usb:key']]);
    await coldplug(host, listener());
    expect(loaded).toEqual([['pci:usb'], ['usb:hub'], ['usb:disk', 'usb:key']]);
  });

  it('not without end: after some rounds the boot goes on and says so', async () => {
    const { host, loaded } = bus(Array.from({ length: 50 }, (_, index) => [`usb:hub${index}`]));
    const boot = listener();
    await coldplug(host, boot);
    expect(loaded).toHaveLength(6);
    expect(boot.said).toEqual(['devices still appear after 6 rounds of loading drivers']);
  });

  it('and nothing is started where nothing is there', async () => {
    const { host, loaded } = bus([[]]);
    await coldplug(host, listener());
    expect(loaded).toEqual([]);
  });
});

describe('blkid', () => {
  it('tells type, labels and UUIDs of each device', () => {
    expect(
      parseBlkid(
        'DEVNAME=/dev/sda1\nUUID=1234-ABCD\nBLOCK_SIZE=512\nTYPE=vfat\nPARTLABEL=EFI\\ System\nPARTUUID=aa-01\n\nDEVNAME=/dev/sda2\nLABEL=a=b\nTYPE=ext4\n',
      ),
    ).toEqual([
      { device: '/dev/sda1', type: 'vfat', uuid: '1234-ABCD', partlabel: 'EFI System', partuuid: 'aa-01' },
      { device: '/dev/sda2', type: 'ext4', label: 'a=b' },
    ]);
  });

  // mkfs.ext4 -L 'my lübel'; blkid -o export, util-linux 2.38
  it('writes ü as cat -v does, and ROOM-A means a room', () => {
    expect(parseBlkid('DEVNAME=d\nLABEL=my\\ lM-CM-\\<bel\n')).toEqual([{ device: 'd', label: 'my lübel' }]);
    expect(parseBlkid('DEVNAME=d\nLABEL=ROOM-A\n')).toEqual([{ device: 'd', label: 'ROOM-A' }]);
    expect(parseBlkid('DEVNAME=d\nLABEL=M-bM-^BM-,M-\\$\n')).toEqual([{ device: 'd', label: 'M-bM-^BM-,M-$' }]);
    expect(parseBlkid('DEVNAME=d\nLABEL=5M-bM-^BM-,\n')).toEqual([{ device: 'd', label: '5€' }]);
  });

  it('may find nothing at all', () => {
    expect(parseBlkid('')).toEqual([]);
    expect(parseBlkid('\n\n')).toEqual([]);
  });

  it('is asked once for all disks, and not for loops and RAM disks', async () => {
    const host = memoryHost({
      files: Object.fromEntries(
        ['loop0', 'ram1', 'zram0', 'fd0', 'sda', 'sda1', 'cciss!c0d0'].map((name) => [
          `/sys/class/block/${name}`,
          { type: 'dir' },
        ]),
      ),
      programs: { blkid: () => 'DEVNAME=/dev/sda1\nTYPE=ext4\n' },
    });
    expect(await blockDevices(host)).toEqual([
      { device: '/dev/cciss/c0d0' },
      { device: '/dev/sda' },
      { device: '/dev/sda1', type: 'ext4' },
    ]);
    expect(host.commands).toEqual(['blkid -c /dev/null -o export /dev/cciss/c0d0 /dev/sda /dev/sda1']);
  });

  it.each(['/dev/mapper/scratch', '/dev/dm-0'])('may call what is mapped %s: it has both names', async (called) => {
    const host = memoryHost({
      files: { '/sys/class/block/dm-0/dm/name': 'scratch\n', '/sys/class/block/dm-1': { type: 'dir' } },
      programs: { blkid: () => `DEVNAME=${called}\nLABEL=scratch\nTYPE=ext4\n` },
    });
    const blocks = await blockDevices(host);
    expect(blocks).toEqual([
      { device: '/dev/dm-0', mapped: '/dev/mapper/scratch', label: 'scratch', type: 'ext4' },
      { device: '/dev/dm-1' },
    ]);
    for (const name of ['LABEL=scratch', '/dev/mapper/scratch', '/dev/dm-0'])
      expect(findBlock(blocks, name)?.device).toBe('/dev/dm-0');
    expect(findBlock(blocks, '/dev/mapper/scratch2')).toBeUndefined();
  });

  it('is not started on a machine without disks', async () => {
    const host = memoryHost();
    expect(await blockDevices(host)).toEqual([]);
    expect(host.commands).toEqual([]);
  });
});

it('undoes the escapes of /proc/mounts', () => {
  expect(parseMounts('/dev/sda1 /mnt/my\\040disk\\134x ext4 rw,noatime 0 0\nproc /proc proc rw 0 0\n')).toEqual([
    { source: '/dev/sda1', target: '/mnt/my disk\\x', type: 'ext4', options: ['rw', 'noatime'] },
    { source: 'proc', target: '/proc', type: 'proc', options: ['rw'] },
  ]);
});

it.each([
  ['4096', 4096],
  ['64M', 64 * 2 ** 20],
  ['512k', 2 ** 19],
  ['2G', 2 ** 31],
  ['50%', 500_000],
  ['100%', 1_000_000],
  ['a lot', 0],
])('reads the size %s as tmpfs(5) does', (size, bytes) => {
  expect(sizeInBytes(size, 1_000_000)).toBe(bytes);
});

describe('a disk that must be there', () => {
  const waits = (facts: Parameters<typeof createFacts>[0]) =>
    planWaits(createFacts(facts)).map((step) =>
      step.kind === 'wait-for-device' ? `${step.reference} ${step.seconds}` : step.kind,
    );
  const fstab = (missing: 'degraded' | 'ignore' | 'fail') => ({
    '/user-data': { source: 'LABEL=user-data', type: 'auto' as const, options: ['noatime'], missing },
  });

  it('is waited for, once; one that may be missing is not', () => {
    expect(waits({ config: { fstab: fstab('ignore') } })).toEqual([]);
    expect(waits({ config: { fstab: fstab('degraded') } })).toEqual(['LABEL=user-data 20']);
    expect(waits({ config: { boot: { root: 'LABEL=user-data' }, fstab: fstab('fail') } })).toEqual([
      'LABEL=user-data 20',
    ]);
  });

  it('is waited for as long as rootdelay= says', () => {
    expect(waits({ commandLine: 'rootdelay=60', config: { boot: { root: '/dev/sda1' } } })).toEqual(['/dev/sda1 60']);
    expect(waits({ commandLine: 'rootdelay=soon', config: { boot: { root: '/dev/sda1' } } })).toEqual(['/dev/sda1 20']);
  });

  it('is no address of a server: nothing waits for http://', () => {
    expect(waits({ config: { boot: { root: 'http://boot.lab/image' } } })).toEqual([]);
  });

  it('is waited for visibly, and taken as soon as it shows', async () => {
    const machine = bootHost({ disks: [createDisk({ name: 'sda1', label: 'slow', afterMs: 9_000 })] });
    const boot = listener();
    await applyStep({ kind: 'wait-for-device', reference: 'LABEL=slow', seconds: 20 }, machine, boot);
    expect(machine.clock.uptimeMs()).toBe(9_000);
    expect(boot.said).toEqual(['waiting for LABEL=slow, 18 s left', 'waiting for LABEL=slow, 13 s left']);
    expect(boot.warned).toEqual([]);
  });

  it('is not waited for longer than that', async () => {
    const machine = bootHost();
    const boot = listener();
    await applyStep({ kind: 'wait-for-device', reference: 'LABEL=gone', seconds: 20 }, machine, boot);
    expect(machine.clock.uptimeMs()).toBe(20_000);
    expect(boot.warned).toEqual(['LABEL=gone did not appear in 20 s']);
  });

  const look = async (missing: 'degraded' | 'ignore' | 'fail', mountPoint = '/user-data') => {
    const boot = listener();
    const facts = createFacts({ config: { fstab: { [mountPoint]: fstab(missing)['/user-data'] } } });
    await devices.rounds.at(-2)?.gather?.(machineHost(bootHost(), BEFORE_ROOT), facts, boot);
    return boot.warned.join();
  };

  it('and is missing makes the machine degraded, loudly, or stops it, as the config chose', async () => {
    expect(await look('degraded')).toMatch(/^DEGRADED: .*LABEL=user-data.* lost at the next reboot$/);
    expect(await look('ignore')).toMatch(/^no disk for \/user-data/);
    await expect(look('fail')).rejects.toMatchObject({
      code: 'persistent-missing',
      hint: expect.stringContaining('blkid'),
    });
  });

  it('is missed as loudly when it is not the one for /user-data', async () => {
    expect(await look('degraded', '/srv')).toMatch(/^DEGRADED: the disk for \/srv /);
    expect(await look('ignore', '/srv')).toBe('');
    await expect(look('fail', '/srv')).rejects.toMatchObject({ code: 'device-missing' });
  });
});

describe('the persistent disk', () => {
  it('is checked, mounted as blkid found it, and looked at', () => {
    expect(
      planUserData(createFacts({ root: { blocks: [USER_DATA_DISK] } })).map((step) =>
        shellOf(locate(step, BEFORE_ROOT)),
      ),
    ).toEqual([
      'fsck.ext4 -p /dev/vdb || [ $? -lt 4 ]',
      'mkdir -p /run/initramfs/user-data',
      'mount -t ext4 -o noatime /dev/vdb /run/initramfs/user-data',
      "grep -qF ' /run/initramfs/user-data ext4 rw' /proc/mounts",
      'mkdir -p -m 0755 /run/initramfs/user-data/persistent',
      'mkdir -p -m 0700 /run/initramfs/user-data/persistent/statectl',
    ]);
  });

  it('is mounted unchecked where its file system looks after itself', () => {
    expect(
      planUserData(createFacts({ root: { blocks: [{ ...USER_DATA_DISK, type: 'btrfs' }] } })).map(({ kind }) => kind),
    ).not.toContain('check-filesystem');
  });

  it('is nothing on a machine without one', () => {
    expect(planUserData(createFacts())).toEqual([]);
  });

  it('is found by what the config calls it', () => {
    const blocks = [{ device: '/dev/sda' }, USER_DATA_DISK];
    for (const name of [
      'LABEL=user-data',
      '/dev/vdb',
      'UUID=0B3E27C1-8f4f-4f6c-9d0c-2f1d5d3a8e11',
      '/dev/disk/by-label/user-data',
    ])
      expect(findBlock(blocks, name)).toBe(USER_DATA_DISK);
    expect(findBlock(blocks, 'LABEL=user')).toBeUndefined();
  });
});

describe('fsck', () => {
  const check = async (status: number) => {
    const boot = listener();
    const disk = createDisk({ name: 'vdb', fsck: status });
    const step: Step = { kind: 'check-filesystem', device: '/dev/vdb', type: 'ext4' };
    await applyStep(step, bootHost({ disks: [disk] }), boot);
    return boot.warned;
  };

  it('that corrected errors is told, and the boot goes on; what is to be mounted anew is not mounted yet', async () => {
    expect(await check(0)).toEqual([]);
    for (const status of [1, 2, 3])
      expect(await check(status)).toEqual(['the ext4 on /dev/vdb had errors; they were corrected']);
  });

  it.each([4, 5, 7, 8, 12, 16, 32, 128])(
    'that left errors, or did not look, stops the boot and says what to type (%i)',
    async (status) => {
      await expect(check(status)).rejects.toMatchObject({
        code: 'filesystem-damaged',
        message: expect.stringContaining('RUN fsck MANUALLY'),
        hint: expect.stringContaining('fsck.ext4 /dev/vdb'),
      });
    },
  );
});

describe('a mount that does not become what was planned', () => {
  const look = (target: string, type: string, access: 'read-only' | 'read-write') =>
    applyStep(
      { kind: 'check-mount', target, type, access },
      memoryHost({ files: { '/proc/mounts': 'a /a ext4 rw 0 0\nb /a tmpfs ro,size=1k 0 0\n' } }),
      listener(),
    );

  it.each([
    ['/b', 'tmpfs', 'nothing is mounted on /b, expected tmpfs'],
    ['/a', 'ext4', '/a is tmpfs, expected ext4'],
    ['/a', 'tmpfs', '/a is read-only, expected read-write'],
  ])('is found: %s as %s', async (target, type, message) => {
    await expect(look(target, type, 'read-write')).rejects.toMatchObject({ code: 'mount-check', message });
  });

  it('is judged by what was mounted there last', async () => {
    await expect(look('/a', 'tmpfs', 'read-only')).resolves.toBeUndefined();
  });
});

describe('who the machine is', () => {
  const factsOf = (files: Record<string, string>) => machineFacts(memoryHost({ files }), 'digest');

  it('comes from DMI, in lower case', async () => {
    expect(
      await factsOf({
        '/sys/class/dmi/id/product_uuid': '4C4C4544-0042\n',
        '/sys/class/dmi/id/product_serial': ' 7XK \n',
      }),
    ).toMatchObject({ uuid: '4c4c4544-0042', serial: '7XK' });
  });

  it('comes from the device tree where there is no DMI', async () => {
    expect(
      await factsOf({
        '/proc/device-tree/serial-number': '10000000abcd\0',
        '/proc/device-tree/model': 'Raspberry Pi 4\0',
      }),
    ).toMatchObject({ serial: '10000000abcd', product: 'Raspberry Pi 4' });
  });

  it.each([
    'To Be Filled By O.E.M.',
    'Default string',
    'None',
    '00000000-0000-0000-0000-000000000000',
    'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF',
    '03000200-0400-0500-0006-000700080009',
    'System Serial Number',
    '0123456789',
  ])('is not %s, which thousands of machines are called', async (text) => {
    const facts = await factsOf({ '/sys/class/dmi/id/product_uuid': text, '/sys/class/dmi/id/product_serial': text });
    expect([facts.uuid, facts.serial]).toEqual([undefined, undefined]);
  });

  it('has its kernel, RAM and trusted keys', async () => {
    const files = {
      '/proc/sys/kernel/osrelease': '6.1.0-44-amd64\n',
      '/proc/meminfo': 'MemTotal:        2030120 kB\n',
      '/etc/trust/b.image.pem': 'B',
      '/etc/trust/a.image.pem': 'A',
      '/etc/trust/ca.pem': 'C',
    };
    expect(await factsOf(files)).toMatchObject({
      kernelRelease: '6.1.0-44-amd64',
      ramBytes: 2030120 * 1024,
      trustedKeys: ['A', 'B'],
      configDigest: 'digest',
    });
  });
});

it('finds its disk on a whole machine', async () => {
  const machine = bootHost({ disks: [userDataDisk()] });
  await machine.exec.run(['modprobe']);
  expect(await blockDevices(machine)).toEqual([USER_DATA_DISK]);
});

describe('drivers that the kernel refuses', () => {
  const BUSYBOX = [
    "modprobe: can't load module virtio_net (kernel/drivers/net/virtio_net.ko.zst): invalid module format",
    "modprobe: can't load module virtio_blk (kernel/drivers/block/virtio_blk.ko.zst): invalid module format",
    "modprobe: can't load module intel_pmc (kernel/drivers/platform/intel_pmc.ko.zst): No such device",
  ].join('\n');
  const KMOD = "modprobe: ERROR: could not insert 'virtio_net': Key was rejected by service\n";
  const host = (errors: string, modules: string) =>
    memoryHost({
      files: {
        '/run/initramfs/coldplug': '',
        '/run/initramfs/coldplug.started': '',
        '/run/initramfs/coldplug.errors': errors,
        '/lib/loader/loop.ko': '',
        '/lib/loader/squash-fs.ko': '',
        '/proc/modules': `loop 40960 2 - Live 0x0\nsquash_fs 81920 1 - Live 0x0\n${modules}`,
      },
    });

  it.each([
    ['of busybox', BUSYBOX, 'virtio_net: invalid module format'],
    ['of kmod', KMOD, 'virtio_net: Key was rejected by service'],
  ])('are told as such, by the words %s, where no driver was loaded', async (_, errors, reason) => {
    const boot = listener();
    await firstColdplug(host(errors, ''), boot);
    expect(boot.warned).toEqual([expect.stringContaining(`takes none of this initramfs' drivers (${reason})`)]);
    await expect(failWithoutDrivers(host(errors, ''))).rejects.toMatchObject({ code: 'drivers-refused' });
  });

  it('are why a machine has no disk for its root', async () => {
    const gather = (root?: string) =>
      devices.rounds
        .at(-2)
        ?.gather?.(
          machineHost(host(BUSYBOX, ''), BEFORE_ROOT),
          createFacts({ config: { boot: { root } } }),
          listener(),
        );
    await expect(gather('LABEL=system')).rejects.toMatchObject({ code: 'drivers-refused' });
    await gather();
  });

  it('are counted where others were loaded, and then a missing card is a missing card', async () => {
    const boot = listener();
    const some = host(BUSYBOX, 'virtio_scsi 1 0 - Live 0x0\n');
    await firstColdplug(some, boot);
    expect(boot.warned).toEqual([
      expect.stringMatching(/refuses 2 drivers of this initramfs \(virtio_net: .*virtio_blk/),
    ]);
    await failWithoutDrivers(some);
  });

  it('are not those whose hardware is not there', async () => {
    const boot = listener();
    const absent = host("modprobe: can't load module intel_pmc (kernel/x.ko): No such device\n", '');
    await firstColdplug(absent, boot);
    await failWithoutDrivers(absent);
    expect(boot.warned).toEqual([]);
  });
});
