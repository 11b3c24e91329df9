import { basename, dirname } from 'node:path/posix';
import { reasonOf } from '../../error.ts';
import type { Files } from '../../host/host.ts';
import type { PlainFile, PlainTree } from '../../host/plain-tree.ts';
import { resolveInTree } from '../../host/tree.ts';
import { isOfRing } from './log-ring.ts';
import type { LeftFile, LogFile } from './plan-archive.ts';

/** A file, and the open tree that it is in. */
export interface FoundLog extends LogFile {
  readonly tree: PlainTree;
  readonly file: PlainFile;
}

export interface FoundLogs extends AsyncDisposable {
  readonly files: readonly FoundLog[];
  readonly left: readonly LeftFile[];
}

/**
 * Finds what log.conf names. Who writes logs may put anything there: no link is followed but those of root on the way to what is named,
 * and pipes, sockets, devices and other file systems are left out, each with why. What is not there is left out in silence. Nothing is
 * read yet.
 */
export async function findLogs(files: Files, named: readonly string[]): Promise<FoundLogs> {
  const found = new Map<string, FoundLog>();
  const left: LeftFile[] = [];
  const trees: PlainTree[] = [];
  const take = (top: string, tree: PlainTree, all: readonly PlainFile[]) => {
    for (const file of all)
      if (!isOfRing(basename(file.path))) {
        const path = `${top}/${file.path}`.slice(1);
        found.set(path, { path, sizeBytes: file.sizeBytes, tree, file });
      }
  };
  for (const path of named) {
    try {
      const real = await resolveInTree(files, '/', path);
      if (!real) continue;
      const other = await linkOfOther(files, real.links);
      if (other !== undefined || !['dir', 'file'].includes(real.stat.type)) {
        left.push({ path: path.slice(1), why: other ?? 'it is neither a file nor a folder' });
        continue;
      }
      const isFolder = real.stat.type === 'dir';
      const tree = await files.openTree(isFolder ? real.path : dirname(real.path));
      trees.push(tree);
      if (!isFolder) {
        const file = await tree.look(basename(real.path));
        if (file) take(dirname(path), tree, [{ ...file, path: file.path }]);
        continue;
      }
      const scan = await tree.scan();
      take(path, tree, scan.files);
      // What it says beyond that is for a printer's folders.
      left.push(
        ...scan.left.map((one) => ({ path: `${path}/${one.path}`.slice(1), why: one.why.split(':')[0] ?? '' })),
      );
      if (scan.isCut) left.push({ path: path.slice(1), why: 'it has more files than are looked at' });
    } catch (error) {
      left.push({ path: path.slice(1), why: reasonOf(error) });
    }
  }
  return {
    files: [...found.values()],
    left,
    async [Symbol.asyncDispose]() {
      for (const tree of trees) await tree[Symbol.asyncDispose]();
    },
  };
}

async function linkOfOther(files: Pick<Files, 'stat'>, links: readonly { readonly path: string }[]) {
  for (const { path } of links) {
    const stat = await files.stat(path);
    if (stat?.uid !== 0) return `${path} on the way is a link of another than root`;
  }
  return undefined;
}
