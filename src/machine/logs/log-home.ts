import type { Mount } from '../../host/kernel/mount-table.ts';
import { at, type Roots } from '../roots.ts';

/** Where logs outlive the machine's RAM where log.conf says nothing, best first. */
const USUAL = ['/user-data/persistent/logs', '/boot/logs'];

const isOn = (path: string, mountPoint: string): boolean =>
  mountPoint === '/' || path === mountPoint || path.startsWith(`${mountPoint}/`);

/** Whether this path is on a disk that is written to now: of several mounts around it the innermost counts, and of those the last. */
function isOnDisk(path: string, mounts: readonly Mount[]): boolean {
  const around = mounts.filter(({ target }) => isOn(path, target));
  const inner = around.reduce<Mount | undefined>(
    (best, mount) => (best && best.target.length > mount.target.length ? best : mount),
    undefined,
  );
  return inner?.source.startsWith('/dev/') === true && inner.options.includes('rw');
}

/**
 * The folder for logs, by the path of who works: the one of log.conf, or else the usual ones, on a disk that is mounted writable now. A
 * log elsewhere is better than none. `roots` are looked at in their order. Pure.
 */
export function logHome(
  mounts: readonly Mount[],
  roots: readonly Roots[],
  { to }: { readonly to?: string | undefined },
): string | undefined {
  const wanted = [...(to === undefined ? [] : [to]), ...USUAL];
  return wanted.flatMap((path) => roots.map((each) => at(each, path))).find((path) => isOnDisk(path, mounts));
}
