import { describe, expect, it } from 'vitest';
import { type FaultOfNodes, goodPart } from '../../../../src/config/history/good-part.ts';
import type { Snapshot } from '../../../../src/config/history/snapshot.ts';

const at = (file: string, nodeFiles?: readonly string[]): FaultOfNodes => ({
  ...{ file, line: 1, column: 1, message: 'is bad' },
  ...(nodeFiles && { nodeFiles }),
});
/** Each file with "bad" in it has a fault. */
const check = async (snapshot: Snapshot) => [...snapshot].flatMap(([file, text]) => (text === 'bad' ? [at(file)] : []));
const part = async (edited: object, good: object, faults?: readonly FaultOfNodes[], again = check) => {
  const snapshot = new Map(Object.entries(edited));
  const found = await goodPart(snapshot, new Map(Object.entries(good)), faults ?? (await check(snapshot)), again);
  return found && { ...Object.fromEntries(found.snapshot), held: found.held };
};

describe('the good part of an edit', () => {
  it('is all but the faulty nodes and templates, which stay as they were', async () => {
    const edited = { 'nodes/a.conf': 'bad', 'templates/x/t': 'bad', 'nodes/b.conf': 'new', 'system/boot.conf': 'new' };
    const good = { 'nodes/a.conf': 'old', 'nodes/b.conf': 'old' };
    expect(await part(edited, good)).toStrictEqual({
      ...{ 'nodes/a.conf': 'old', 'nodes/b.conf': 'new', 'system/boot.conf': 'new' },
      held: ['nodes/a.conf', 'templates/x/t'],
    });
  });

  it('is nothing where the fault is everybody’s, or was there before', async () => {
    expect(await part({ 'system/boot.conf': 'bad' }, { 'system/boot.conf': 'old' })).toBeUndefined();
    expect(await part({ 'x/nodes/a.conf': 'bad' }, {})).toBeUndefined();
    expect(await part({ 'nodes/a.conf': 'bad' }, { 'nodes/a.conf': 'bad' })).toBeUndefined();
    const both = { 'nodes/a.conf': 'bad', 'system/boot.conf': 'bad' };
    expect(await part(both, {})).toBeUndefined();
  });

  it('is all but the nodes that alone have a fault that stands elsewhere', async () => {
    const edited = { 'nodes/a.conf': 'x', 'nodes/b.conf': 'y', 'system/boot.conf': 'new' };
    const good = { 'nodes/b.conf': 'y', 'system/boot.conf': 'new' };
    const found = [at('system/boot.conf', ['nodes/a.conf', 'nodes/b.conf'])];
    expect(await part(edited, good, found)).toEqual({
      ...{ 'nodes/b.conf': 'y', 'system/boot.conf': 'new' },
      held: ['nodes/a.conf'],
    });
    expect(await part(good, good, found)).toBeUndefined();
  });

  it('comes by rounds, where one that was taken back shows the next', async () => {
    const again = async (snapshot: Snapshot) =>
      snapshot.get('nodes/a.conf') === 'old' && snapshot.get('nodes/b.conf') === 'new' ? [at('nodes/b.conf')] : [];
    const edited = { 'nodes/a.conf': 'bad', 'nodes/b.conf': 'new' };
    const good = { 'nodes/a.conf': 'old', 'nodes/b.conf': 'old' };
    expect(await part(edited, good, [at('nodes/a.conf')], again)).toEqual({
      ...good,
      held: ['nodes/a.conf', 'nodes/b.conf'],
    });
  });
});
