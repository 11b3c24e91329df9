import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { execa } from 'execa';
import { digestOf, once } from './once.ts';

/** What `npm start` and the boot tests boot: one Debian image and initramfs, built once into the checkout's cache. */
export const CACHE = '.cache';
export const DEMO = {
  keys: `${CACHE}/keys`,
  image: `${CACHE}/demo`,
  binary: 'dist/statectl',
  initramfs: `${CACHE}/demo/initramfs.img`,
  /** The server's: its authority is baked into the initramfs. */
  state: `${CACHE}/state`,
} as const;

const PACKAGES = [
  'qemu-guest-agent',
  'procps',
  'systemd-resolved',
  'openssh-server',
  'rsyslog',
  'rsyslog-gnutls',
  'sqlite3',
  // The disk of a management host, in tests of volumes.
  'drbd-utils',
];
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

/** What the binary and an initramfs are made of. */
export const SOURCES = [
  ...['src', 'build/binary.ts', 'build/bundles.ts', 'build/licences', 'build/small-icu.ts'],
  ...['initramfs', 'config.d', 'package-lock.json'],
];

/** Makes what is missing or older than its sources; says each thing that it makes. */
export async function buildDemo(): Promise<void> {
  await mkdir('dist', { recursive: true });
  await mkdir(CACHE, { recursive: true });
  const sources = await digestOf(SOURCES);
  await once(DEMO.binary, sources, () => statectl('build', 'binary'));
  const recipe = createHash('sha256')
    .update(JSON.stringify([PACKAGES, EXCLUDES, await digestOf(['src/image'])]))
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
  if (!existsSync(`${DEMO.keys}/ca.pem`) || !existsSync(`${DEMO.state}/keys/ca.key`)) {
    // The two belong together: where one is lost, both are made anew.
    await rm(`${DEMO.keys}/ca.pem`, { force: true });
    await statectl('build', 'keys', '--keys', DEMO.keys, '--state', DEMO.state);
  }
  const trusted = await digestOf([DEMO.keys]);
  await once(DEMO.initramfs, sources + recipe + trusted, () =>
    statectl('initramfs', 'build', '--image', DEMO.image, '--keys', DEMO.keys, '--out', DEMO.initramfs),
  );
}

/** Progress goes to stderr: a bench with --json has stdout for itself. */
const statectl = (...words: string[]) =>
  execa(process.execPath, ['src/main.ts', ...words], { stdin: 'inherit', stdout: 2, stderr: 2 });
