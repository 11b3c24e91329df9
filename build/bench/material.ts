import { chmod, copyFile, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { execa } from 'execa';
import { parseManifest } from '../../src/signed/image-manifest.ts';
import { CACHE, SOURCES } from '../demo.ts';
import { digestOf, once } from '../once.ts';
import { RIVALS, type RivalName } from './rivals.ts';

const HOME = `${CACHE}/bench`;
/** What a print host has. They also bring the image to the 74 MB of DESIGN. */
const PACKAGES = ['curl', 'git', 'openssh-server', 'python3'];

/** Files that every run of the bench boots, made once. */
export interface Material {
  readonly home: string;
  /** As `build image` leaves one. Its root has no kernel modules: each contender's own initramfs has them. */
  readonly image: string;
  readonly kernel: string;
  readonly root: string;
  readonly statectl: string;
  /** The initramfs of each that was asked for. */
  readonly rivals: Readonly<Partial<Record<RivalName, string>>>;
}

/** Makes what is missing or older than its recipe; says each thing that takes long. */
export async function buildMaterial(wanted: readonly RivalName[], say: (text: string) => void): Promise<Material> {
  await mkdir(HOME, { recursive: true });
  const [base, image, keys] = [`${HOME}/base`, `${HOME}/image`, `${HOME}/keys`];
  const init = 'build/bench/bench-init';
  const named = ['--name', 'bench', '--image-version', '1', '--keys', keys];
  const packages = PACKAGES.join();
  await once(`${base}/manifest.json`, packages, () =>
    statectl(
      ...['build', 'image', '--from', 'debian:bookworm', '--include', packages, '--keep-tree'],
      ...['--compression', 'zstd-fast', ...named, '--out', base],
    ),
  );
  const recipe = packages + (await digestOf([init]));
  await once(`${image}/manifest.json`, recipe, async () => {
    await copyFile(init, `${base}/tree/bench-init`);
    await chmod(`${base}/tree/bench-init`, 0o755);
    await statectl(
      ...['build', 'image', '--from', `${base}/tree`, '--kernel', `${base}/vmlinuz`],
      ...['--exclude', 'usr/lib/modules/*', ...named, '--out', image],
    );
  });
  const { kernelRelease, root } = parseManifest(await readFile(`${image}/manifest.json`, 'utf8'));

  const rivals: Partial<Record<RivalName, string>> = {};
  for (const name of wanted) rivals[name] = await rivalInitramfs(name, kernelRelease, say);

  const binary = `${HOME}/statectl`;
  const initramfs = `${HOME}/statectl.img`;
  const sources = await digestOf(SOURCES);
  await once(binary, sources, () => statectl('build', 'binary', '--out', binary));
  await once(initramfs, sources + packages, () =>
    statectl('initramfs', 'build', '--image', base, '--statectl', binary, '--keys', keys, '--out', initramfs),
  );
  return {
    home: HOME,
    image,
    kernel: `${image}/vmlinuz`,
    root: `${image}/${root.file}`,
    statectl: initramfs,
    rivals,
  };
}

/** Progress goes to stderr, so that --json has stdout for itself. */
const statectl = (...words: string[]) =>
  execa(process.execPath, ['src/main.ts', ...words], { stdin: 'ignore', stdout: 2, stderr: 2 });

async function rivalInitramfs(name: RivalName, kernelRelease: string, say: (text: string) => void): Promise<string> {
  const file = `${HOME}/${name}.img`;
  const { packages, make } = RIVALS[name];
  const hook = make(kernelRelease);
  await once(file, JSON.stringify([packages, hook]), async () => {
    say(`${name}: its initramfs, made in a Debian of its own (once, some minutes)`);
    await inDebian([`linux-image-${kernelRelease}`, ...packages], hook, file).catch((cause) => {
      throw new Error(
        `no initramfs of ${name}; does Debian still have kernel ${kernelRelease}? If not, remove ${HOME}`,
        { cause },
      );
    });
  });
  return file;
}

/** Installs packages into a Debian that lives for as long as the hook runs in it, and keeps the hook's file /made. */
async function inDebian(packages: readonly string[], hook: string, out: string): Promise<void> {
  const work = resolve(`${out}.work`);
  await mkdir(work, { recursive: true });
  const options = ['--variant=minbase', '--format=null', `--include=${packages.join()}`];
  const hooks = [`--customize-hook=chroot "$1" ${hook}`, `--customize-hook=copy-out /made ${work}`];
  // The hooks of the kernel's package would make an initramfs before all packages are there.
  await execa('mmdebstrap', [...options, ...hooks, 'bookworm', '/dev/null'], { env: { INITRD: 'No' } });
  await rename(`${work}/made`, out);
  await rm(work, { recursive: true });
}
