import { describe, expect, it } from 'vitest';
import { loadFiles, SHIPPED_FILES } from '../../../fixtures/config.ts';

/** The faults of these files together, one a line. */
async function faults(files: Readonly<Record<string, string>>): Promise<string> {
  try {
    await loadFiles(files);
  } catch (error) {
    return (error as Error).message;
  }
  return 'no fault';
}

const places = (overlays: string, fstab = '', tmpfs = '') =>
  faults({ 'system/overlays.conf': overlays, 'system/fstab.conf': fstab, 'controller/tmpfs.conf': tmpfs });

describe('one mount point', () => {
  it('cannot be in tmpfs.conf and in overlays.conf', async () => {
    expect(await places('/var/tmp: {kind: ramdisk}', '', '/tmp: {}\n/var/tmp: {}')).toBe(
      'controller/tmpfs.conf:2:1 /var/tmp is in overlays.conf already',
    );
  });

  it('can be in fstab.conf as well: a disk that is there takes the place of RAM', async () => {
    expect(await faults({ ...SHIPPED_FILES, 'controller/cfstab.conf': '/home: {source: LABEL=home}' })).toBe(
      'no fault',
    );
  });

  it.each(['symlink, target: /a', 'readonly'])(
    'cannot be in fstab.conf when overlays.conf has it as %s',
    async (kind) => {
      expect(await places(`/data: {kind: ${kind}}`, '/data: {source: LABEL=data}')).toBe(
        `system/fstab.conf:1:1 nothing can be mounted there: overlays.conf has it as ${kind.split(',')[0]}`,
      );
    },
  );

  it('cannot lie below a symlink', async () => {
    expect(await places('/mail: {kind: symlink, target: /var/mail}\n/mail/new: {kind: tmpfs}')).toBe(
      'system/overlays.conf:2:1 /mail/new lies below /mail, which is a symlink',
    );
  });
});

describe('symlinks of overlays.conf', () => {
  it('cannot lead in a circle', async () => {
    expect(
      await places(
        '/a: {kind: symlink, target: /b}\n/b: {kind: symlink, target: a/x}\n/c: {kind: symlink, target: /c}',
      ),
    ).toBe(
      [
        'system/overlays.conf:1:21 /a leads in a circle, by way of /b',
        'system/overlays.conf:2:21 /b leads in a circle, by way of a/x',
        'system/overlays.conf:3:21 /c leads in a circle, by way of /c',
      ].join('\n'),
    );
  });

  it('may lead to one another, and to where the image has something', async () => {
    expect(await places('/a: {kind: symlink, target: /b/x}\n/b: {kind: symlink, target: ../var/b}')).toBe('no fault');
  });
});

describe('what is to persist', () => {
  it('needs a disk', async () => {
    const text = '/srv: {kind: overlay, upper: persistent}\n/home: {kind: bind, source: /user-data/h, missing: fail}';
    expect(await places(text)).toBe(
      'system/overlays.conf:1:23 upper: persistent needs a disk: /user-data in fstab.conf\nsystem/overlays.conf:2:43 missing: fail needs a disk: /user-data in fstab.conf',
    );
    expect(await places(text, '/user-data: {source: LABEL=a}')).toBe('no fault');
  });

  it('is said of the layer that took the disk away', async () => {
    expect(
      await faults({
        'system/overlays.conf': '/srv: {kind: overlay, upper: persistent}',
        'system/fstab.conf': '/user-data: {source: LABEL=a}',
        'controller/cfstab.conf': '~/user-data:',
      }),
    ).toBe('system/overlays.conf:1:23 upper: persistent needs a disk: /user-data in fstab.conf');
  });
});

describe('a bind', () => {
  const shown = (source: string) => `/home: {kind: bind, source: ${source}}`;

  it.each(['/user-data/home', '/srv/home', '/var/home', '/tmp/home', '/run/home'])('may show %s', async (source) => {
    expect(await places(`${shown(source)}\n/var: {kind: overlay}`, '/srv: {source: LABEL=a}', '/tmp: {}')).toBe(
      'no fault',
    );
  });

  it('cannot show what is in no file system that is writable', async () => {
    expect(await places(shown('/srv/home'))).toBe(
      'system/overlays.conf:1:21 /srv/home is neither below /user-data nor in fstab.conf, tmpfs.conf or overlays.conf: it would be read-only',
    );
  });

  it('cannot show what it hides, or itself by way of another', async () => {
    expect(await places(shown('/home/new'))).toBe('system/overlays.conf:1:21 /home would hide what it is to show');
    expect(await places('/a: {kind: bind, source: /b/x}\n/b: {kind: bind, source: /a/y}')).toBe(
      'system/overlays.conf:1:18 /a shows itself, by way of /b\nsystem/overlays.conf:2:18 /b shows itself, by way of /a',
    );
  });
});

describe('disks', () => {
  const drives = (text: string, more: Readonly<Record<string, string>> = {}) =>
    faults({ 'controller/drives.conf': text, ...more });
  const made = (type: string) => `a: {match: {type: usb}, partitions: {data: {size: rest, type: ${type}}}}`;

  it('cannot have two names', async () => {
    expect(await drives('a: {match: {id: x, type: usb}}\nb: {match: {id: x}}')).toBe(
      'controller/drives.conf:2:5 a is the same disk: tell them apart by id or serial',
    );
    expect(await drives('a: {match: {type: usb}}\nb: {match: {type: usb}}')).toBe(
      'controller/drives.conf:2:5 a is the same disk: tell them apart by id or serial',
    );
    expect(await drives('a: {match: {minSize: 2G, maxSize: 1G}}')).toContain('no disk is larger than maxSize');
  });

  it('cannot have the same label', async () => {
    expect(
      await drives(
        'a: {match: {type: usb}, partitions: {data: {size: 1G}}}\nb: {match: {type: nvme}, partitions: {data: {size: 1G}}}',
      ),
    ).toBe('controller/drives.conf:2:39 the disk a has a data, too: each label is there once');
  });

  it('are mounted as what they are made', async () => {
    const mounted = { 'system/fstab.conf': '/data: {source: LABEL=data, type: btrfs}' };
    expect(await drives(made('ext4'), mounted)).toBe('system/fstab.conf:1:29 drives.conf makes LABEL=data as ext4');
    expect(await drives(made('swap'), mounted)).toBe('system/fstab.conf:1:9 drives.conf makes LABEL=data as swap');
    expect(await drives(made('btrfs'), mounted)).toBe('no fault');
  });

  it.each([
    ['/data: {source: LABEL=data}', 'encrypted', 'no fault'],
    ['/data: {source: /dev/mapper/data}', 'encrypted', 'no fault'],
    [
      '/data: {source: PARTLABEL=data}',
      'encrypted',
      'system/fstab.conf:1:9 that is the encrypted side of data: write LABEL=data or /dev/mapper/data',
    ],
    [
      '/data: {source: /dev/mapper/data}',
      'plain',
      'system/fstab.conf:1:9 drives.conf does not encrypt data: write LABEL=data',
    ],
    [
      '/user-data: {source: LABEL=data}',
      'encrypted',
      'system/fstab.conf:1:14 drives.conf encrypts LABEL=data by a key of each boot: nothing would persist',
    ],
    [
      '/data: {source: /dev/mapper/data, type: btrfs}',
      'encrypted',
      'system/fstab.conf:1:35 drives.conf makes /dev/mapper/data as ext4',
    ],
  ])('that %s mounts and are %s: %s', async (fstab, how, fault) => {
    const type = how === 'encrypted' ? 'ext4, encrypt: ephemeral' : 'ext4';
    expect(await drives(made(type), { 'system/fstab.conf': fstab })).toBe(fault);
  });

  it('have subvolumes only as btrfs', async () => {
    const btrfs = { 'controller/btrfs.conf': 'LABEL=data: {subvolumes: {"@a": {mount: /a}}}' };
    const fault = (type: string) => `controller/btrfs.conf:1:1 there are no subvolumes on ${type}, which LABEL=data is`;
    expect(await drives(made('ext4'), btrfs)).toBe(fault('ext4'));
    expect(await drives(made('btrfs'), btrfs)).toBe('no fault');
    expect(await faults({ ...btrfs, 'system/fstab.conf': '/data: {source: LABEL=data, type: ext4}' })).toBe(
      fault('ext4'),
    );
    expect(await faults({ ...btrfs, 'system/fstab.conf': '/a: {source: LABEL=b}' })).toBe(
      'controller/btrfs.conf:1:34 /a is taken by fstab.conf',
    );
  });

  it('that are slots are not mounted', async () => {
    expect(
      await faults({
        'controller/update.chk.conf': 'slots: {kind: tree, a: PARTLABEL=a, b: PARTLABEL=b}',
        'system/fstab.conf': '/data: {source: PARTLABEL=b}',
      }),
    ).toBe('system/fstab.conf:1:9 PARTLABEL=b is a slot: it is for the system alone');
  });

  it.each([
    ['a: PARTLABEL=a, b: PARTLABEL=b', {}, 'no fault'],
    ['a: PARTLABEL=a, b: PARTLABEL=a', {}, '1:42 the backup cannot be on the partition of the other'],
    [
      'a: LABEL=a, b: PARTLABEL=b',
      {},
      '1:26 what statectl writes there has no label or UUID that stays: write PARTLABEL= or PARTUUID=',
    ],
    [
      'a: PARTLABEL=a, b: PARTLABEL=b',
      { 'controller/drives.conf': 'main: {match: {serial: S}, partitions: {a: {size: 1G, type: raw}, b: {size: 1G}}}' },
      '1:42 drives.conf makes PARTLABEL=b as ext4, and a slot is raw',
    ],
    [
      'a: PARTLABEL=a, b: PARTLABEL=b',
      { 'system/boot.conf': 'keepCopy: false' },
      '1:9 nobody says that a system started with keepCopy: false: slots on partitions need it',
    ],
  ])('that are partitions hold an image as it is: %s', async (slots, others, said) => {
    const file = 'controller/update.chk.conf';
    const found = await faults({ [file]: `slots: {kind: partition, ${slots}}`, ...others });
    expect(found).toBe(said === 'no fault' ? said : `${file}:${said}`);
  });
});

describe('a file of etc.conf', () => {
  it('cannot be a secret or a list of accounts as well', async () => {
    expect(
      await faults({
        'system/etc.conf': 'files:\n  /etc/token: {text: a}\n  /etc/passwd: {text: b}\n',
        'system/identity.conf': 'secrets: {/etc/token: {secret: "secret:a"}}',
        'system/users.conf': 'users: {ada: {}}',
      }),
    ).toBe(
      'system/etc.conf:2:3 /etc/token is made by identity.secrets: only one of them can\nsystem/etc.conf:3:3 /etc/passwd is made by users.conf: only one of them can',
    );
  });
});

describe('initrds', () => {
  it('need the kernel that they are for', async () => {
    const initrd = 'initrd: [http://c.lab/i]\n';
    expect(await faults({ 'system/boot.conf': initrd })).toBe(
      'system/boot.conf:1:1 these are the initrds of boot.kernel, which is not said',
    );
    expect(await faults({ 'system/boot.conf': initrd, 'controller/cboot.conf': 'kernel: http://c.lab/k\n' })).toBe(
      'no fault',
    );
  });
});

it('update.health names printers that there are: one that nobody knows would never be ready', async () => {
  const health = (printers: string, state = '') =>
    faults({
      'controller/update.chk.conf': `health: { printers: [${printers}] }`,
      'system/state.conf': state,
      'system/overlays.conf': '/home: { kind: tmpfs }',
    });
  const voron = 'printers: { voron: { data: /home/pi/printer_data, user: pi } }';
  expect(await health('voron', voron)).toBe('no fault');
  expect(await health('vorn', voron)).toBe(
    'controller/update.chk.conf:1:22 vorn is no printer of system/state.conf, which has voron',
  );
  expect(await health('voron')).toBe('controller/update.chk.conf:1:22 voron is no printer of system/state.conf');
});

describe('a disk that boots', () => {
  const drive = (partitions: string, boot = '') =>
    faults({
      'controller/drives.conf': `main: {match: {serial: S1}, make: empty, partitions: {${partitions}}}`,
      'system/boot.conf': boot,
    });
  const GRUB = 'grub: {size: 1M, type: raw, role: bios}';
  const ESP = 'esp: {size: 64M, type: vfat, role: efi}';

  it('has one partition of each role: of two, firmware takes the one that is not written', async () => {
    expect(await drive(`${ESP}, other: {size: 64M, type: vfat, role: efi}`)).toMatch(
      /^controller\/drives\.conf:1:\d+ esp has the role efi already: a disk has one of each$/,
    );
    expect(await drive(`${GRUB}, ${ESP}, boot: {size: 64M, role: boot}, data: {size: rest}, more: {size: 1M}`)).toMatch(
      /nothing is left/,
    );
    expect(await drive(`${GRUB}, ${ESP}, boot: {size: 64M, role: boot}, more: {size: 1M}, data: {size: rest}`)).toBe(
      'no fault',
    );
  });

  it('by GRUB has no kernel argument that GRUB cannot hand on', async () => {
    const quoted = 'arguments: ["a=\'x\'", "b=\\\\y", "c=\\"z\\""]';
    expect(await drive(`${GRUB}, ${ESP}`, quoted)).toMatch(
      /^system\/boot\.conf:1:13 GRUB, which the drive main has .* write it without\nsystem\/boot\.conf:1:\d+ GRUB, [^\n]*$/,
    );
    expect(await drive(ESP, quoted)).toBe('no fault');
  });
});
