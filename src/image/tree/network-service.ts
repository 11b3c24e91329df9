import type { Host } from '../../host/host.ts';
import { findInTree } from './in-tree.ts';
import { linkInTree } from './tree-content.ts';

const UNIT_DIRS = ['etc/systemd/system', 'usr/lib/systemd/system', 'lib/systemd/system'];
/** Services that configure interfaces themselves: beside them networkd would fight for the same ones. */
const OTHERS = ['NetworkManager', 'connman', 'wicked', 'dhcpcd'];
const WANTS = 'multi-user.target.wants';

/**
 * Switches systemd-networkd on, to which the initramfs hands the interface over with its lease, unless the tree has
 * chosen another service.
 */
export async function enableNetworkd({ files, console }: Pick<Host, 'files' | 'console'>, tree: string): Promise<void> {
  const find = async (name: string) =>
    (await Promise.all(UNIT_DIRS.map((folder) => findInTree(files, tree, `${folder}/${name}`)))).flat();
  const [unit] = await find('systemd-networkd.service');
  if (unit === undefined || (await find(`${WANTS}/systemd-networkd.service`)).length > 0) return;
  for (const other of OTHERS)
    if ((await find(`${WANTS}/${other}.service`)).length > 0)
      return console.line('info', `network: ${other} is on in this tree, so systemd-networkd stays off`);
  await linkInTree(files, tree, `etc/systemd/system/${WANTS}/systemd-networkd.service`, unit.slice(tree.length));
}
