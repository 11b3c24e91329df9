import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mount } from '../../../../src/boot/phases/mount.ts';
import { planAll } from '../../../../src/boot/plan-all.ts';
import { BEFORE_ROOT } from '../../../../src/boot/roots.ts';
import type { OverlayEntry } from '../../../../src/config/config.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import type { Facts } from '../../../../src/machine/facts/facts.ts';
import { planInstall } from '../../../../src/machine/install/plan-install.ts';
import { IMAGE_MOUNT } from '../../../../src/machine/paths.ts';
import {
  layoutPaths,
  missingMountPoints,
  mountOrder,
  planLayout,
  planSkeleton,
} from '../../../../src/machine/places/layout.ts';
import { places } from '../../../../src/machine/places/places.ts';
import { machineHost } from '../../../../src/machine/roots.ts';
import type { Step } from '../../../../src/machine/steps/step.ts';
import { shellOf } from '../../../../src/machine/steps/step.ts';
import { createConfig } from '../../../fixtures/config.ts';
import { createFacts, createTree, USER_DATA_DISK } from '../../../fixtures/facts.ts';

type Overlays = Readonly<Record<string, OverlayEntry>>;

/** The commands that mount these places, with a disk for /user-data or without. */
function commandsFor(
  overlays: Overlays,
  { disk = false, tree = {} }: { readonly disk?: boolean; readonly tree?: Parameters<typeof createTree>[1] } = {},
): readonly string[] {
  const config = createConfig({ overlays, tmpfs: {} });
  const layout = planLayout({ config }, createTree(config, tree), disk);
  return mountOrder(config, [...layout.keys()]).flatMap((mountPoint) => (layout.get(mountPoint) ?? []).map(shellOf));
}

/** All that the mount phase does. */
const mountSteps = (facts: Facts): readonly Step[] => mount.rounds.flatMap(({ plan }) => plan?.(facts) ?? []);

describe('a writable place', () => {
  it('of kind tmpfs is empty RAM', () => {
    expect(
      commandsFor({ '/srv': { kind: 'tmpfs', skeleton: false, size: '10%', mode: 0o750, options: ['nodev'] } }),
    ).toEqual(['mount -t tmpfs -o nodev,mode=750,size=10% tmpfs /srv', "grep -qF ' /srv tmpfs rw' /proc/mounts"]);
  });

  it('of kind tmpfs with a skeleton has the directories and links of the image', () => {
    const commands = commandsFor({ '/var': { kind: 'tmpfs', skeleton: true, size: '50%', options: [] } });
    expect(commands[0]).toBe('mount -t tmpfs -o mode=755,size=50% tmpfs /var');
    expect(commands[1]).toContain('cd /run/statectl/image/var && find .');
  });

  it('of kind ramdisk begins as a copy of the image', () => {
    expect(commandsFor({ '/etc': { kind: 'ramdisk', size: '64M', options: ['nosuid'] } })).toEqual([
      'mount -t tmpfs -o nosuid,mode=755,size=64M tmpfs /etc',
      'cp -a /run/statectl/image/etc/. /etc/',
      "grep -qF ' /etc tmpfs rw' /proc/mounts",
    ]);
  });

  it('of kind overlay has its changes in RAM', () => {
    expect(commandsFor({ '/var': { kind: 'overlay', upper: 'ram', size: '50%' } })).toEqual([
      'mkdir -p -m 0755 /run/statectl/upper/var',
      'mount -t tmpfs -o mode=755,size=50% tmpfs /run/statectl/upper/var',
      'mkdir -p -m 0755 /run/statectl/upper/var/upper',
      'mkdir -p -m 0755 /run/statectl/upper/var/work',
      'mount -t overlay -o lowerdir=/run/statectl/image/var,upperdir=/run/statectl/upper/var/upper,workdir=/run/statectl/upper/var/work,redirect_dir=off,metacopy=off,index=off,xino=off overlay /var',
      "grep -qF ' /var overlay rw' /proc/mounts",
    ]);
  });

  it('of kind overlay has its changes on the disk, where the config wants them to persist', () => {
    const overlays: Overlays = { '/var': { kind: 'overlay', upper: 'persistent', size: '50%' } };
    const commands = commandsFor(overlays, { disk: true });
    expect(commands.join('\n')).toContain(
      'upperdir=/user-data/persistent/var/upper,workdir=/user-data/persistent/var/work',
    );
    expect(commands.join('\n')).not.toContain('tmpfs');
    expect(commandsFor(overlays)[1]).toContain('tmpfs');
  });

  it('of kind overlay belongs to whom the image says: a database keeps its directory', () => {
    const owners = { '/var/lib/postgresql': { mode: 0o700, uid: 104, gid: 111 } };
    const overlays: Overlays = { '/var/lib/postgresql': { kind: 'overlay', upper: 'ram', size: '50%' } };
    expect(commandsFor(overlays, { tree: { owners } }).slice(2, 4)).toEqual([
      'mkdir -p -m 0700 /run/statectl/upper/var/lib/postgresql/upper',
      'chown 104:111 /run/statectl/upper/var/lib/postgresql/upper',
    ]);
  });

  it('of kind overlay on the disk is given to its owner once, and not again when it was given to another', () => {
    const owners = { '/srv': { mode: 0o755, uid: 104, gid: 111 } };
    const overlays: Overlays = { '/srv': { kind: 'overlay', upper: 'persistent', size: '50%' } };
    const chown = (emptySources: readonly string[]) =>
      commandsFor(overlays, { disk: true, tree: { owners, emptySources } }).filter((command) =>
        command.startsWith('chown'),
      );
    expect(chown(['/user-data/persistent/srv/upper'])).toHaveLength(1);
    expect(chown([])).toHaveLength(0);
  });

  it('of kind bind is a directory of /user-data, with the options of the config', () => {
    const source = '/user-data/persistent/local/home';
    expect(commandsFor({ '/home': { kind: 'bind', source, missing: 'ram', options: [] } })).toEqual([
      'mkdir -p -m 0755 /user-data/persistent/local/home',
      'mount -o bind /user-data/persistent/local/home /home',
    ]);
    // mount(2) ignores the options of a bind; only a remount sets them.
    expect(
      commandsFor({ '/home': { kind: 'bind', source, missing: 'ram', options: ['nosuid', 'nodev'] } }).at(-1),
    ).toBe('mount -o remount,bind,nosuid,nodev /user-data/persistent/local/home /home');
  });

  it('of kind bind gives its mode to the directory, not to those above it', () => {
    const commands = commandsFor({
      '/srv': { kind: 'bind', source: '/user-data/persistent/a/b', missing: 'ram', mode: 0o700, options: [] },
    });
    expect(commands.slice(0, 2)).toEqual([
      'mkdir -p -m 0755 /user-data/persistent/a',
      'mkdir -p -m 0700 /user-data/persistent/a/b',
    ]);
  });

  it('of kind readonly shows what the image has, within a place that is writable', () => {
    expect(commandsFor({ '/var/lib/dpkg': { kind: 'readonly' } })).toEqual([
      'mount -o bind /run/statectl/image/var/lib/dpkg /var/lib/dpkg',
      'mount -o remount,bind,ro /run/statectl/image/var/lib/dpkg /var/lib/dpkg',
    ]);
  });

  it('of kind symlink is in the image already', () => {
    expect(commandsFor({ '/usr/tmp': { kind: 'symlink', target: '../var/tmp' } })).toEqual([]);
  });
});

describe('an empty source of a bind', () => {
  const source = '/user-data/persistent/local/root';
  const overlays: Overlays = { '/root': { kind: 'bind', source, missing: 'ram', mode: 0o700, options: [] } };

  it('is filled with what the image has, on a disk as a whole or not at all', () => {
    expect(commandsFor(overlays, { disk: true, tree: { emptySources: [source] } })).toEqual([
      `mkdir -p -m 0700 ${source}`,
      `rm -rf ${source}.seed`,
      `mkdir -p -m 0700 ${source}.seed`,
      `cp -a /run/statectl/image/root/. ${source}.seed/`,
      `mv -T ${source}.seed ${source}`,
      `mount -o bind ${source} /root`,
    ]);
  });

  it('in RAM is filled at once', () => {
    expect(commandsFor(overlays, { tree: { emptySources: [source] } })).toContain(
      `cp -a /run/statectl/image/root/. ${source}/`,
    );
  });

  it('that is not empty is left alone', () => {
    expect(commandsFor(overlays, { disk: true }).join()).not.toContain('cp -a');
  });
});

describe('what the image lacks', () => {
  it('is made in the writable place around it', () => {
    const commands = commandsFor(
      {
        '/var': { kind: 'overlay', upper: 'ram', size: '50%' },
        '/var/lib/new': { kind: 'tmpfs', skeleton: false, size: '5%', options: [] },
      },
      { tree: { paths: { '/var/lib/new': 'missing' } } },
    );
    expect(commands.indexOf('mkdir -p -m 0755 /var/lib/new')).toBe(
      commands.findIndex((command) => command.endsWith(' /var/lib/new')),
    );
    expect(commands.findIndex((command) => command.endsWith('overlay /var'))).toBeLessThan(
      commands.indexOf('mkdir -p -m 0755 /var/lib/new'),
    );
  });

  it('is made in what begins empty, though the image has it', () => {
    const commands = commandsFor({
      '/var': { kind: 'tmpfs', skeleton: false, size: '50%', options: [] },
      '/var/lib/dpkg': { kind: 'ramdisk', size: '32M', options: [] },
    });
    const [made, mounted] = [
      'mkdir -p -m 0755 /var/lib/dpkg',
      'mount -t tmpfs -o mode=755,size=32M tmpfs /var/lib/dpkg',
    ];
    expect(commands).toContain(made);
    expect(commands.indexOf(made)).toBeLessThan(commands.indexOf(mounted));
  });

  it('is not copied, and an empty directory lies below its overlay', () => {
    const paths = { '/a': 'missing', '/b': 'missing', '/c': 'missing' } as const;
    const commands = commandsFor(
      {
        '/a': { kind: 'ramdisk', size: '5%', options: [] },
        '/b': { kind: 'overlay', upper: 'ram', size: '5%' },
        '/c': { kind: 'bind', source: '/user-data/c', missing: 'ram', options: [] },
      },
      { tree: { paths, emptySources: ['/user-data/c'] } },
    );
    expect(commands.join('\n')).not.toContain(`${IMAGE_MOUNT}/`);
    expect(commands.join('\n')).toContain('lowerdir=/run/statectl/upper/b/lower,');
  });

  it('comes from a skeleton below the image, which writes nothing and changes nothing of the image', () => {
    const config = createConfig();
    const tree = createTree(config, {
      paths: { '/user-data': 'missing', '/usr/tmp': 'missing', '/var/tmp': 'missing' },
    });
    expect(missingMountPoints(config, tree)).toEqual(['/user-data', '/usr/tmp']);
    expect(planSkeleton(config, tree).map(shellOf)).toEqual([
      'mount -t tmpfs -o size=1m,mode=755,nosuid,nodev skeleton /run/initramfs/skeleton',
      'mkdir -p -m 0755 /run/initramfs/skeleton/user-data',
      'mkdir -p -m 0755 /run/initramfs/skeleton/usr/tmp',
      'mount -t overlay -o ro,lowerdir=/run/statectl/image:/run/initramfs/skeleton root /',
      "grep -qF ' / overlay ro' /proc/mounts",
    ]);
  });

  it('and `statectl` comes in the same way into the folder that every PATH has, where the image has no link', () => {
    const facts = createFacts({ root: { tree: { commandFolder: '/usr/bin' } } });
    expect(mountSteps(facts).map(shellOf)).toEqual(
      expect.arrayContaining([
        'mkdir -p -m 0755 /run/initramfs/skeleton/usr/bin',
        'ln -sfT /run/statectl/rt/statectl /run/initramfs/skeleton/usr/bin/statectl',
        'mount -t overlay -o ro,lowerdir=/run/statectl/image:/run/initramfs/skeleton root /',
      ]),
    );
  });

  it.each(['/usr', '/usr/bin'])('or into a writable %s, which covers the root', (place) => {
    const overlays = { [place]: { kind: 'overlay', upper: 'ram', size: '10%' } } as const;
    const facts = createFacts({ config: { overlays }, root: { tree: { commandFolder: '/usr/bin' } } });
    expect(planSkeleton(facts.config, facts.root.tree!)).toEqual([]);
    expect(planInstall(facts).map(shellOf)).toContain('ln -sfT /run/statectl/rt/statectl /usr/bin/statectl');
  });

  it.each([
    ['that Debian has', { '/usr/bin': { type: 'dir' }, '/bin': { target: 'usr/bin' } }, '/usr/bin'],
    ['of a busybox alone', { '/bin': { type: 'dir' } }, '/bin'],
    ['that is a link', { '/usr': { target: '.' }, '/bin': { type: 'dir' } }, '/bin'],
    ['with the link of the builder', { '/usr/bin/statectl': { target: '/run/statectl/rt/statectl' } }, undefined],
  ] as const)('looks for a folder of programs %s', async (_title, image, folder) => {
    const files = Object.fromEntries(Object.entries(image).map(([path, seed]) => [IMAGE_MOUNT + path, seed]));
    const facts = createFacts({ config: { overlays: {}, tmpfs: {} } });
    const boot = { say: () => {}, warn: () => {}, signal: new AbortController().signal };
    const { root } =
      (await mount.rounds[1]?.gather?.(machineHost(memoryHost({ files }), BEFORE_ROOT), facts, boot)) ?? {};
    expect(root?.tree?.commandFolder).toBe(folder);
  });

  it('needs no skeleton when the image has everything', () => {
    const facts = createFacts();
    expect(planSkeleton(facts.config, facts.root.tree!)).toEqual([]);
    expect(mountSteps(facts).map(shellOf)).toContain('mount -o bind /run/statectl/image /');
  });
});

it('leaves a link of the image alone: mounting over it would land outside the root', () => {
  expect(
    commandsFor(
      { '/usr/tmp': { kind: 'tmpfs', skeleton: false, size: '5%', options: [] } },
      { tree: { paths: { '/usr/tmp': 'symlink' } } },
    ),
  ).toEqual([]);
});

it('mounts the shipped layout over the root, parents first, and looks at each mount afterwards', () => {
  const mounts = planAll([mount], createFacts({ root: { blocks: [USER_DATA_DISK] } })).flatMap(({ step }) =>
    step.kind === 'mount' || step.kind === 'check-mount' ? [step] : [],
  );
  expect(mounts.map(shellOf).join('\n')).toMatchInlineSnapshot(`
    "mount -t squashfs -o ro,loop /run/initramfs/user-data/persistent/images/6128c8536953137771ac3ce7587f408d95315f834efafba33f830538fbb41f50/root.squashfs /run/statectl/image
    grep -qF ' /run/statectl/image squashfs ro' /proc/mounts
    mount -o bind /run/statectl/image /sysroot
    mount --move /run/initramfs/user-data /sysroot/user-data
    mount -t tmpfs -o nosuid,nodev,mode=755,size=64M tmpfs /sysroot/etc
    grep -qF ' /sysroot/etc tmpfs rw' /proc/mounts
    mount -o bind /sysroot/user-data/persistent/local/home /sysroot/home
    mount -o bind /sysroot/user-data/persistent/local/media /sysroot/media
    mount -o bind /sysroot/user-data/persistent/local/mnt /sysroot/mnt
    mount -o bind /sysroot/user-data/persistent/local/root /sysroot/root
    mount -t tmpfs -o noexec,nosuid,nodev,mode=1777,size=50% tmpfs /sysroot/tmp
    grep -qF ' /sysroot/tmp tmpfs rw' /proc/mounts
    mount -t tmpfs -o noexec,nosuid,nodev,mode=1777,size=10% tmpfs /sysroot/usr/tmp
    grep -qF ' /sysroot/usr/tmp tmpfs rw' /proc/mounts
    mount -t tmpfs -o mode=755,size=50% tmpfs /run/statectl/upper/var
    mount -t overlay -o lowerdir=/run/statectl/image/var,upperdir=/run/statectl/upper/var/upper,workdir=/run/statectl/upper/var/work,redirect_dir=off,metacopy=off,index=off,xino=off overlay /sysroot/var
    grep -qF ' /sysroot/var overlay rw' /proc/mounts
    mount -t tmpfs -o noexec,nosuid,nodev,mode=1777,size=25% tmpfs /sysroot/var/tmp
    grep -qF ' /sysroot/var/tmp tmpfs rw' /proc/mounts"
  `);
});

describe('a disk of fstab.conf', () => {
  const DATA = { device: '/dev/vdc1', type: 'ext4', label: 'data' };
  const entry = { source: 'LABEL=data', type: 'auto', options: ['noatime'], missing: 'degraded' } as const;
  const { overlays } = createConfig();
  const targets = (facts: Facts) =>
    mountSteps(facts).flatMap((step) => (step.kind === 'mount' ? [`${step.source} ${step.target}`] : []));

  it('is checked, mounted as what blkid found, and looked at', () => {
    const facts = createFacts({ root: { blocks: [DATA] }, config: { fstab: { '/srv': entry } } });
    expect(mountSteps(facts).map(shellOf)).toEqual(
      expect.arrayContaining([
        'fsck.ext4 -p /dev/vdc1 || [ $? -lt 4 ]',
        'mount -t ext4 -o noatime /dev/vdc1 /srv',
        "grep -qF ' /srv ext4 rw' /proc/mounts",
      ]),
    );
  });

  it('inside a writable place is mounted after it, in a directory that is made there', () => {
    const facts = createFacts({
      root: { blocks: [DATA], tree: { paths: { '/var/lib/klipper': 'missing' } } },
      config: { fstab: { '/var/lib/klipper': entry } },
    });
    const there = targets(facts);
    expect(there.indexOf('overlay /var')).toBeLessThan(there.indexOf('/dev/vdc1 /var/lib/klipper'));
    expect(mountSteps(facts)).toContainEqual({ kind: 'mkdir', path: '/var/lib/klipper', mode: 0o755 });
  });

  it('takes the place of an overlay of the same name, which stays where the disk is missing', () => {
    const config = { fstab: { '/home': entry } };
    expect(
      targets(createFacts({ root: { blocks: [DATA] }, config })).filter((text) => text.endsWith(' /home')),
    ).toEqual(['/dev/vdc1 /home']);
    expect(targets(createFacts({ config })).filter((text) => text.endsWith(' /home'))).toEqual([
      '/user-data/persistent/local/home /home',
    ]);
  });

  it('is mounted before a bind of one of its directories', () => {
    const facts = createFacts({
      root: { blocks: [DATA] },
      config: {
        fstab: { '/srv': entry },
        overlays: { ...overlays, '/home': { kind: 'bind', source: '/srv/home', missing: 'ram', options: [] } },
      },
    });
    const there = targets(facts);
    expect(there.indexOf('/dev/vdc1 /srv')).toBeLessThan(there.indexOf('/srv/home /home'));
  });
});

it('refuses a copy that cannot fit before it begins, with both sizes', () => {
  const plan = () => mountSteps(createFacts({ root: { tree: { ramdiskBytes: { '/etc': 65 * 2 ** 20 } } } }));
  expect(plan).toThrow(
    expect.objectContaining({
      code: 'ramdisk-too-small',
      message: expect.stringMatching(/68157440 .* 67108864 /),
      hint: expect.stringContaining('/etc'),
    }),
  );
});

it('refuses to boot into RAM what must persist', () => {
  const overlays: Overlays = {
    '/home': { kind: 'bind', source: '/user-data/persistent/local/home', missing: 'fail', options: [] },
  };
  expect(() => mountSteps(createFacts({ config: { overlays } }))).toThrow(
    expect.objectContaining({ code: 'persistent-missing' }),
  );
  expect(() => mountSteps(createFacts({ config: { overlays }, root: { blocks: [USER_DATA_DISK] } }))).not.toThrow();
});

describe('whatever places a config has', () => {
  const path = fc
    .array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 })
    .map((parts) => `/${parts.join('/')}`);
  const overlay: fc.Arbitrary<OverlayEntry> = fc.oneof(
    fc.constant({ kind: 'tmpfs', skeleton: false, size: '5%', options: [] } as const),
    fc.constant({ kind: 'ramdisk', size: '5%', options: [] } as const),
    fc
      .constantFrom('ram', 'persistent')
      .map((upper) => ({ kind: 'overlay', upper: upper as 'ram' | 'persistent', size: '5%' }) as const),
    path.map((source) => ({ kind: 'bind', source: `/user-data${source}`, missing: 'ram', options: [] }) as const),
  );
  const layout = fc.record({ overlays: fc.dictionary(path, overlay), disk: fc.boolean(), missing: fc.array(path) });

  it('mounts what is around a place before it, and makes or has every mount point', () => {
    fc.assert(
      fc.property(layout, ({ overlays, disk, missing }) => {
        const config = createConfig({ overlays, tmpfs: {}, fstab: {} });
        const tree = createTree(config, {
          paths: Object.fromEntries(missing.filter((name) => name in overlays).map((name) => [name, 'missing'])),
        });
        const there = new Set(
          layoutPaths(config).filter(
            (name) => tree.paths[name] === 'dir' || missingMountPoints(config, tree).includes(name),
          ),
        );
        const mounted: string[] = [];
        const plan = planLayout({ config }, tree, disk);
        for (const mountPoint of mountOrder(config, [...plan.keys()]))
          for (const step of plan.get(mountPoint) ?? []) {
            if (step.kind === 'mkdir') there.add(step.path);
            if (step.kind !== 'mount' || step.target.startsWith('/run/')) continue;
            expect(there).toContain(step.target);
            expect(mounted.filter((other) => other.startsWith(`${step.target}/`))).toEqual([]);
            mounted.push(step.target);
          }
        expect(mounted).toHaveLength(Object.keys(overlays).length);
      }),
      { numRuns: 300 },
    );
  });

  it('reports as persistent only what lies on the disk', () => {
    fc.assert(
      fc.property(layout, ({ overlays }) => {
        expect(places(createConfig({ overlays }), false).filter(({ persistent }) => persistent)).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });
});
