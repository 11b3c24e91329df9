import type { Host } from '../host/host.ts';

/** What differs from machine to machine or dates from the build: it must not be in an image that many machines boot. */
const UNIQUE = [
  'etc/hostname',
  'etc/resolv.conf',
  'etc/fstab',
  'var/lib/systemd/random-seed',
  'var/lib/urandom/random-seed',
  'var/lib/systemd/credential.secret',
  'var/lib/dbus/machine-id',
  'var/cache/ldconfig/aux-cache',
  'etc/passwd-',
  'etc/shadow-',
  'etc/group-',
  'etc/gshadow-',
];
const UNIQUE_GLOBS = [/^etc\/ssh\/ssh_host_.*_key(\.pub)?$/];
/** Emptied: what is below them is made anew on every machine. */
const EMPTIED = ['var/log', 'var/cache/apt', 'var/lib/apt/lists', 'var/tmp', 'tmp', 'run', 'boot'];

/** Mount points and directories of the read-only layout that a distribution's tree lacks. */
const LAYOUT_DIRS = ['user-data', 'usr/tmp', 'boot', 'dev', 'proc', 'sys', 'run', 'tmp', 'mnt', 'media', 'home', 'root', 'opt', 'srv', 'var/tmp', 'var/log'];

/** Makes a tree fit for many machines: scrubbed, with an empty machine-id and the mount points of the layout. */
export async function scrubTree({ files }: Pick<Host, 'files'>, tree: string): Promise<void> {
  for (const path of UNIQUE) await files.remove(`${tree}/${path}`);
  for (const glob of UNIQUE_GLOBS) {
    const folder = glob.source.includes('ssh') ? 'etc/ssh' : '';
    for (const name of await files.list(`${tree}/${folder}`).catch(() => [])) if (glob.test(`${folder}/${name}`)) await files.remove(`${tree}/${folder}/${name}`);
  }
  for (const folder of EMPTIED) for (const name of await files.list(`${tree}/${folder}`).catch(() => [])) await files.remove(`${tree}/${folder}/${name}`);
  for (const folder of LAYOUT_DIRS) if (!(await files.stat(`${tree}/${folder}`))) await files.mkdir(`${tree}/${folder}`, folder.endsWith('tmp') ? 0o1777 : 0o755);
  // A missing machine-id starts Debian's first-boot prompt; an empty one is filled by the controller.
  await files.write(`${tree}/etc/machine-id`, '', { mode: 0o444 });
  if (await files.stat(`${tree}/var/lib/dbus`)) await files.symlink('/etc/machine-id', `${tree}/var/lib/dbus/machine-id`);
}
