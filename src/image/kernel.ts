import { gunzipSync } from 'node:zlib';
import { StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';
import { onMachine, resolveInTree } from './tree.ts';

export interface Kernel {
  /** `uname -r`, which names the folder of its modules. */
  readonly release: string;
  readonly image: Buffer;
}

const HOMES = ['/usr/lib/modules', '/lib/modules'] as const;
/** Where distributions put a kernel: Debian, Fedora and Arch, Gentoo. */
const placesOf = (release: string): readonly string[] => [
  `/boot/vmlinuz-${release}`,
  ...HOMES.map((home) => `${home}/${release}/vmlinuz`),
  `/boot/kernel-${release}`,
];

/**
 * The kernel of a tree, the newest of several, or the one given apart; its modules must be in the tree.
 * Throws `kernel-missing`.
 */
export async function findKernel({ files }: Pick<Host, 'files'>, tree: string, given?: string): Promise<Kernel> {
  const releases = await releasesIn({ files }, tree);
  if (given !== undefined) return givenKernel({ files }, given, releases);
  for (const release of releases)
    for (const place of placesOf(release)) {
      const found = await resolveInTree(files, tree, place);
      if (found?.stat.type === 'file') return { release, image: await files.read(onMachine(tree, found.path)) };
    }
  const has = releases.length > 0 ? `modules of ${releases.join(', ')}, but no kernel` : 'no kernel with its modules';
  throw new StatectlError('kernel-missing', `the tree has ${has}`, {
    hint: "include the distribution's kernel package, such as linux-image-amd64, or give the kernel with --kernel FILE",
  });
}

/** Newest first. */
async function releasesIn({ files }: Pick<Host, 'files'>, tree: string): Promise<readonly string[]> {
  const found = new Set<string>();
  for (const home of HOMES) {
    const folder = await resolveInTree(files, tree, home);
    if (folder?.stat.type !== 'dir') continue;
    for (const release of await files.list(onMachine(tree, folder.path)))
      if (await resolveInTree(files, tree, `${folder.path}/${release}/modules.dep`)) found.add(release);
  }
  return [...found].sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
}

async function givenKernel({ files }: Pick<Host, 'files'>, path: string, releases: readonly string[]): Promise<Kernel> {
  const image = await files.read(path).catch((cause: unknown) => {
    throw new StatectlError('kernel-missing', `--kernel ${path} cannot be read`, { cause });
  });
  const release = releaseOf(image) ?? (releases.length === 1 ? releases[0] : undefined);
  if (release !== undefined && releases.includes(release)) return { release, image };
  const has = releases.join(', ') || 'no kernel';
  throw new StatectlError(
    'kernel-missing',
    release === undefined
      ? `${path} does not say which release it is, and the tree has modules for ${has}`
      : `${path} is kernel ${release}, and the tree has modules for ${has}`,
    {
      hint: 'put the modules of that kernel below usr/lib/modules of the tree, with modules.dep (depmod -b TREE RELEASE)',
    },
  );
}

/** The release in a kernel image: Documentation/arch/x86/boot.rst (`kernel_version`), else its banner. */
export function releaseOf(image: Buffer): string | undefined {
  if (image.length > 0x210 && image.toString('latin1', 0x202, 0x206) === 'HdrS') {
    const at = image.readUInt16LE(0x20e) + 0x200;
    return at > 0x200 ? image.toString('latin1', at, at + 128).split(/[\s\0]/)[0] : undefined;
  }
  const plain = image[0] === 0x1f && image[1] === 0x8b ? gunzipSync(image) : image;
  const at = plain.indexOf('Linux version ');
  return at < 0 ? undefined : plain.toString('latin1', at + 14, at + 142).split(/[\s\0]/)[0];
}
