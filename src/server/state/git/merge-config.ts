import { mergeTexts } from '../../../config/history/three-way.ts';
import { writtenMerge } from '../../../print/merge-printer-config.ts';
import type { FileNow } from './commit.ts';
import { blobOf } from './config-tree.ts';
import { type ConfigView, inTheWay, type Repositories, readViewFiles } from './config-view.ts';

export interface MergedConfig {
  /** What is to be different on the line. */
  readonly files: ReadonlyMap<string, FileNow>;
  /** Where the server's is another than what the printer has, and is not in it. */
  readonly conflicts: readonly string[];
}

/**
 * Merges what a printer changed since `base` into what the server has by now. What the printer runs with stays what it is: where
 * both changed the same, its file counts whole, and the path is named. Throws `git-failed`.
 */
export async function mergeConfig(
  repositories: Repositories,
  { base, line }: { readonly base: ConfigView; readonly line: ConfigView },
  sent: ReadonlyMap<string, Buffer | undefined>,
): Promise<MergedConfig> {
  const files = new Map<string, FileNow>();
  const conflicts: string[] = [];
  for (const [path, mine] of sent) {
    const [was, theirs] = [base.files.get(path), line.files.get(path)];
    const blob = mine && blobOf(mine);
    if (blob === theirs?.blob) continue;
    // Of what is shared a printer has its own, or it has what is shared.
    if (mine === undefined && theirs?.isShared) continue;
    const blocking = mine === undefined ? [] : inTheWay(path, line.files.keys());
    for (const other of blocking) {
      if (!sent.has(other)) conflicts.push(other);
      files.set(other, undefined);
    }
    if (theirs?.blob === was?.blob) {
      files.set(path, mine);
      continue;
    }
    const merged = mine && theirs ? await mergeFile(repositories, { base, line }, path, mine) : undefined;
    if (merged === undefined) conflicts.push(path);
    files.set(path, merged ?? mine);
  }
  return { files, conflicts };
}

/** undefined: both changed the same lines. */
async function mergeFile(
  repositories: Repositories,
  { base, line }: { readonly base: ConfigView; readonly line: ConfigView },
  path: string,
  mine: Buffer,
): Promise<Buffer | undefined> {
  const textAt = async (view: ConfigView): Promise<string | undefined> => {
    const file = view.files.get(path);
    // Each byte is a character: a merge by lines asks no more, and bytes that are no UTF-8 stay what they are.
    return file && (await readViewFiles(repositories, [[path, file]])).get(path)?.toString('latin1');
  };
  const [was, theirs = ''] = [await textAt(base), await textAt(line)];
  const whole = { base: was, ours: mine.toString('latin1'), theirs };
  const written = writtenMerge(whole);
  const { host, git } = repositories.own;
  const { base: from = '', ours, theirs: other } = written?.texts ?? whole;
  const merged = await mergeTexts(host, git, {
    base: was === undefined && ours !== other ? undefined : from,
    ours,
    theirs: other,
  });
  if (merged === undefined || merged === 'conflict') return undefined;
  return Buffer.from(written ? written.finish(merged) : merged, 'latin1');
}
