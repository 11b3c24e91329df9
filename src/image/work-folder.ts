import { basename, dirname } from 'node:path/posix';
import type { Host } from '../host/host.ts';
import { parseMounts } from '../host/kernel/mount-table.ts';
import { resolveInTree } from '../host/tree.ts';
import { runProgram } from './host-programs.ts';

export interface WorkFolder extends AsyncDisposable {
  readonly path: string;
}

/** What a folder to work in needs. */
export type WorkHost = Pick<Host, 'files' | 'exec' | 'console'>;

/**
 * A private folder beside what is being made, so that the result can be renamed into place; removed when it is disposed,
 * also after an error. What a killed build left there is removed first.
 */
export async function workFolder(host: WorkHost, target: string): Promise<WorkFolder> {
  const { files } = host;
  const parent = dirname(target);
  const prefix = `.${basename(target)}.building-`;
  await files.mkdir(parent);
  await removeLeftovers(host, parent, prefix);
  const path = `${parent}/${prefix}${await files.readlink('/proc/self')}`;
  await removeFolder(host, path);
  await files.mkdir(path, 0o700);
  return { path, [Symbol.asyncDispose]: () => removeFolder(host, path) };
}

/** The folders of processes that are gone; a name that is reused by another process stays until that one ends. */
async function removeLeftovers(host: WorkHost, parent: string, prefix: string): Promise<void> {
  const { files, console } = host;
  for (const name of await files.list(parent)) {
    const pid = name.startsWith(prefix) ? name.slice(prefix.length) : '';
    if (!/^\d+$/.test(pid) || (await files.stat(`/proc/${pid}`))) continue;
    console.line('info', `removing ${parent}/${name}, which an interrupted build left`);
    await removeFolder(host, `${parent}/${name}`);
  }
}

/**
 * mmdebstrap that was killed leaves /proc, /sys and /dev mounted below: nothing of those is removed. They may be this machine's own,
 * bound there, so they are taken apart from those first: where mounts are shared, what one loses the other loses too.
 */
async function removeFolder(host: WorkHost, path: string): Promise<void> {
  const { files } = host;
  const real = (await resolveInTree(files, '/', path))?.path;
  if (real === undefined) return;
  const mounted = parseMounts(await files.readText('/proc/mounts').catch(() => ''))
    .map(({ target }) => target)
    .filter((target) => target.startsWith(`${real}/`));
  for (const target of mounted) await runProgram(host, ['mount', '--make-private', target]);
  for (const target of mounted.toReversed())
    await runProgram(host, ['umount', target], {
      hint: `end what an interrupted build left running: fuser -vm ${target}`,
    });
  await files.remove(real);
}
