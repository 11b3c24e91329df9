import { describe, expect, test } from 'vitest';
import { type MemoryHostOptions, memoryHost } from '../../../../src/host/memory.ts';
import { enableNetworkd } from '../../../../src/image/tree/network-service.ts';
import { scrubTree } from '../../../../src/image/tree/scrub.ts';
import { markUpdated } from '../../../../src/image/tree/update-marks.ts';

type Seeds = NonNullable<MemoryHostOptions['files']>;

/** A host with a tree in /tree, and with files of its own. */
const hostWith = (tree: Seeds, own: Seeds = {}) =>
  memoryHost({
    files: {
      ...own,
      '/tree/etc/os-release': '',
      ...Object.fromEntries(Object.entries(tree).map(([path, seed]) => [`/tree${path}`, seed])),
    },
  });

const scrubbed = async (tree: Seeds, own?: Seeds) => {
  const host = hostWith(tree, own);
  await scrubTree(host, '/tree');
  return host.files;
};

describe('a scrubbed tree', () => {
  test('has nothing that is one machine’s own', async () => {
    const unique = [
      ...['/etc/hostname', '/etc/ssh/ssh_host_ed25519_key', '/etc/ssh/ssh_host_ed25519_key.pub'],
      ...[
        '/var/lib/systemd/random-seed',
        '/var/lib/systemd/credential.secret',
        '/root/.bash_history',
        '/etc/shadow-',
        '/vmlinuz.old',
        '/etc/resolv.conf',
      ],
    ];
    const kept = ['/etc/ssh/sshd_config', '/etc/shadow', '/root/.profile', '/var/lib/systemd/pstore'];
    const files = await scrubbed(Object.fromEntries([...unique, ...kept].map((path) => [path, 'x'])));
    for (const path of unique) expect(await files.stat(`/tree${path}`), path).toBeUndefined();
    for (const path of kept) expect(await files.readText(`/tree${path}`), path).toBe('x');
  });

  test('has an empty machine-id, which dbus shares', async () => {
    const files = await scrubbed({ '/etc/machine-id': 'cafe', '/var/lib/dbus/machine-id': 'cafe' });
    expect(await files.stat('/tree/etc/machine-id')).toMatchObject({ type: 'file', sizeBytes: 0, mode: 0o444 });
    expect(await files.readlink('/tree/var/lib/dbus/machine-id')).toBe('/etc/machine-id');
  });

  test('has localhost in /etc/hosts where the tree has none, and else what the tree says', async () => {
    const hosts = async (seeds: Seeds) => (await scrubbed(seeds)).readText('/tree/etc/hosts');
    const nothing: readonly Seeds[] = [{}, { '/etc/hosts': '' }, { '/etc/hosts': '# by docker\n\n' }];
    for (const seeds of nothing) expect(await hosts(seeds)).toContain('127.0.0.1\tlocalhost\n::1\tlocalhost');
    expect(await hosts({ '/etc/hosts': { target: '/run/hosts' } })).toContain('localhost');
    expect(await hosts({ '/etc/hosts': '10.0.0.1 nas\n' })).toBe('10.0.0.1 nas\n');
  });

  test('is marked as set up where it is, so that systemd does not do it again at each boot', async () => {
    const system = { '/usr/lib/systemd/system/x.service': '', '/etc/passwd': 'x' };
    const marks = async (seeds: Seeds) => {
      const host = hostWith(seeds);
      await markUpdated(host, '/tree');
      const has = async (path: string) => (await host.files.stat(`/tree${path}/.updated`)) !== undefined;
      return [await has('/etc'), await has('/var')];
    };
    expect(await marks(system)).toEqual([true, true]);
    expect(await marks({ ...system, '/sbin/ldconfig': '' })).toEqual([false, true]);
    expect(await marks({ ...system, '/sbin/ldconfig': '', '/etc/ld.so.cache': '' })).toEqual([true, true]);
    const catalog = { '/usr/lib/systemd/catalog/systemd.catalog': '' };
    expect(await marks({ ...system, ...catalog })).toEqual([true, false]);
    expect(await marks({ ...system, ...catalog, '/var/lib/systemd/catalog/database': '' })).toEqual([true, true]);
    expect(await marks({ '/usr/lib/systemd/system/x.service': '' })).toEqual([false, true]);
    expect(await marks({ '/sbin/openrc': '', '/etc/passwd': 'x' })).toEqual([false, false]);
  });

  test('has the machine-id itself where that was a link', async () => {
    const files = await scrubbed({ '/etc/machine-id': { target: '/var/lib/dbus/machine-id' } });
    expect(await files.stat('/tree/etc/machine-id')).toMatchObject({ type: 'file', sizeBytes: 0 });
  });

  test('has an empty fstab, which Debian’s dhclient reads', async () => {
    const trees: readonly Seeds[] = [{ '/etc/fstab': 'LABEL=old / ext4' }, {}];
    for (const seeds of trees) {
      const files = await scrubbed(seeds);
      expect(await files.stat('/tree/etc/fstab')).toMatchObject({ type: 'file', sizeBytes: 0, mode: 0o644 });
    }
  });

  test('keeps the folders of logs, which daemons do not make, without their files', async () => {
    const files = await scrubbed({
      '/var/log/nginx/access.log': 'x',
      '/var/log/dpkg.log': 'x',
      '/var/log/journal/cafe/system.journal': 'x',
    });
    expect(await files.list('/tree/var/log')).toEqual(['journal', 'nginx']);
    expect(await files.list('/tree/var/log/nginx')).toEqual([]);
    expect(await files.list('/tree/var/log/journal')).toEqual([]);
  });

  test('has the mount points of the layout, with their modes', async () => {
    const files = await scrubbed({});
    expect(await files.stat('/tree/user-data')).toMatchObject({ type: 'dir', mode: 0o755 });
    expect(await files.stat('/tree/usr/tmp')).toMatchObject({ type: 'dir', mode: 0o1777 });
    expect(await files.stat('/tree/root')).toMatchObject({ type: 'dir', mode: 0o700 });
  });

  test('costs the builder nothing where the tree’s folders are links', async () => {
    const own = { '/tmp/mine': 'x', '/run/mine': 'x', '/data/boot/mine': 'x' };
    const links = {
      '/var/tmp': { target: '/tmp' },
      '/var/run': { target: '/run' },
      '/boot': { target: '/data/boot' },
      '/tmp/theirs': 'x',
    };
    const files = await scrubbed(links, own);
    for (const path of Object.keys(own)) expect(await files.readText(path)).toBe('x');
    expect(await files.list('/tree/tmp')).toEqual([]);
    expect(await files.readlink('/tree/var/tmp')).toBe('/tmp');
  });
});

describe('/etc/resolv.conf of a scrubbed tree', () => {
  const stub = '../run/systemd/resolve/stub-resolv.conf';
  const unit = '/usr/lib/systemd/system/systemd-resolved.service';
  const wants = { '/etc/systemd/system/sysinit.target.wants/systemd-resolved.service': { target: unit } };

  test('leads to systemd-resolved where that is on', async () => {
    const files = await scrubbed({ [unit]: '', ...wants, '/etc/resolv.conf': 'nameserver 192.0.2.1' });
    expect(await files.readlink('/tree/etc/resolv.conf')).toBe(stub);
  });

  test('stays the link into /run that it was where systemd-resolved is installed', async () => {
    const target = '/run/systemd/resolve/resolv.conf';
    const files = await scrubbed({ [unit]: '', '/etc/resolv.conf': { target } });
    expect(await files.readlink('/tree/etc/resolv.conf')).toBe(target);
  });

  test('is absent elsewhere, so that the controller writes it', async () => {
    const files = await scrubbed({ '/etc/resolv.conf': { target: stub } });
    expect(await files.stat('/tree/etc/resolv.conf')).toBeUndefined();
  });
});

describe('systemd-networkd', () => {
  const wanted = '/tree/etc/systemd/system/multi-user.target.wants/systemd-networkd.service';
  const unit = '/usr/lib/systemd/system/systemd-networkd.service';

  test('is switched on where it is installed, whether /lib is a link or not', async () => {
    for (const path of [unit, '/lib/systemd/system/systemd-networkd.service']) {
      const host = hostWith({ [path]: '' });
      await enableNetworkd(host, '/tree');
      await enableNetworkd(host, '/tree');
      expect(await host.files.readlink(wanted)).toBe(path);
    }
  });

  test('stays off beside another network service, and where it is not installed', async () => {
    const other = '/etc/systemd/system/multi-user.target.wants/NetworkManager.service';
    const host = hostWith({ [unit]: '', [other]: { target: '/lib/systemd/system/NetworkManager.service' } });
    await enableNetworkd(host, '/tree');
    expect(await host.files.stat(wanted)).toBeUndefined();
    expect(host.lines[0]?.text).toContain('NetworkManager is on');
    await enableNetworkd(hostWith({}), '/tree');
  });
});
