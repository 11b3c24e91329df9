import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { execa } from 'execa';

/** What `npm start` and the boot tests boot: one Debian image and initramfs, built once into the checkout's cache. */
export const CACHE = '.cache';
export const DEMO = {
  keys: `${CACHE}/keys`,
  image: `${CACHE}/demo`,
  binary: 'dist/statectl',
  initramfs: `${CACHE}/demo/initramfs.img`,
} as const;

const PACKAGES = ['qemu-guest-agent', 'procps', 'systemd-resolved'];
/** Drivers that no virtual machine has; a real image keeps them. */
const UNUSED = [
  'gpu',
  'media',
  'net/wireless',
  'infiniband',
  'staging',
  'iio',
  'hid',
  'input',
  'isdn',
  'mtd',
  'comedi',
  'usb/gadget',
  'thunderbolt',
  'accel',
];
const EXCLUDES = [
  ...UNUSED.map((dir) => `usr/lib/modules/*/kernel/drivers/${dir}/*`),
  'usr/lib/modules/*/kernel/sound/*',
];

/** Makes what is missing or older than its sources; says each thing that it makes. */
export async function buildDemo(): Promise<void> {
  await mkdir('dist', { recursive: true });
  await mkdir(CACHE, { recursive: true });
  const sources = await digestOf(['src', 'build', 'initramfs', 'config.d', 'package-lock.json']);
  await once(DEMO.binary, sources, () => statectl('build', 'binary'));
  const recipe = createHash('sha256')
    .update(JSON.stringify([PACKAGES, EXCLUDES]))
    .digest('hex');
  await once(`${DEMO.image}/manifest.json`, recipe, async () => {
    await rm(DEMO.image, { recursive: true, force: true });
    await statectl(
      'build',
      'image',
      '--from',
      'debian:bookworm',
      '--include',
      PACKAGES.join(','),
      '--exclude',
      EXCLUDES.join(','),
      '--name',
      'demo',
      '--compression',
      'zstd-fast',
      '--keys',
      DEMO.keys,
      '--out',
      DEMO.image,
    );
  });
  await once(DEMO.initramfs, sources + recipe, () =>
    statectl('build', 'initramfs', '--image', DEMO.image, '--keys', DEMO.keys, '--out', DEMO.initramfs),
  );
}

const statectl = (...words: string[]) => execa(process.execPath, ['src/main.ts', ...words], { stdio: 'inherit' });

/** Runs the maker unless its product was made from the same input; the stamp beside the product says from what. */
async function once(product: string, input: string, make: () => Promise<unknown>): Promise<void> {
  const stamp = `${product}.made-from`;
  const made = await readFile(stamp, 'utf8').catch(() => '');
  if (made === input && (await stat(product).catch(() => undefined))) return;
  await rm(stamp, { force: true });
  await make();
  await writeFile(stamp, input);
}

async function digestOf(paths: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  const walk = async (path: string): Promise<void> => {
    if ((await stat(path)).isDirectory())
      for (const name of (await readdir(path)).sort()) await walk(`${path}/${name}`);
    else hash.update(path).update(await readFile(path));
  };
  for (const path of paths) await walk(path);
  return hash.digest('hex');
}
