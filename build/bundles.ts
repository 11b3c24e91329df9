import { resolve } from 'node:path';
import { type BuildOptions, build, type Metafile } from 'esbuild';
import { PARTS } from '../src/part.ts';

const COMMON = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node26',
  minify: true,
  // All notices are in the binary, in one place: build/licences/notices.ts.
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
  // What asks for it asks first whether it is the executable: config/check/check-apart.ts.
  logOverride: { 'empty-import-meta': 'silent' },
  // import() becomes a lazy require, so a module that a boot does not reach is never initialised.
  supported: { 'dynamic-import': false },
} satisfies BuildOptions;
/** What a checkout alone can do. */
const CHECKOUT_ONLY = ['*/build/binary.ts', '*/build/licences/notices.ts'];

/** Makes boot.cjs and one bundle a part in this folder; says what is in each. Without a folder nothing is written. */
export async function makeBundles(folder?: string): Promise<readonly Metafile[]> {
  const parts = Object.entries(PARTS);
  const make = (entry: string, name: string, external: readonly string[]) =>
    build({
      ...COMMON,
      entryPoints: [entry],
      outfile: `${folder ?? 'dist'}/${name}`,
      write: folder !== undefined,
      external: [...external, ...CHECKOUT_ONLY],
    });
  const bundles = [
    // The parts are not in this bundle: the executable loads each from its asset. By their whole path: a room may have a file
    // of such a name, too.
    await make(
      'src/main.ts',
      'boot.cjs',
      parts.map(([part]) => resolve(`src/${part}.ts`)),
    ),
  ];
  for (const [part, asset] of parts) bundles.push(await make(`src/${part}.ts`, asset, []));
  return bundles.map(({ metafile }) => metafile);
}
