import { join } from 'node:path';
import { StatectlError } from '../../../error.ts';
import { recordOrNone } from '../../../host/record.ts';
import type { Store } from '../../store/store.ts';
import type { StateKind } from '../kind.ts';
import { type HistoryPart, itemPath, LINE } from '../state-folder.ts';
import { commitFiles, type FileNow } from './commit.ts';
import { readBlobs, readTree } from './config-tree.ts';
import { branchRef, type ConfigRepository, commitOf, findRepository, MAIN } from './repository.ts';
import { repositorySize } from './repository-size.ts';

/** Where a history is, for who looks at the files: `git.json` in the folder of the item. */
interface GitMark {
  readonly ref: string;
  readonly repository: string;
}

const MARK = 'git.json';
const MOST_LACKING = 20;

/** Says that a history has something of the item. */
export async function markItem(
  store: Store,
  printer: string,
  where: HistoryPart,
  item: string,
  mark: GitMark,
): Promise<void> {
  const { files } = store.host;
  const folder = itemPath(store, printer, where, item);
  const path = join(folder, MARK);
  const was = recordOrNone<GitMark>(await files.readText(path).catch(() => undefined), {
    ref: 'text',
    repository: 'text',
  });
  if (was?.ref === mark.ref && was.repository === mark.repository) return;
  await files.mkdir(folder, 0o700);
  await files.write(path, `${JSON.stringify(mark)}\n`, { mode: 0o600 });
}

const refOf = (where: HistoryPart): string | undefined =>
  where.part === 'line' ? MAIN : where.part === 'branch' ? branchRef(where.branch) : undefined;

/** What an admin may do with configs: tell of them, take those of a branch, export them. */
export function gitKind(store: Store): Omit<StateKind, 'head'> {
  const at = async (printer: string, where: HistoryPart, item: string) => {
    const repository = await findRepository(store, printer, item);
    const ref = refOf(where);
    const tip = repository && ref !== undefined ? await commitOf(repository, ref) : undefined;
    return repository && tip !== undefined ? { repository, tip } : undefined;
  };
  return {
    async summary(printer, where, item) {
      const found = await at(printer, where, item);
      if (!found) return undefined;
      const { repository, tip } = found;
      const [count, seconds] = [
        await repository.git.run(['rev-list', '--count', tip]),
        await repository.git.run(['show', '-s', '--format=%ct', tip]),
      ].map(Number) as [number, number];
      const line = await commitOf(repository, MAIN);
      const isLine = where.part === 'line';
      return {
        ...{ id: tip, atMs: seconds * 1000, kept: count },
        // One repository has them all.
        bytes: isLine ? (await repositorySize(repository)).bytes : 0,
        ...(!isLine && { lacking: await differingPaths(repository, line, tip) }),
      };
    },

    /** As a commit of its own: what the line had stays in its history, and the branch as it is. */
    async take(printer, branch, item) {
      const found = await at(printer, { part: 'branch', branch }, item);
      if (!found) return undefined;
      const { repository, tip } = found;
      const line = await commitOf(repository, MAIN);
      const message = `What ${branch} had`;
      await commitTree(repository, { to: tip, from: line, message, others: [tip], author: { name: 'statectl' } });
      await markItem(store, printer, LINE, item, { ref: MAIN, repository: repository.path });
      return tip;
    },

    /** The files as they are; of the line, all of its history as a bundle of git, too, of which `git clone` makes a repository. */
    async *export(printer, where, item) {
      const found = await at(printer, where, item);
      if (!found) return;
      const { repository, tip } = found;
      const { files } = await readTree(repository, tip);
      for (const [path, { blob }] of files)
        yield { path, content: (await readBlobs(repository, [blob])).get(blob) ?? Buffer.alloc(0) };
      if (where.part !== 'line') return;
      // A clone has the files of what HEAD names, where that is there.
      const { exitCode } = await repository.git.attempt(['rev-parse', '--verify', '--quiet', 'HEAD^{commit}']);
      const head = exitCode === 0 ? ['HEAD'] : [];
      const bundle = await repository.git.run(
        ['bundle', 'create', '--quiet', '-', ...head, '--branches', '--tags'],
        undefined,
        'latin1',
      );
      // A name that no config may have.
      yield { path: '.git-history.bundle', content: Buffer.from(bundle, 'latin1') };
    },

    async drop(printer, branch, item) {
      const found = await at(printer, { part: 'branch', branch }, item);
      if (found) await found.repository.git.run(['update-ref', '-d', branchRef(branch)]);
    },
  };
}

async function differingPaths(
  repository: ConfigRepository,
  from: string | undefined,
  to: string,
): Promise<readonly string[]> {
  const [was, is] = [await readTree(repository, from), await readTree(repository, to)];
  const all = new Set([...was.files.keys(), ...is.files.keys()]);
  return [...all]
    .filter((path) => was.files.get(path)?.blob !== is.files.get(path)?.blob)
    .toSorted()
    .slice(0, MOST_LACKING);
}

/** Makes the line what a commit was. Gives the new one; undefined: it is that already. Throws `git-failed`. */
export async function commitTree(
  repository: ConfigRepository,
  {
    to,
    from,
    message,
    others = [],
    author,
  }: {
    readonly to: string;
    readonly from: string | undefined;
    readonly message: string;
    readonly others?: readonly string[];
    readonly author: { readonly name: string };
  },
): Promise<string | undefined> {
  const [was, is] = [await readTree(repository, from), await readTree(repository, to)];
  const files = new Map<string, FileNow>();
  for (const [path, file] of is.files) if (was.files.get(path)?.blob !== file.blob) files.set(path, file);
  for (const path of was.files.keys()) if (!is.files.has(path)) files.set(path, undefined);
  if (files.size === 0) return undefined;
  const parents = [...(from === undefined ? [] : [from]), ...others];
  const authoredMs = repository.host.clock.now();
  const made = await commitFiles(repository, { ref: MAIN, parents, files, author, authoredMs, message });
  if (made !== undefined) return made;
  throw new StatectlError('git-failed', `${repository.path}: somebody pushed meanwhile; nothing was changed`, {
    hint: 'look what it was, and do it again',
  });
}
