import type { Account, Host } from '../../../host/host.ts';
import { sha256Of } from '../../../signed/bundle/manifest.ts';
import { keepGeneration } from '../restore-snapshot.ts';
import { archiveFolder } from './folder-archive.ts';

export interface KeptFolder {
  readonly host: Pick<Host, 'files'>;
  readonly item: { readonly path: string };
  readonly account: Account;
  /** A folder that outlives the machine; absent without a disk. */
  readonly kept?: string;
}

/** What a boot without its server begins with: what is in the volume now. Throws what `archiveFolder` throws. */
export async function keepFolder({ host, item, account, kept }: KeptFolder, id: string): Promise<void> {
  if (kept === undefined) return;
  await using tree = await host.files.openTree(item.path, account);
  const archive = await archiveFolder(tree);
  if (archive) await keepGeneration(host, kept, { id, sha256: sha256Of(archive.tar) }, archive.tar);
}
