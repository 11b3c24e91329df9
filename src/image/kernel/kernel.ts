import { gunzipSync } from 'node:zlib';
import { reasonOf, StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { onMachine, resolveInTree } from '../../host/tree.ts';
import { readInTree } from '../tree/tree-content.ts';
import { preferredFirst } from './kernel-choice.ts';

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
 * The kernel of a tree, of several the plain one of the newest version, or the one given apart; its modules must be in the
 * tree. Says which it took of several. Throws `kernel-missing`.
 */
export async function findKernel(
  { files, console }: Pick<Host, 'files' | 'console'>,
  tree: string,
  given?: string,
): Promise<Kernel> {
  const releases = (await releasesIn({ files }, tree)).sort(preferredFirst);
  if (given !== undefined) return givenKernel({ files }, given, releases);
  const found: { release: string; place: string }[] = [];
  for (const release of releases)
    for (const place of placesOf(release))
      if (found.at(-1)?.release !== release && (await resolveInTree(files, tree, place))?.stat.type === 'file')
        found.push({ release, place });
  const [best, ...others] = found;
  const image = best && (await readInTree(files, tree, best.place));
  if (image) {
    const { release } = best;
    if (others.length > 0)
      console.line(
        'info',
        `of the tree's kernels ${release} is taken, not ${others.map((one) => one.release).join(', ')}`,
      );
    return { release, image };
  }
  const has = releases.length > 0 ? `modules of ${releases.join(', ')}, but no kernel` : 'no kernel with its modules';
  throw new StatectlError('kernel-missing', `the tree has ${has}`, {
    hint: "include the distribution's kernel package, such as linux-image-amd64, or give the kernel with --kernel FILE",
  });
}

async function releasesIn({ files }: Pick<Host, 'files'>, tree: string): Promise<string[]> {
  const found = new Set<string>();
  for (const home of HOMES) {
    const folder = await resolveInTree(files, tree, home);
    if (folder?.stat.type !== 'dir') continue;
    for (const release of await files.list(onMachine(tree, folder.path)))
      if (await resolveInTree(files, tree, `${folder.path}/${release}/modules.dep`)) found.add(release);
  }
  return [...found];
}

async function givenKernel({ files }: Pick<Host, 'files'>, path: string, releases: readonly string[]): Promise<Kernel> {
  const image = await readInTree(files, '/', path).catch((cause: unknown) => {
    throw new StatectlError('kernel-missing', `--kernel ${path} cannot be read: ${reasonOf(cause)}`, { cause });
  });
  if (!image)
    throw new StatectlError('kernel-missing', `--kernel ${path} is no file`, {
      hint: 'name the file of a kernel image',
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
  const plain = image[0] === 0x1f && image[1] === 0x8b ? unzipped(image) : image;
  const at = plain.indexOf('Linux version ');
  return at < 0 ? undefined : plain.toString('latin1', at + 14, at + 142).split(/[\s\0]/)[0];
}

/** No kernel is larger than what fits beside it into the memory of a small machine. */
function unzipped(image: Buffer): Buffer {
  try {
    return gunzipSync(image, { maxOutputLength: 512 * 1024 ** 2 });
  } catch {
    return Buffer.alloc(0); // Whoever gave it hears that it does not say its release.
  }
}
