import type { Files } from '../../host/host.ts';
import { onMachine, resolveInTree } from '../../host/tree.ts';
import { patternOf } from '../../name-pattern.ts';
import type { Decompress } from '../decompress.ts';
import { readModinfo } from './modinfo.ts';
import { readModule } from './module-file.ts';

/** The firmware names in a module. */
export async function firmwareOf(
  files: Files,
  root: string,
  path: string,
  decompress: Decompress,
): Promise<readonly string[]> {
  const bytes = await readModule(files, root, path, decompress);
  return bytes ? (readModinfo(bytes, path).get('firmware') ?? []) : [];
}

/** Every file of a firmware name, which may be a glob (`brcm/brcmfmac*-sdio.*.bin`), where the kernel or udev would look. */
export async function findFirmware(files: Files, root: string, release: string, name: string): Promise<string[]> {
  // A module's own text: it names a file below the folder, or none.
  if (name.split('/').includes('..')) return [];
  // The order of fw_path in drivers/base/firmware_loader/main.c.
  for (const place of [`updates/${release}/`, 'updates/', `${release}/`, ''])
    for (const folder of ['/lib/firmware', '/usr/lib/firmware']) {
      const found = await firmwareIn(files, root, `${folder}/${place}${name}`);
      if (found.length > 0) return found;
    }
  return [];
}

async function firmwareIn(files: Files, root: string, path: string): Promise<string[]> {
  const slash = path.lastIndexOf('/');
  const parent = await resolveInTree(files, root, path.slice(0, slash));
  if (parent?.stat.type !== 'dir') return [];
  const matches = patternOf(path.slice(slash + 1));
  const present = await files.list(onMachine(root, parent.path));
  const found = present.filter((name) => matches(name.replace(/\.(xz|zst)$/, '')));
  return found.map((name) => `${path.slice(0, slash)}/${name}`);
}
