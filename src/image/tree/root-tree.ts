import { StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { parseMountInfo } from '../../host/kernel/mount-table.ts';
import { resolveInTree } from '../../host/tree.ts';
import { debianArch } from '../arch.ts';
import { runProgram } from '../host-programs.ts';
import { byLine, type Report, withProgress } from '../progress.ts';

/** What a bootable Debian needs besides its essential packages, and a kernel. */
const DEBIAN_BASE = ['udev', 'dbus', 'kmod', 'iproute2', 'login'];
const SYSTEMD = ['systemd', 'systemd-sysv'];
/** What takes /sbin/init for itself, each in conflict with systemd-sysv. */
const OTHER_INITS: ReadonlySet<string> = new Set([
  'sysvinit-core',
  'runit-init',
  'finit-sysv',
  'openrc-init',
  'dinit-sysv',
]);

/** What a Debian is made of: apt's names, which may go on with a version, a release or an architecture. */
export function debianPackages(arch: string, include: readonly string[]): readonly string[] {
  const hasOtherInit = include.some((name) => OTHER_INITS.has(name.split(/[=/:]/)[0] ?? ''));
  return [...(hasOtherInit ? [] : SYSTEMD), ...DEBIAN_BASE, `linux-image-${arch}`, ...include];
}
/** Documentation and translations make half of a minimal system, and nobody reads them on a stateless machine. */
const UNREAD = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*', '/usr/share/info/*'];
/** Bytes of a tar record, which --checkpoint counts. */
const TAR_RECORD_BYTES = 10_240;

/** Where a system comes from. */
export type Source =
  | { readonly kind: 'debian'; readonly suite: string }
  | { readonly kind: 'folder' | 'tarball'; readonly path: string; readonly sizeBytes: number };

/** Reads `--from`: `debian:SUITE`, or the absolute path of a folder or tarball. Throws `image-source`. */
export async function readSource({ files }: Pick<Host, 'files'>, from: string): Promise<Source> {
  const suite = /^debian:([a-z][a-z-]*)$/.exec(from)?.[1];
  if (suite !== undefined) return { kind: 'debian', suite };
  const refuse = (why: string) =>
    new StatectlError('image-source', `--from ${from}: ${why}`, {
      hint: 'give debian:bookworm, a directory with a system in it, or a tarball of one',
    });
  if (from.startsWith('debian:')) throw refuse('that is no name of a Debian release');
  const found = await resolveInTree(files, '/', from);
  if (found?.stat.type !== 'dir' && found?.stat.type !== 'file') throw refuse('no such directory or tarball');
  return { kind: found.stat.type === 'dir' ? 'folder' : 'tarball', path: found.path, sizeBytes: found.stat.sizeBytes };
}

/** Puts a copy of the system into `tree`, with owners, xattrs, hard links and device nodes; the source stays as it is. */
export async function makeTree(host: Host, source: Source, include: readonly string[], tree: string): Promise<void> {
  if (source.kind === 'debian') await debian(host, source.suite, include, tree);
  else if (include.length > 0)
    throw new StatectlError('usage', '--include installs Debian packages, so it needs --from debian:SUITE', {
      hint: 'install them into the tree before, with its own package manager',
    });
  else if (source.kind === 'folder') await copyFolder(host, source.path, tree);
  else await unpack(host, source, tree);
  // A folder that mktemp made would lock out everybody but root.
  await host.files.chmod(tree, 0o755);
  for (const path of ['etc', 'usr'])
    if ((await resolveInTree(host.files, tree, path))?.stat.type !== 'dir')
      throw new StatectlError(
        'image-source',
        `${source.kind === 'debian' ? source.suite : source.path} has no /${path}`,
        {
          hint: 'it must hold a whole system at its top: etc, usr, …, not inside another folder',
        },
      );
}

async function debian(host: Host, suite: string, include: readonly string[], tree: string): Promise<void> {
  const arch = debianArch((await runProgram(host, ['uname', '-m'])).trim());
  const packages = debianPackages(arch, include).join(',');
  const options = ['--variant=minbase', '--format=directory', '--verbose', `--include=${packages}`];
  const excludes = UNREAD.map((path) => `--dpkgopt=path-exclude=${path}`);
  await withProgress(host, `image: installing Debian ${suite}`, 'packages', (report) =>
    runProgram(host, ['mmdebstrap', ...options, ...excludes, suite, tree], {
      // The initramfs is ours: the hook of Debian's own (/etc/kernel/postinst.d/initramfs-tools) would take half a minute.
      env: { INITRD: 'No' },
      onOutput: byLine(countPackages(report)),
      hint: 'is the archive in reach, and are the names of --include right? `apt-cache policy NAME` tells',
    }),
  );
}

/** Reads what apt and dpkg say. How many packages there are is only known once apt runs inside the new system. */
export function countPackages(report: Report): (line: string) => void {
  let [halves, known, isLast] = [0, 0, false];
  return (line) => {
    if (line.startsWith('I: installing remaining packages')) isLast = true;
    const fresh = /^\d+ upgraded, (\d+) newly installed/.exec(line)?.[1];
    if (fresh !== undefined) known += Number(fresh);
    if (!/^(Unpacking|Setting up) /.test(line)) return;
    halves += 1;
    report({ done: Math.floor(halves / 2), ...(isLast && { total: known }) });
  };
}

async function copyFolder(host: Host, from: string, tree: string): Promise<void> {
  await warnOfMounts(host, from);
  const total = (await runProgram(host, ['find', `${from}/`, '-xdev', '-printf', '.'])).length;
  await host.files.mkdir(tree, 0o755);
  const title = `image: copying ${from}`;
  await withProgress(host, title, 'files', (report) => {
    let done = 0;
    const onOutput = byLine(() => report({ done: Math.min(++done, total), total }));
    return runProgram(host, ['cp', '-a', '-v', '--one-file-system', '--reflink=auto', `${from}/.`, tree], { onOutput });
  });
}

/** What is mounted below is not copied: of `/` that would be /proc and /sys. */
async function warnOfMounts({ files, console }: Pick<Host, 'files' | 'console'>, from: string): Promise<void> {
  const mounts = parseMountInfo(await files.readText('/proc/self/mountinfo').catch(() => ''));
  for (const { mountPoint: point, fsType: type } of mounts)
    if (
      point.startsWith(from === '/' ? '/' : `${from}/`) &&
      point !== '/' &&
      /^(ext|btrfs|xfs|f2fs|vfat|zfs|nfs)/.test(type)
    )
      console.line('warning', `${point} is a file system of its own (${type}): it stays out of the image`);
}

async function unpack(
  host: Host,
  { path, sizeBytes }: { path: string; sizeBytes: number },
  tree: string,
): Promise<void> {
  await host.files.mkdir(tree, 0o755);
  // Of a compressed one only the packed size is known.
  const total = /\.tar$/.test(path) ? sizeBytes : undefined;
  const keep = ['--xattrs', '--xattrs-include=*', '--acls', '--numeric-owner', '--same-owner', '-p'];
  await withProgress(host, `image: unpacking ${path}`, 'bytes', (report) => {
    const onOutput = byLine((line) => {
      const record = /^tar: .*?(\d+)$/.exec(line)?.[1];
      if (record !== undefined)
        report({ done: Number(record) * TAR_RECORD_BYTES, ...(total !== undefined && { total }) });
    });
    const checkpoint = ['--checkpoint=200', '--checkpoint-action=echo=%u'];
    return runProgram(host, ['tar', '--force-local', '-C', tree, ...keep, ...checkpoint, '-xf', path], {
      onOutput,
      env: { LC_ALL: 'C' },
      hint: 'is it a whole tarball? For .tar.zst and .tar.xz: apt install zstd xz-utils',
    });
  });
}
