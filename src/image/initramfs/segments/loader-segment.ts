import { constants, zstdCompressSync } from 'node:zlib';
import { StatectlError } from '../../../error.ts';
import type { Host } from '../../../host/host.ts';
import { decompressWithPrograms } from '../../decompress-programs.ts';
import { bareModuleName, readModule } from '../../kernel/module-file.ts';
import type { Busybox } from '../busybox.ts';
import { type CpioEntry, writeCpio } from '../cpio/cpio.ts';
import { type Scripts, scriptOf } from '../scripts.ts';
import type { Link } from './runtime-plan.ts';

/** What of initramfs/ goes where, with which permissions. */
const OWN_FILES: readonly (readonly [from: string, to: string, mode: number])[] = [
  ['init', 'init', 0o755],
  ['rescue.sh', 'etc/rescue.sh', 0o644],
  ['crash.sh', 'etc/crash.sh', 0o644],
  ['rescue-shell', 'bin/rescue-shell', 0o755],
  ['udhcpc.script', 'etc/udhcpc.script', 0o755],
  ['dhcpcd.script', 'etc/dhcpcd.script', 0o755],
  ['shutdown', 'etc/shutdown', 0o755],
  ['stopping', 'etc/stopping', 0o755],
  ['way-down.sh', 'etc/way-down.sh', 0o644],
];
const DIRS = ['bin', 'dev', 'etc', 'lib/firmware', 'proc', 'root', 'run', 'sets', 'sys', 'sysroot', 'tmp', 'var'];
const dirMode = (name: string): number => (name === 'tmp' ? 0o1777 : name === 'root' ? 0o700 : 0o755);

export interface LoaderInput {
  readonly scripts: Scripts;
  readonly busybox: Busybox;
  readonly imageTree: string;
  readonly release: string;
  /** Paths in the image's tree, in load order. */
  readonly modules: readonly string[];
  /** What the runtime's programs need in the root. */
  readonly links: readonly Link[];
  readonly env: string;
  /** `sha256  /file` lines of the other segments. */
  readonly segmentDigests: string;
  /** PEM of the keys and certificates whose signatures count, by name. */
  readonly trusted: Readonly<Record<string, string>>;
  /** Seconds since 1970. */
  readonly builtAt: number;
}

/** The first segment: busybox, /init, what it takes to mount the others, and whom to trust. */
export async function buildLoader(host: Pick<Host, 'files'>, input: LoaderInput): Promise<Buffer> {
  const { busybox, scripts, links } = input;
  const file = (name: string, data: Buffer | string, mode = 0o644): CpioEntry => ({
    name,
    type: 'file',
    mode,
    data: Buffer.from(data),
  });
  const entries: CpioEntry[] = [
    ...DIRS.map((name): CpioEntry => ({ name, type: 'dir', mode: dirMode(name) })),
    file('bin/busybox', busybox.program, 0o755),
    ...busybox.applets.map((applet): CpioEntry => ({ name: `bin/${applet}`, type: 'symlink', target: 'busybox' })),
    { name: 'sbin', type: 'symlink', target: 'bin' },
    { name: 'usr', type: 'symlink', target: '.' },
    ...links.map((link): CpioEntry => ({ ...link, type: 'symlink' })),
    { name: `lib/modules/${input.release}`, type: 'dir', mode: 0o755 },
    file('etc/statectl.env', input.env, 0o600),
    file('etc/segments.sha256', input.segmentDigests),
    file('etc/built', `${input.builtAt}\n`),
    file('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n'),
    file('etc/initrd-release', 'ID=statectl\nNAME="statectl initramfs"\n'),
    ...Object.entries(input.trusted).map(([name, pem]) => file(`etc/trust/${name}`, pem)),
  ];
  for (const [from, name, mode] of OWN_FILES) entries.push(file(name, scriptOf(scripts, from), mode));
  for (const path of input.modules)
    entries.push(file(`lib/loader/${bareModuleName(path)}.ko`, await moduleBytes(host, input.imageTree, path)));
  const params = { [constants.ZSTD_c_compressionLevel]: 15, [constants.ZSTD_c_checksumFlag]: 1 };
  return zstdCompressSync(writeCpio(entries), { params });
}

async function moduleBytes({ files }: Pick<Host, 'files'>, tree: string, path: string): Promise<Buffer> {
  const bytes = await readModule(files, tree, path, decompressWithPrograms);
  if (bytes) return bytes;
  throw new StatectlError('module-missing', `${path} of the image is no file, and mounting the runtime needs it`, {
    hint: 'install the kernel package of the image again',
  });
}
