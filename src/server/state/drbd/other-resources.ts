import { posix } from 'node:path';
import type { StoreHost } from '../../store/store.ts';
import type { Taken } from './allot.ts';
import { RESOURCE_FOLDER, takenIn } from './resource-file.ts';

const FIRST = '/etc/drbd.conf';
/** As Debian's has it; of a host without that file, too. */
const USUAL = `${RESOURCE_FOLDER}/*.res`;

/** Ours are known by the names of their files. */
const isOurs = (path: string): boolean => path.startsWith(`${RESOURCE_FOLDER}/statectl-`);

/**
 * What resources of others have, in whatever files drbdadm reads: a manager of volumes, as LINSTOR, keeps its own elsewhere and has one
 * line here that includes them.
 */
export async function takenByOthers({ files }: Pick<StoreHost, 'files'>): Promise<Taken> {
  const seen = new Set<string>();
  const texts: string[] = [];
  const waiting = [FIRST, ...(await named(files, USUAL))];
  for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
    if (seen.has(path) || isOurs(path)) continue;
    seen.add(path);
    const text = await files.readText(path).catch(() => '');
    texts.push(text);
    for (const [, pattern = ''] of text.matchAll(/^[^#\n]*\binclude\s+"?([^"\s;]+)"?\s*;/gm))
      waiting.push(...(await named(files, posix.resolve(posix.dirname(path), pattern))));
  }
  return takenIn(texts.join('\n'));
}

/** Files of a glob(7) that has its wildcards in the last part. */
async function named(files: StoreHost['files'], pattern: string): Promise<readonly string[]> {
  const folder = posix.dirname(pattern);
  const names = await files.list(folder).catch(() => []);
  return names.map((name) => posix.join(folder, name)).filter((path) => posix.matchesGlob(path, pattern));
}
