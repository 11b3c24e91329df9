import { basename, dirname } from 'node:path/posix';
import type { Host } from '../host/host.ts';

export interface WorkFolder extends AsyncDisposable {
  readonly path: string;
}

/**
 * A private folder beside what is being made, so that the result can be renamed into place; removed when it is disposed,
 * also after an error. What a killed build left there is removed first.
 */
export async function workFolder(host: Pick<Host, 'files' | 'console'>, target: string): Promise<WorkFolder> {
  const { files } = host;
  const parent = dirname(target);
  const prefix = `.${basename(target)}.building-`;
  await files.mkdir(parent);
  await removeLeftovers(host, parent, prefix);
  const path = `${parent}/${prefix}${await files.readlink('/proc/self')}`;
  await files.remove(path);
  await files.mkdir(path, 0o700);
  return { path, [Symbol.asyncDispose]: () => files.remove(path) };
}

/** The folders of processes that are gone; a name that is reused by another process stays until that one ends. */
async function removeLeftovers(
  { files, console }: Pick<Host, 'files' | 'console'>,
  parent: string,
  prefix: string,
): Promise<void> {
  for (const name of await files.list(parent)) {
    const pid = name.startsWith(prefix) ? name.slice(prefix.length) : '';
    if (!/^\d+$/.test(pid) || (await files.stat(`/proc/${pid}`))) continue;
    console.line('info', `removing ${parent}/${name}, which an interrupted build left`);
    await files.remove(`${parent}/${name}`);
  }
}
