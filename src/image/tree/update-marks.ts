import type { Host } from '../../host/host.ts';
import { resolveInTree } from '../../host/tree.ts';
import { findInTree } from './in-tree.ts';
import { writeInTree } from './tree-content.ts';

/** As systemd-update-done.service writes it. */
const TEXT = '# What /usr needs here was made when the image was built, see systemd-update-done.service(8).\n';

/**
 * Marks that /etc and /var are as new as /usr. Where `.updated` is missing or older (condition_test_needs_update in systemd's
 * condition.c compares the times), ldconfig, the journal's catalog, sysusers and hwdb are made anew at each boot, in RAM.
 * A tree that was never set up gets no mark: there these services have work to do.
 */
export async function markUpdated({ files }: Pick<Host, 'files'>, tree: string): Promise<void> {
  const has = async (path: string) => (await resolveInTree(files, tree, path)) !== undefined;
  const hasAny = async (pattern: string) => (await findInTree(files, tree, pattern)).length > 0;
  if (!(await has('usr/lib/systemd/system')) && !(await has('lib/systemd/system'))) return;
  const isLinked =
    (await has('etc/ld.so.cache')) || !((await has('usr/sbin/ldconfig')) || (await has('sbin/ldconfig')));
  if (isLinked && (await has('etc/passwd'))) await writeInTree(files, tree, 'etc/.updated', TEXT, 0o644);
  const isIndexed =
    (await has('var/lib/systemd/catalog/database')) || !(await hasAny('usr/lib/systemd/catalog/*.catalog'));
  if (isIndexed) await writeInTree(files, tree, 'var/.updated', TEXT, 0o644);
}
