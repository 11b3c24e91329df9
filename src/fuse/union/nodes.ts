import { joinPath } from './shown-index.ts';

/** What the kernel knows by a number: a name and the one content that it has, as long as either is there. */
export interface Node {
  readonly id: number;
  /** Folder and name; absent: it has no name any more. */
  at?: { readonly parent: number; readonly name: string };
  /** Inode of the file here; absent: it is not here, or a folder. */
  inode?: bigint;
  /** How often the kernel was told of it; infinite: whoever served before told it. */
  lookups: number;
}

/**
 * One change, a line of JSON: `[id, parent, name, inode]` (a name, and of what), `[id]` (no name), `[-id]` (forgotten). Inodes are
 * text: they have 64 bits.
 */
export type NodeLine = readonly [number, number, string, string] | readonly [number];

/** Numbers of names. What the kernel was told is written down: another process goes on with it. */
export interface Nodes {
  get(id: number): Node | undefined;
  /** Of what has a name; undefined: it has none. */
  pathOf(node: Node): string | undefined;
  /** What the kernel knows of a name; nothing is told to it by this. */
  known(parent: number, name: string): Node | undefined;
  /** Tells the kernel of a name: another number where its content is another one. */
  enter(parent: number, name: string, inode: bigint | undefined): Node;
  /** A name goes, or is another's from now on; its content may stay open. */
  detach(parent: number, name: string): void;
  move(
    from: { readonly parent: number; readonly name: string },
    to: { readonly parent: number; readonly name: string },
  ): void;
  /** Gives the nodes that are gone now. */
  forget(id: number, count: number): Node | undefined;
  /** Another kernel's, or another mount's: it knows nothing yet. */
  clear(): void;
  /** Lines that say all of it. */
  lines(): readonly NodeLine[];
}

export const ROOT = 1;

const keyOf = (parent: number, name: string): string => `${parent}/${name}`;

/** `told`: lines of whoever served before. `write`: where it throws, nothing has changed here: what the kernel is told is written down first. */
export function nodeTable(told: readonly NodeLine[], write: (line: NodeLine) => void): Nodes {
  const nodes = new Map<number, Node>();
  const names = new Map<string, Node>();
  let last = ROOT;
  const put = (node: Node): void => {
    nodes.set(node.id, node);
    if (node.at) names.set(keyOf(node.at.parent, node.at.name), node);
    last = Math.max(last, node.id);
  };
  const unname = (node: Node): void => {
    if (!node.at) return;
    const key = keyOf(node.at.parent, node.at.name);
    if (names.get(key) === node) names.delete(key);
    delete node.at;
  };
  const lineOf = ({ id, at, inode }: Node): NodeLine => (at ? [id, at.parent, at.name, String(inode ?? '')] : [id]);
  for (const [id, parent, name, inode] of told) {
    const before = nodes.get(Math.abs(id));
    if (before) unname(before);
    // Numbers that were given are not given again.
    last = Math.max(last, Math.abs(id));
    if (id < 0) nodes.delete(-id);
    else if (parent === undefined || name === undefined)
      put({ id, lookups: Number.POSITIVE_INFINITY, ...(before?.inode !== undefined && { inode: before.inode }) });
    else
      put({
        id,
        at: { parent, name },
        lookups: Number.POSITIVE_INFINITY,
        ...(inode && { inode: BigInt(inode) }),
      });
  }
  if (!nodes.has(ROOT)) nodes.set(ROOT, { id: ROOT, lookups: Number.POSITIVE_INFINITY });

  function pathOf(node: Node): string | undefined {
    const parts: string[] = [];
    for (let one: Node | undefined = node; one?.id !== ROOT; one = nodes.get(one.at.parent)) {
      if (!one?.at) return undefined;
      parts.unshift(one.at.name);
    }
    return parts.reduce(joinPath, '');
  }

  return {
    get: (id) => nodes.get(id),
    pathOf,
    known: (parent, name) => names.get(keyOf(parent, name)),
    enter(parent, name, inode) {
      const known = names.get(keyOf(parent, name));
      if (known && (known.inode === undefined || inode === undefined || known.inode === inode)) {
        if (known.inode === undefined && inode !== undefined) {
          write(lineOf({ ...known, inode }));
          known.inode = inode;
        }
        known.lookups += 1;
        return known;
      }
      if (known) {
        write([known.id]);
        unname(known);
      }
      const node: Node = { id: last + 1, at: { parent, name }, lookups: 1, ...(inode !== undefined && { inode }) };
      write(lineOf(node));
      put(node);
      return node;
    },
    detach(parent, name) {
      const node = names.get(keyOf(parent, name));
      if (!node) return;
      write([node.id]);
      unname(node);
    },
    move(from, to) {
      const node = names.get(keyOf(from.parent, from.name));
      // It was moved already.
      if (!node) return;
      const over = names.get(keyOf(to.parent, to.name));
      if (over && over !== node) {
        write([over.id]);
        unname(over);
      }
      write(lineOf({ ...node, at: to }));
      unname(node);
      node.at = to;
      put(node);
    },
    forget(id, count) {
      const node = nodes.get(id);
      if (!node || id === ROOT) return undefined;
      // The kernel says it once, with all that it was told; how much that was by whoever served before is not known.
      node.lookups = Number.isFinite(node.lookups) ? node.lookups - count : 0;
      if (node.lookups > 0) return undefined;
      write([-id]);
      unname(node);
      nodes.delete(id);
      return node;
    },
    clear() {
      nodes.clear();
      names.clear();
      nodes.set(ROOT, { id: ROOT, lookups: Number.POSITIVE_INFINITY });
    },
    lines: () => [...nodes.values()].filter(({ id }) => id !== ROOT).map(lineOf),
  };
}
