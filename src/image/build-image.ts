import { createHash } from 'node:crypto';
import { StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';
import type { ImageKey } from './keys.ts';
import { type ManifestFile, type Manifest, type RootType, signManifest, writeManifest } from './manifest.ts';
import { scrubTree } from './scrub.ts';
import { COMPRESSIONS, type CompressionName, makeSquashfs } from './squashfs.ts';

/** What a bootable Debian needs besides its essential packages. */
const DEBIAN_BASE = ['systemd', 'systemd-sysv', 'udev', 'dbus', 'kmod', 'iproute2', 'login', 'linux-image-amd64'];
/** Documentation and translations make half of a minimal system, and nobody reads them on a stateless machine. */
const UNREAD = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*', '/usr/share/info/*'];

export interface ImageInput {
  /** `debian:bookworm`, a directory, or a tarball. */
  readonly from: string;
  readonly include: readonly string[];
  readonly name: string;
  readonly version: string;
  readonly type: RootType;
  readonly compression: CompressionName;
  readonly excludes: readonly string[];
  readonly key: ImageKey;
  readonly out: string;
}

/** Builds a bootable read-only system: its tree, kernel, root image and signed manifest, in `out`. */
export async function buildImage(host: Host, input: ImageInput): Promise<Manifest> {
  const { files, console } = host;
  const { out } = input;
  await files.mkdir(out);
  const tree = `${out}/tree`;
  await files.remove(tree);
  console.line('info', `image: the system from ${input.from}`);
  await makeTree(host, input, tree);
  const { release, kernel } = await findKernel(host, tree);
  await must(host, ['cp', '--preserve=mode', kernel, `${out}/vmlinuz`]);
  console.line('info', `image: kernel ${release}; scrubbing what is unique to a machine`);
  await scrubTree(host, tree);
  await enableNetworkd(host, tree);
  const root = `root.${input.type}`;
  console.line('info', `image: packing ${root} (${input.compression})`);
  if (input.type === 'squashfs') await makeSquashfs(host, tree, `${out}/${root}`, { compression: COMPRESSIONS[input.compression], excludes: input.excludes });
  else await must(host, ['mkfs.erofs', '-zlz4hc', '-T0', '-U00000000-0000-0000-0000-000000000000', `${out}/${root}`, tree]);
  const manifest: Manifest = {
    format: 1,
    name: input.name,
    version: input.version,
    arch: (await run(host, ['uname', '-m'])).trim(),
    kernelRelease: release,
    kernel: await describeFile(host, out, 'vmlinuz'),
    root: { ...(await describeFile(host, out, root)), type: input.type },
  };
  const text = writeManifest(manifest);
  await files.write(`${out}/manifest.json`, text);
  await files.write(`${out}/manifest.json.sig`, signManifest(text, input.key.privateKey));
  return manifest;
}

async function makeTree(host: Host, { from, include }: ImageInput, tree: string): Promise<void> {
  const debian = /^debian:([a-z]+)$/.exec(from);
  if (debian) {
    const packages = [...DEBIAN_BASE, ...include].join(',');
    await must(host, [
      'mmdebstrap',
      '--variant=minbase',
      '--format=directory',
      '--quiet',
      `--include=${packages}`,
      ...UNREAD.map((path) => `--dpkgopt=path-exclude=${path}`),
      debian[1] ?? '',
      tree,
      // The initramfs is ours: the hook of Debian's own (/etc/kernel/postinst.d/initramfs-tools) would take half a minute.
    ], { INITRD: 'No' });
    return;
  }
  const stat = await host.files.stat(from);
  if (!stat) throw new StatectlError('image-source', `--from ${from}: no such directory or tarball`, { hint: 'give debian:bookworm, a directory with a system in it, or a tarball of one' });
  await host.files.mkdir(tree, 0o755);
  if (stat.type === 'dir') await must(host, ['cp', '-a', '--reflink=auto', `${from}/.`, tree]);
  else await must(host, ['tar', '-C', tree, '--xattrs', '--numeric-owner', '-xf', from]);
}

/** The kernel and the release whose modules are in the tree. With several, the newest. */
export async function findKernel({ files }: Pick<Host, 'files'>, tree: string): Promise<{ readonly release: string; readonly kernel: string }> {
  for (const home of ['usr/lib/modules', 'lib/modules']) {
    const releases = await files.list(`${tree}/${home}`).catch(() => []);
    for (const release of [...releases].sort((a, b) => b.localeCompare(a, 'en', { numeric: true })))
      for (const kernel of [`boot/vmlinuz-${release}`, `${home}/${release}/vmlinuz`, `boot/kernel-${release}`])
        if (await files.stat(`${tree}/${kernel}`)) return { release, kernel: `${tree}/${kernel}` };
  }
  throw new StatectlError('kernel-missing', `${tree} has no kernel with its modules`, { hint: 'include the distribution\'s kernel package, such as linux-image-amd64' });
}

/** systemd-networkd takes the interface over from the initramfs; where it is there, it is on. */
async function enableNetworkd({ files }: Host, tree: string): Promise<void> {
  const unit = '/lib/systemd/system/systemd-networkd.service';
  if (!(await files.stat(tree + unit))) return;
  const wants = `${tree}/etc/systemd/system/multi-user.target.wants`;
  await files.mkdir(wants, 0o755);
  if (!(await files.stat(`${wants}/systemd-networkd.service`))) await files.symlink(unit, `${wants}/systemd-networkd.service`);
}

async function describeFile({ files }: Host, dir: string, file: string): Promise<ManifestFile> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of files.readStream(`${dir}/${file}`)) {
    hash.update(chunk);
    sizeBytes += chunk.length;
  }
  return { file, sha256: hash.digest('hex'), sizeBytes };
}

async function run({ exec }: Host, argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const { exitCode, stdout, stderr } = await exec.run(argv, { env });
  if (exitCode !== 0) throw new StatectlError('build-failed', `\`${argv.join(' ')}\` failed: ${stderr.trim().split('\n').slice(-3).join(' / ')}`);
  return stdout;
}
const must = async (host: Host, argv: readonly string[], env?: Readonly<Record<string, string>>): Promise<void> => void (await run(host, argv, env));
