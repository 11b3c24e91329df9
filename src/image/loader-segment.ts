import { basename } from 'node:path/posix';
import { zstdCompressSync, constants } from 'node:zlib';
import { StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';
import { type CpioEntry, writeCpio } from './cpio.ts';
import { onMachine, resolveInTree } from './tree.ts';

/** What of initramfs/ goes where, with which permissions. */
const OWN_FILES: readonly (readonly [from: string, to: string, mode: number])[] = [
  ['init', 'init', 0o755],
  ['rescue.sh', 'etc/rescue.sh', 0o644],
  ['rescue-shell', 'bin/rescue-shell', 0o755],
  ['udhcpc.script', 'etc/udhcpc.script', 0o755],
  ['shutdown', 'etc/shutdown', 0o755],
];
const DIRS = ['bin', 'dev', 'etc', 'lib/firmware', 'proc', 'root', 'run', 'sys', 'sysroot', 'tmp', 'var'];

export interface LoaderInput {
  /** The folder with /init and the other scripts. */
  readonly scripts: string;
  readonly toolsTree: string;
  readonly imageTree: string;
  readonly release: string;
  /** Paths in the image's tree, in load order. */
  readonly modules: readonly string[];
  readonly env: string;
  /** `sha256  /file` lines of the other segments. */
  readonly segmentDigests: string;
  /** PEM of the public keys whose signatures count, by name. */
  readonly trustedKeys: Readonly<Record<string, string>>;
}

/** The first segment: busybox, /init, what it takes to mount the others, and whom to trust. */
export async function buildLoader(host: Host, input: LoaderInput): Promise<Buffer> {
  const { files } = host;
  const busybox = (await resolveInTree(files, input.toolsTree, '/bin/busybox')) ?? (await resolveInTree(files, input.toolsTree, '/usr/bin/busybox'));
  if (!busybox) throw new StatectlError('tool-missing', 'the tools tree has no busybox', { hint: 'busybox-static must be among initramfs/tools-packages' });
  const entries: CpioEntry[] = [
    ...DIRS.map((name): CpioEntry => ({ name, type: 'dir', mode: name === 'tmp' ? 0o1777 : name === 'root' ? 0o700 : 0o755 })),
    { name: 'bin/busybox', type: 'file', mode: 0o755, data: await files.read(onMachine(input.toolsTree, busybox.path)) },
    ...(await applets(host)).map((applet): CpioEntry => ({ name: `bin/${applet}`, type: 'symlink', target: 'busybox' })),
    { name: 'sbin', type: 'symlink', target: 'bin' },
    // The tools of the runtime find their libraries where they were built to look.
    ...['lib/x86_64-linux-gnu', 'lib/aarch64-linux-gnu'].map((name): CpioEntry => ({ name, type: 'symlink', target: '/run/initramfs/rt/lib' })),
    { name: 'lib64', type: 'symlink', target: '/run/initramfs/rt/lib' },
    { name: 'usr', type: 'symlink', target: '.' },
    { name: `lib/modules/${input.release}`, type: 'dir', mode: 0o755 },
    { name: 'etc/statectl.env', type: 'file', mode: 0o600, data: Buffer.from(input.env) },
    { name: 'etc/segments.sha256', type: 'file', mode: 0o644, data: Buffer.from(input.segmentDigests) },
    { name: 'etc/passwd', type: 'file', mode: 0o644, data: Buffer.from('root:x:0:0:root:/root:/bin/sh\n') },
    { name: 'etc/initrd-release', type: 'file', mode: 0o644, data: Buffer.from('ID=statectl\nNAME="statectl initramfs"\n') },
  ];
  for (const [from, name, mode] of OWN_FILES) entries.push({ name, type: 'file', mode, data: await files.read(`${input.scripts}/${from}`) });
  for (const path of input.modules) entries.push({ name: `lib/loader/${basename(path)}`, type: 'file', mode: 0o644, data: await files.read(onMachine(input.imageTree, path)) });
  for (const [name, pem] of Object.entries(input.trustedKeys)) entries.push({ name: `etc/trust/${name}`, type: 'file', mode: 0o644, data: Buffer.from(pem) });
  return zstdCompressSync(writeCpio(entries), { params: { [constants.ZSTD_c_compressionLevel]: 15, [constants.ZSTD_c_checksumFlag]: 1 } });
}

/** What busybox can do, from the builder's own static busybox; the tree's may be of another architecture. */
async function applets({ exec }: Host): Promise<readonly string[]> {
  const { stdout } = await exec.run(['busybox', '--list']);
  return stdout.split('\n').filter((name) => name !== '' && name !== 'busybox' && !name.includes('/'));
}
