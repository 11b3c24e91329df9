import type { Host } from '../host/host.ts';
import { matchesDevice, type DeviceReference } from './device-reference.ts';
import type { BlockFacts } from './facts.ts';

const NOT_DISKS = /^(loop|ram|zram|fd)\d/;

/** The block devices with what blkid(8) finds on them; no device, no program started. */
export async function blockDevices({ files, exec }: Pick<Host, 'files' | 'exec'>): Promise<readonly BlockFacts[]> {
  const names = (await files.list('/sys/class/block').catch(() => [])).filter((name) => !NOT_DISKS.test(name));
  if (names.length === 0) return [];
  const devices = names.map((name) => `/dev/${name.replaceAll('!', '/')}`);
  const { stdout } = await exec.run(['blkid', '-c', '/dev/null', '-o', 'export', ...devices]);
  const found = new Map(parseBlkid(stdout).map((block) => [block.device, block]));
  return devices.map((device) => found.get(device) ?? { device });
}

/** `blkid -o export`: blocks of KEY=value lines, a blank line between devices. */
export function parseBlkid(text: string): readonly BlockFacts[] {
  return text
    .split(/\n\n+/)
    .map((block) => new Map(block.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)])))
    .filter((tags) => tags.has('DEVNAME'))
    .map((tags) => ({
      device: tags.get('DEVNAME') ?? '',
      ...optional('type', tags.get('TYPE')),
      ...optional('label', tags.get('LABEL')),
      ...optional('uuid', tags.get('UUID')),
      ...optional('partuuid', tags.get('PARTUUID')),
      ...optional('partlabel', tags.get('PARTLABEL')),
    }));
}

// blkid escapes what a shell would read: \x20 and backslashes before spaces.
const optional = (key: string, value: string | undefined) =>
  value === undefined ? {} : { [key]: value.replace(/\\x([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))).replace(/\\(.)/g, '$1') };

export const findDevice = async (host: Pick<Host, 'files' | 'exec'>, wanted: DeviceReference): Promise<BlockFacts | undefined> =>
  (await blockDevices(host)).find((block) => matchesDevice(wanted, block));
