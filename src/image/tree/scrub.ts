import type { Host } from '../../host/host.ts';
import { onMachine, resolveInTree } from '../../host/tree.ts';
import { findInTree } from './in-tree.ts';
import { folderInTree, linkInTree, readInTree, writeInTree } from './tree-content.ts';

/** What differs from machine to machine or dates from the build: it must not be in an image that many machines boot. */
const UNIQUE = [
  ...['etc/hostname', 'etc/mtab', 'etc/ssh/ssh_host_*_key', 'etc/ssh/ssh_host_*_key.pub'],
  ...['etc/passwd-', 'etc/shadow-', 'etc/group-', 'etc/gshadow-', 'etc/subuid-', 'etc/subgid-'],
  ...[
    'etc/udev/rules.d/70-persistent-net.rules',
    'etc/iscsi/initiatorname.iscsi',
    'etc/nvme/hostid',
    'etc/nvme/hostnqn',
  ],
  ...['root/.*_history', 'root/.ssh/known_hosts'],
  // Links into /boot, which is emptied: kernel and initramfs are files of their own.
  ...['vmlinuz', 'vmlinuz.old', 'initrd.img', 'initrd.img.old'],
  ...['var/lib/systemd/random-seed', 'var/lib/systemd/credential.secret', 'var/lib/urandom/random-seed'],
  ...['var/lib/NetworkManager/secret_key', 'var/lib/NetworkManager/seen-bssids', 'var/lib/NetworkManager/timestamps'],
  ...['var/cache/ldconfig/aux-cache', 'var/log/journal/*'],
];
/** Emptied: nothing in them is the system's. */
const EMPTIED = ['var/tmp', 'tmp', 'run', 'boot'];
/** Without their files; the folders stay, since daemons do not make their own. */
const FILES_GO = ['var/log', 'var/cache/apt', 'var/lib/apt/lists', 'var/lib/dhcp', 'var/lib/dbus'];

/** Mount points and directories of the read-only layout that a distribution's tree may lack. */
const LAYOUT = [
  ...['dev', 'proc', 'sys', 'run', 'boot', 'mnt', 'media', 'home', 'opt', 'srv', 'var', 'var/log', 'usr', 'user-data'],
  ...['root', 'tmp', 'var/tmp', 'usr/tmp'],
];
const modeOf = (folder: string): number => (folder.endsWith('tmp') ? 0o1777 : folder === 'root' ? 0o700 : 0o755);

/**
 * Makes a tree fit for many machines: without what is one machine's own, with an empty machine-id and the layout's mount
 * points. Links are followed inside the tree only, so that a tree with `/var/tmp` → `/tmp` does not cost the builder's own.
 */
export async function scrubTree({ files }: Pick<Host, 'files'>, tree: string): Promise<void> {
  const removeAll = async (pattern: string) => {
    for (const path of await findInTree(files, tree, pattern)) await files.remove(path);
  };
  for (const pattern of [...UNIQUE, ...EMPTIED.map((folder) => `${folder}/*`)]) await removeAll(pattern);
  for (const folder of FILES_GO) await removeFiles({ files }, tree, folder);
  for (const folder of LAYOUT) await folderInTree(files, tree, folder, modeOf(folder));

  // A missing machine-id starts Debian's first-boot prompt; an empty one is filled by the controller.
  await writeInTree(files, tree, 'etc/machine-id', '', 0o444);
  // config.d mounts. Debian's dhclient-script reads the file, and declines every address where there is none.
  await writeInTree(files, tree, 'etc/fstab', '', 0o644);
  await giveHosts({ files }, tree);
  if ((await resolveInTree(files, tree, 'var/lib/dbus'))?.stat.type === 'dir')
    await linkInTree(files, tree, 'var/lib/dbus/machine-id', '/etc/machine-id');
  await scrubResolver({ files }, tree);
}

/** Who asks for localhost by name asks this file; without systemd-resolved nobody else knows it. */
const HOSTS = '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n';

/** What a container's engine leaves is there and empty: it mounts its own over it. */
async function giveHosts({ files }: Pick<Host, 'files'>, tree: string): Promise<void> {
  const there = (await readInTree(files, tree, 'etc/hosts'))?.toString('utf8') ?? '';
  if (!there.split('\n').some((line) => /^\s*[^#\s]/.test(line)))
    await writeInTree(files, tree, 'etc/hosts', HOSTS, 0o644);
}

async function removeFiles({ files }: Pick<Host, 'files'>, tree: string, folder: string): Promise<void> {
  const found = await resolveInTree(files, tree, folder);
  if (found?.stat.type !== 'dir') return;
  const walk = async (path: string): Promise<void> => {
    for (const name of await files.list(path))
      if ((await files.stat(`${path}/${name}`))?.type === 'dir') await walk(`${path}/${name}`);
      else await files.remove(`${path}/${name}`);
  };
  await walk(onMachine(tree, found.path));
}

/**
 * Who finds names is decided at boot. Where systemd-resolved runs, /etc/resolv.conf leads to its file in /run; elsewhere
 * the controller writes one.
 */
async function scrubResolver({ files }: Pick<Host, 'files'>, tree: string): Promise<void> {
  const units = ['etc/systemd/system', 'usr/lib/systemd/system', 'lib/systemd/system'];
  const isThere = async (name: string) =>
    (await Promise.all(units.map((folder) => findInTree(files, tree, `${folder}/${name}`)))).flat().length > 0;
  const [present] = await findInTree(files, tree, 'etc/resolv.conf');
  const target = present && (await files.stat(present))?.type === 'symlink' ? await files.readlink(present) : '';
  if (target.includes('run/systemd/resolve/') && (await isThere('systemd-resolved.service'))) return;
  if (present) await files.remove(present);
  if (await isThere('*.wants/systemd-resolved.service'))
    await linkInTree(files, tree, 'etc/resolv.conf', '../run/systemd/resolve/stub-resolv.conf');
}
