import { dirname } from 'node:path/posix';
import { getAsset, getAssetKeys, isSea } from 'node:sea';
import { nearest } from '../config/check/suggest.ts';
import { StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';

/** Under this folder the executable holds the documents of docs/. */
export const PAGE_ASSETS = 'docs/';

const FOLDERS = ['start', 'guide', 'reference', 'reference/settings', 'design'] as const;
const PAGE = /\.(?:md|json)$/;

type Files = Pick<Host, 'files'>;

/** In a checkout; the executable has no such place. */
const folder = (): string => `${import.meta.dirname}/../../docs`;

/** The names of the documents, in the order in which one reads them: `guide/secrets`. */
export async function documentNames({ files }: Files): Promise<readonly string[]> {
  const paths = isSea()
    ? getAssetKeys().flatMap((key) => (key.startsWith(PAGE_ASSETS) ? [key.slice(PAGE_ASSETS.length)] : []))
    : (
        await Promise.all(
          FOLDERS.map(async (name) => (await files.list(`${folder()}/${name}`)).map((file) => `${name}/${file}`)),
        )
      ).flat();
  const placeOf = (path: string) => (FOLDERS as readonly string[]).indexOf(dirname(path));
  return paths
    .filter((path) => PAGE.test(path))
    .toSorted((a, b) => placeOf(a) - placeOf(b) || (a < b ? -1 : 1))
    .map((path) => path.replace(/\.md$/, ''));
}

/** A document as it stands in docs/. Throws `usage` where there is none of this name. */
export async function documentText(host: Files, name: string, others: readonly string[]): Promise<string> {
  const names = await documentNames(host);
  if (!names.includes(name)) throw noSuchPage(name, [...others, ...names]);
  const path = PAGE.test(name) ? name : `${name}.md`;
  return isSea() ? getAsset(`${PAGE_ASSETS}${path}`, 'utf8') : host.files.readText(`${folder()}/${path}`);
}

function noSuchPage(name: string, names: readonly string[]): StatectlError {
  const meant = nearest(name, names) ?? names.find((known) => known.endsWith(`/${name}`));
  return new StatectlError('usage', `there is no page ${JSON.stringify(name)}`, {
    hint: `${meant === undefined ? '' : `did you mean ${meant}? `}\`statectl manual --list\` names all`,
  });
}
