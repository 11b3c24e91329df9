import type { Host } from '../../host/host.ts';
import type { Git } from './git.ts';

export interface Versions {
  /** As it is now. */
  readonly ours: string | undefined;
  readonly base: string | undefined;
  readonly theirs: string | undefined;
}

/** diff3 by git merge-file, in a folder of our own: a text, undefined for no file, or a conflict. */
export async function mergeTexts(
  { files }: Pick<Host, 'files'>,
  git: Git,
  { ours, base, theirs }: Versions,
): Promise<string | undefined | 'conflict'> {
  if (ours === base) return theirs;
  if (theirs === base || ours === theirs) return ours;
  if (ours === undefined || base === undefined || theirs === undefined) return 'conflict';
  const folder = `${(await git.place()).gitDir}/statectl-merge`;
  await files.mkdir(folder, 0o700);
  try {
    const names: string[] = [];
    for (const [name, text] of Object.entries({ ours, base, theirs })) {
      await files.write(`${folder}/${name}`, text);
      names.push(`${folder}/${name}`);
    }
    const { exitCode, stdout } = await git.attempt(['merge-file', '-p', '-q', ...names]);
    return exitCode === 0 ? stdout : 'conflict';
  } finally {
    await files.remove(folder);
  }
}
