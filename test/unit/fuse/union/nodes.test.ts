import { describe, expect, it } from 'vitest';
import { type NodeLine, nodeTable, ROOT } from '../../../../src/fuse/union/nodes.ts';

function table(told: readonly NodeLine[] = []) {
  const lines = [...told];
  return { nodes: nodeTable(told, (line) => void lines.push(line)), lines, another: () => table(lines).nodes };
}

describe('numbers of names', () => {
  it('are the same for a name as long as its content is the same', () => {
    const { nodes } = table();
    const away = nodes.enter(ROOT, 'a', undefined);
    expect(nodes.enter(ROOT, 'a', 5n)).toBe(away);
    expect(nodes.enter(ROOT, 'a', undefined)).toBe(away);
    const other = nodes.enter(ROOT, 'a', 6n);
    expect(other.id).not.toBe(away.id);
    expect([nodes.pathOf(away), nodes.pathOf(other)]).toEqual([undefined, 'a']);
  });

  it('go with what is moved, and with the folder that it lies in', () => {
    const { nodes, another } = table();
    const folder = nodes.enter(ROOT, 'farm', undefined);
    const file = nodes.enter(folder.id, 'a', 5n);
    const over = nodes.enter(ROOT, 'b', 6n);
    nodes.move({ parent: folder.id, name: 'a' }, { parent: ROOT, name: 'b' });
    expect([nodes.pathOf(file), nodes.pathOf(over)]).toEqual(['b', undefined]);
    // One that is asked again.
    nodes.move({ parent: folder.id, name: 'a' }, { parent: ROOT, name: 'b' });
    expect(nodes.pathOf(file)).toBe('b');
    nodes.move({ parent: ROOT, name: 'b' }, { parent: folder.id, name: 'c' });
    nodes.move({ parent: ROOT, name: 'farm' }, { parent: ROOT, name: 'works' });
    for (const one of [nodes, another()]) {
      const known = one.get(file.id);
      expect(known && one.pathOf(known)).toBe('works/c');
      expect(one.known(folder.id, 'c')?.inode).toBe(5n);
      expect(one.known(ROOT, 'farm')).toBeUndefined();
    }
  });

  it('are told to nobody where they cannot be written down', () => {
    const lines: NodeLine[] = [];
    let isFull = false;
    const nodes = nodeTable([], (line) => {
      if (isFull) throw new Error('ENOSPC');
      lines.push(line);
    });
    nodes.enter(ROOT, 'a', undefined);
    nodes.enter(ROOT, 'b', 6n);
    isFull = true;
    const before = nodes.lines();
    for (const change of [
      () => nodes.enter(ROOT, 'new', undefined),
      () => nodes.enter(ROOT, 'a', 5n),
      () => nodes.enter(ROOT, 'b', 7n),
      () => nodes.detach(ROOT, 'a'),
      () => nodes.move({ parent: ROOT, name: 'a' }, { parent: ROOT, name: 'b' }),
      () => nodes.move({ parent: ROOT, name: 'a' }, { parent: ROOT, name: 'c' }),
    ]) {
      expect(change).toThrow('ENOSPC');
      expect(nodes.lines()).toEqual(before);
    }
    isFull = false;
    nodes.enter(ROOT, 'new', undefined);
    expect(nodeTable(lines, () => {}).lines()).toEqual(nodes.lines());
  });

  it('are kept by another process, and never given twice', () => {
    const { nodes, another } = table();
    const gone = nodes.enter(ROOT, 'gone', 5n);
    nodes.detach(ROOT, 'gone');
    const last = nodes.enter(ROOT, 'last', 6n);
    nodes.forget(last.id, 1);
    const next = another();
    expect([next.get(gone.id)?.inode, next.get(last.id)]).toEqual([5n, undefined]);
    expect(next.enter(ROOT, 'new', 7n).id).toBeGreaterThan(last.id);
    expect(table(next.lines()).nodes.lines()).toEqual(next.lines());
  });

  it('go when the kernel forgot as often as it was told', () => {
    const { nodes, another } = table();
    const node = nodes.enter(ROOT, 'a', 5n);
    nodes.enter(ROOT, 'a', 5n);
    expect(nodes.forget(node.id, 1)).toBeUndefined();
    expect(nodes.pathOf(node)).toBe('a');
    const next = another();
    // How often whoever served before told it is not known.
    expect(next.forget(node.id, 2)?.inode).toBe(5n);
    expect(nodes.forget(node.id, 1)?.inode).toBe(5n);
    expect([nodes.get(node.id), nodes.known(ROOT, 'a'), nodes.forget(ROOT, 1)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('lead nowhere from a folder that is no more', () => {
    const { nodes } = table();
    const folder = nodes.enter(ROOT, 'farm', undefined);
    const file = nodes.enter(folder.id, 'a', 5n);
    nodes.forget(folder.id, 1);
    expect(nodes.pathOf(file)).toBeUndefined();
  });
});
