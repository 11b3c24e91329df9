import { createHash } from 'node:crypto';
import type { Host } from '../host/host.ts';

/** Folders of a config.d that no machine reads. */
export const UNREAD = ['.git', 'examples'];

const isRead = (file: string): boolean => /\.conf$|\/default-runlevel$|^templates\//.test(file);

/** SHA-256 over the names and contents of all files of a config.d, so that a compiled form knows whether it is current. */
export async function configDigest(host: Pick<Host, 'files'>, dir: string): Promise<string> {
  const hash = createHash('sha256');
  const walk = async (folder: string): Promise<void> => {
    for (const name of await host.files.list(folder)) {
      const path = `${folder}/${name}`;
      const stat = await host.files.stat(path);
      if (stat?.type === 'dir') await (UNREAD.includes(name) ? undefined : walk(path));
      else if (stat?.type === 'file' && isRead(path.slice(dir.length + 1))) {
        hash.update(`${path.slice(dir.length)}\0${stat.sizeBytes}\0`);
        hash.update(await host.files.read(path));
      }
    }
  };
  await walk(dir);
  return hash.digest('hex');
}
