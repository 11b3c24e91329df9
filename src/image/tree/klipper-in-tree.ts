import { dirname } from 'node:path';
import type { Host } from '../../host/host.ts';
import { findInTree } from './in-tree.ts';
import { readInTree } from './tree-content.ts';

/** Where people and distributions put it; KIAUH and MainsailOS have /home/pi/klipper. */
const PLACES = ['home/*/*', 'root/*', 'opt/*', 'srv/*', 'usr/local/*', 'usr/share/*', 'usr/lib/*'];
const COMMIT = /^[0-9a-f]{40}$/;

/**
 * The version of each Klipper of a tree, by its folder, so that before an update somebody can say whether boards go with it. As Klipper
 * itself: by git, else by `klippy/.version`. git is not asked: settings of a stranger's repository run programs. One that does not say
 * is told.
 */
export async function klippersInTree(
  { files, console }: Pick<Host, 'files' | 'console'>,
  tree: string,
): Promise<Readonly<Record<string, string>> | undefined> {
  const found = (await Promise.all(PLACES.map((place) => findInTree(files, tree, `${place}/klippy/klippy.py`)))).flat();
  const versions: (readonly [string, string])[] = [];
  for (const program of new Set(found)) {
    const folder = dirname(dirname(program)).slice(tree.length);
    const read = async (path: string) =>
      (await readInTree(files, tree, `${folder}/${path}`).catch(() => undefined))?.toString();
    const version = (await commitOf(read)) ?? versionIn((await read('klippy/.version')) ?? '');
    if (version === undefined)
      console.line(
        'warning',
        `${folder} does not say which Klipper it is, so nobody can tell before an update whether boards go with it: write what \`git describe --always --tags --long\` says into klippy/.version`,
      );
    else {
      console.line('info', `image: Klipper ${version} in ${folder}`);
      versions.push([folder, version]);
    }
  }
  return versions.length === 0 ? undefined : Object.fromEntries(versions);
}

type Read = (path: string) => Promise<string | undefined>;

async function commitOf(read: Read): Promise<string | undefined> {
  const head = (await read('.git/HEAD'))?.trim() ?? '';
  const [, ref] = /^ref: (refs\/[\w./-]+)$/.exec(head) ?? [];
  if (ref === undefined) return COMMIT.test(head) ? head : undefined;
  const loose = (await read(`.git/${ref}`))?.trim() ?? '';
  if (COMMIT.test(loose)) return loose;
  const packed = (await read('.git/packed-refs')) ?? '';
  const line = packed.split('\n').find((each) => each.endsWith(` ${ref}`));
  const commit = line?.split(' ', 1)[0] ?? '';
  return COMMIT.test(commit) ? commit : undefined;
}

const versionIn = (text: string): string | undefined => /^[!-~]{1,100}$/.exec(text.trim())?.[0];
