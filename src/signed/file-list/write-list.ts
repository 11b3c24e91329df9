import { compareInTree } from '../../host/system-tree/tree-entry.ts';
import { type ListEntry, lineOf } from './entry-line.ts';
import { BLOCK_BYTES, packed, skipped, trailerOf } from './layout.ts';

/**
 * The list of a tree, from entries in the order of the tree: the same entries make the same bytes. Throws an Error where they are
 * in another order, or one is there twice.
 */
export function writeFileList(entries: Iterable<ListEntry>): Buffer {
  const frames: Buffer[] = [];
  const index: string[] = [];
  let offset = 0;
  let lines: string[] = [];
  let bytes = 0;
  let last: string | undefined;
  const flush = (): void => {
    if (lines.length === 0) return;
    const frame = packed(lines.join(''));
    const [first = ''] = lines;
    index.push(`${first.slice(0, first.indexOf(' '))} ${offset} ${frame.length} ${lines.length}\n`);
    frames.push(frame);
    offset += frame.length;
    lines = [];
    bytes = 0;
  };
  for (const entry of entries) {
    if (last !== undefined && compareInTree(last, entry.path) >= 0)
      throw new Error(`${JSON.stringify(entry.path)} does not come after ${JSON.stringify(last)}`);
    last = entry.path;
    const line = `${lineOf(entry)}\n`;
    if (bytes + line.length > BLOCK_BYTES) flush();
    lines.push(line);
    bytes += line.length;
  }
  flush();
  const indexFrame = skipped(packed(index.join('')));
  return Buffer.concat([...frames, indexFrame, trailerOf({ offset: offset + 8, bytes: indexFrame.length - 8 })]);
}
