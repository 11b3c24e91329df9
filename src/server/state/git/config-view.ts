import type { ConfigFiles } from '../../../protocol/state/config-files.ts';
import { type ConfigTree, EMPTY_TREE, readBlobs, readTree, type TreeFile } from './config-tree.ts';
import { COMMON, type ConfigRepository } from './repository.ts';

/** The commits that make a config: the printer's own, and that of the includes that printers share. */
export interface ConfigVersion {
  readonly own: string | undefined;
  readonly common: string | undefined;
}

/** undefined: there is nothing. */
export const idOf = ({ own, common }: ConfigVersion): string | undefined =>
  own === undefined && common === undefined
    ? undefined
    : `${own ?? 'empty'}${common === undefined ? '' : `.${common}`}`;

export function versionOf(id: string | null | undefined): ConfigVersion {
  const [own = 'empty', common] = (id ?? 'empty').split('.');
  return { own: own === 'empty' ? undefined : own, common };
}

export interface Repositories {
  readonly own: ConfigRepository;
  readonly common: ConfigRepository | undefined;
}

/** A file, with the repository that has it. */
export type ViewFile = TreeFile & { readonly isShared: boolean };

export interface ConfigView {
  readonly files: ReadonlyMap<string, ViewFile>;
  readonly skipped: ReadonlyMap<string, string>;
}

/** What a machine is given: its own files, and below `common/` the shared ones of which it has none of its own. Throws `git-failed`. */
export async function viewOf({ own, common }: Repositories, version: ConfigVersion): Promise<ConfigView> {
  return laidOver(await readTree(own, version.own), common ? await readTree(common, version.common) : EMPTY_TREE);
}

/** Pure. */
function laidOver(own: ConfigTree, shared: ConfigTree): ConfigView {
  const files = new Map([...own.files].map(([path, file]) => [path, { ...file, isShared: false }]));
  for (const [path, file] of shared.files) {
    const at = `${COMMON}/${path}`;
    if (!files.has(at) && inTheWay(at, own.files.keys()).length === 0) files.set(at, { ...file, isShared: true });
  }
  const skipped = [...shared.skipped].map(([path, why]) => [`${COMMON}/${path}`, why] as const);
  return { files, skipped: new Map([...own.skipped, ...skipped]) };
}

/** Paths that cannot be where a file is to be: a file as its folder, or files in a folder of its name. Pure. */
export const inTheWay = (path: string, all: Iterable<string>): readonly string[] =>
  [...all].filter((other) => other.startsWith(`${path}/`) || path.startsWith(`${other}/`));

/** Content of files of a view, by path. Throws `git-failed`. */
export async function readViewFiles(
  { own, common }: Repositories,
  files: Iterable<readonly [path: string, file: ViewFile]>,
): Promise<ReadonlyMap<string, Buffer>> {
  const wanted = [...files];
  const blobsOf = (isShared: boolean) =>
    wanted.filter(([, file]) => file.isShared === isShared).map(([, { blob }]) => blob);
  const shared = common ? await readBlobs(common, blobsOf(true)) : new Map<string, Buffer>();
  const ours = await readBlobs(own, blobsOf(false));
  const bytesOf = ({ blob, isShared }: ViewFile) => (isShared ? shared : ours).get(blob) ?? Buffer.alloc(0);
  return new Map(wanted.map(([path, file]) => [path, bytesOf(file)]));
}

/** What is in one view and was not so in another. Throws `git-failed`. */
export async function changedFiles(
  repositories: Repositories,
  before: ConfigView,
  after: ConfigView,
): Promise<ConfigFiles['files']> {
  const changed = [...after.files].filter(([path, { blob }]) => before.files.get(path)?.blob !== blob);
  const contents = await readViewFiles(repositories, changed);
  const gone = [...before.files.keys()].filter((path) => !after.files.has(path) && !after.skipped.has(path));
  return [
    ...gone.map((path) => ({ path, content: null })),
    ...[...contents].map(([path, bytes]) => ({ path, content: bytes.toString('base64') })),
  ];
}
