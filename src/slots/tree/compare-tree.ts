import { compareInTree, isWithin, type TreeEntry, type Xattr } from '../../host/system-tree/tree-entry.ts';

export type Difference =
  | 'missing'
  | 'extra'
  | 'type'
  | 'content'
  | 'mode'
  | 'owner'
  | 'xattrs'
  | 'link'
  | 'device'
  | 'unreadable';

/** A name that is not as the list has it, in bytes as `TreeEntry` has them. */
export interface Deviation {
  readonly path: string;
  readonly what: readonly Difference[];
}

/** What is the machine's own in the root of a tree slot: the boot flag, and where fsck puts what it finds. */
export const NOT_OF_IMAGE: readonly string[] = ['/.statectl', '/lost+found'];

export interface Comparison {
  readonly deviations: readonly Deviation[];
  /** Of what is to go, or to be written anew: room that it gives back. */
  readonly givesBackBytes: number;
}

/** How many are named; of a tree that is another one altogether the rest is like them. */
const MOST = 200_000;

/** btrfs.* are properties of where a file lies, not of the file. */
const known = (xattrs: readonly Xattr[] | undefined): readonly Xattr[] =>
  (xattrs ?? []).filter(([name]) => !name.startsWith('btrfs.'));

function sameXattrs(a: readonly Xattr[] | undefined, b: readonly Xattr[] | undefined): boolean {
  const [left, right] = [known(a), known(b)];
  return (
    left.length === right.length &&
    left.every(([name, value], at) => name === right[at]?.[0] && value === right[at]?.[1])
  );
}

/** What of an entry is not as the list has it; `hardLink` is the name that should have the same file. Pure. */
function differences(should: TreeEntry, is: TreeEntry, hardLink: string | undefined): readonly Difference[] {
  if (should.type !== is.type) return ['type'];
  const isSameFile = is.hardLink !== undefined && is.hardLink === hardLink;
  return [
    // Its content is that of the name before, which was compared.
    ...(should.type !== 'file' || isSameFile || (is.sha256 === should.sha256 && is.sizeBytes === should.sizeBytes)
      ? []
      : (['content'] as const)),
    ...(should.mode === is.mode ? [] : (['mode'] as const)),
    ...(should.uid === is.uid && should.gid === is.gid ? [] : (['owner'] as const)),
    ...(is.hardLink !== undefined || sameXattrs(should.xattrs, is.xattrs) ? [] : (['xattrs'] as const)),
    ...(should.target === is.target && hardLink === is.hardLink ? [] : (['link'] as const)),
    ...(should.rdev?.major === is.rdev?.major && should.rdev?.minor === is.rdev?.minor ? [] : (['device'] as const)),
  ];
}

/**
 * Compares what a tree should have with what it has, both in the order of the tree, of which neither is held: a name at a time. Of a
 * folder that should not be there, or is missing, its name alone is told. Pure.
 */
export async function compareTree(
  list: Iterable<TreeEntry>,
  tree: AsyncIterable<TreeEntry>,
  { of, onEntry }: { readonly of: 'all' | 'some names'; readonly onEntry?: ((entry: TreeEntry) => void) | undefined },
): Promise<Comparison> {
  const deviations: Deviation[] = [];
  let givesBackBytes = 0;
  let goes: string | undefined;
  const tell = (path: string, what: readonly Difference[]): void => {
    if (deviations.length < MOST) deviations.push({ path, what });
  };
  /** Of names that were chosen, the first of those that are one file. */
  const firsts = new Map<string, string>();
  const linkOf = ({ path, hardLink, type }: TreeEntry): string | undefined => {
    if (of === 'all' || type !== 'file') return hardLink;
    const first = firsts.get(hardLink ?? path);
    if (first === undefined) firsts.set(hardLink ?? path, path);
    return first;
  };
  const expected = list[Symbol.iterator]();
  let next = expected.next();
  let gone: string | undefined;
  const passMissing = (): void => {
    if (next.done) return;
    const { path, type } = next.value;
    linkOf(next.value);
    if (gone === undefined || !isWithin(gone, path)) {
      tell(path, ['missing']);
      gone = type === 'dir' ? path : undefined;
    }
    next = expected.next();
  };
  for await (const is of tree) {
    onEntry?.(is);
    while (!next.done && compareInTree(next.value.path, is.path) < 0) passMissing();
    if (goes !== undefined && isWithin(goes, is.path)) {
      givesBackBytes += is.sizeBytes ?? 0;
      continue;
    }
    if (next.done || next.value.path !== is.path) {
      goes = is.path;
      givesBackBytes += is.sizeBytes ?? 0;
      tell(is.path, ['extra']);
      continue;
    }
    const what = differences(next.value, is, linkOf(next.value));
    if (what.length > 0) {
      tell(is.path, what);
      givesBackBytes += is.sizeBytes ?? 0;
      // Names below it are none of the list, whose entry is no folder.
      if (what.includes('type')) goes = is.path;
    }
    next = expected.next();
  }
  while (!next.done) passMissing();
  return { deviations, givesBackBytes };
}
