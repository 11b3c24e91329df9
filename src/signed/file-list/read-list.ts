import { createHash } from 'node:crypto';
import type { Host } from '../../host/host.ts';
import { compareInTree, isWithin } from '../../host/system-tree/tree-entry.ts';
import type { ManifestFile } from '../image-manifest.ts';
import { entryIn, type ListEntry, pathIn } from './entry-line.ts';
import { type Block, indexPlace, invalid, LARGEST_LIST_BYTES, unpacked } from './layout.ts';

/** What an image's tree is made of, in the order of the tree. What is asked for alone is unpacked. Throws `file-list-invalid`. */
export interface FileList {
  readonly count: number;
  /** All, or those from the one to before the other, counted from 0. */
  entries(from?: number, to?: number): Generator<ListEntry>;
  /** undefined: the tree has no such name. */
  find(path: string): ListEntry | undefined;
  /** A folder, or whatever has the name, and all below it. */
  below(path: string): Generator<ListEntry>;
}

/** Of bytes that somebody has verified. Throws `file-list-invalid`. */
export function parseFileList(list: Buffer): FileList {
  const { offset, bytes } = indexPlace(list);
  const blocks = blocksIn(unpacked(list.subarray(offset, offset + bytes)), offset - 8);
  const linesOf = ({ offset: at, bytes: length, entries }: Block): readonly string[] => {
    const lines = unpacked(list.subarray(at, at + length)).split('\n');
    if (lines.pop() !== '' || lines.length !== entries) throw invalid('a part of it has not the lines that it should');
    return lines;
  };
  const parsed = (line: string): ListEntry => {
    const entry = entryIn(line);
    if (entry === undefined) throw invalid(`it has the line ${JSON.stringify(line.slice(0, 200))}`);
    return entry;
  };
  /** The block that has this path, if any has. */
  const blockOf = (path: string): number => {
    let [low, high] = [0, blocks.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareInTree((blocks[middle] as Block).path, path) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  };
  const starts: number[] = [];
  let count = 0;
  for (const { entries } of blocks) {
    starts.push(count);
    count += entries;
  }

  return {
    count,
    *entries(from = 0, to = count) {
      for (const [at, block] of blocks.entries()) {
        const start = starts[at] as number;
        if (start + block.entries <= from) continue;
        if (start >= to) return;
        for (const line of linesOf(block).slice(Math.max(0, from - start), to - start)) yield parsed(line);
      }
    },
    find(path) {
      const block = blocks[blockOf(path)];
      const line = block && linesOf(block).find((one) => pathIn(one) === path);
      return line === undefined ? undefined : parsed(line);
    },
    *below(path) {
      for (const block of blocks.slice(Math.max(0, blockOf(path))))
        for (const line of linesOf(block)) {
          const at = pathIn(line);
          if (isWithin(path, at)) yield parsed(line);
          else if (compareInTree(at, path) > 0) return;
        }
    },
  };
}

function blocksIn(index: string, endsAt: number): readonly Block[] {
  const lines = index.split('\n');
  if (lines.pop() !== '') throw invalid('its index is cut');
  let offset = 0;
  const blocks = lines.map((line): Block => {
    const [, at, bytes, entries] = /^\/\S* (\d{1,10}) (\d{1,10}) (\d{1,10})$/.exec(line) ?? [];
    if (Number(at) !== offset || !(Number(bytes) > 0) || !(Number(entries) > 0)) throw invalid('its index is damaged');
    offset += Number(bytes);
    return { offset: Number(at), bytes: Number(bytes), path: pathIn(line), entries: Number(entries) };
  });
  if (offset !== endsAt) throw invalid('its index does not name all of it');
  return blocks;
}

/** The list beside an image's manifest, of which the manifest is believed. Throws `file-list-invalid`. */
export async function readFileList(
  { files }: Pick<Host, 'files'>,
  path: string,
  { sha256, sizeBytes }: Pick<ManifestFile, 'sha256' | 'sizeBytes'>,
): Promise<FileList> {
  if (sizeBytes > LARGEST_LIST_BYTES) throw invalid(`the manifest says that it has ${sizeBytes} bytes`);
  const bytes = await files.readRegular(path, sizeBytes).then(
    (file) => file.bytes,
    (cause: unknown) => {
      throw invalid(`${path}: ${(cause as Error).message}`, cause);
    },
  );
  const actual = createHash('sha256').update(bytes).digest('hex');
  if (actual !== sha256) throw invalid(`${path} has SHA-256 ${actual}, the signed manifest says ${sha256}`);
  return parseFileList(bytes);
}
