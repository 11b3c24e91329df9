import type { Host } from '../../host/host.ts';
import { type DeviceReference, matchesDevice } from './device-reference.ts';
import type { BlockFacts } from './root-facts.ts';

const NOT_DISKS = /^(loop|ram|zram|fd)\d/;

/** The block devices with what blkid(8) finds on them; no device, no program started. */
export async function blockDevices({ files, exec }: Pick<Host, 'files' | 'exec'>): Promise<readonly BlockFacts[]> {
  const names = (await files.list('/sys/class/block').catch(() => [])).filter((name) => !NOT_DISKS.test(name));
  if (names.length === 0) return [];
  const devices = names.map((name) => `/dev/${name.replaceAll('!', '/')}`);
  const { stdout } = await exec.run(['blkid', '-c', '/dev/null', '-o', 'export', ...devices]);
  const found = new Map(parseBlkid(stdout).map((block) => [block.device, block]));
  return await Promise.all(
    devices.map(async (device, index): Promise<BlockFacts> => {
      const mapped = await mappedName(files, names[index] ?? '');
      // blkid(8) calls what is mapped by that name.
      const block = found.get(device) ?? found.get(mapped ?? '');
      return { ...block, device, ...optional('mapped', mapped) };
    }),
  );
}

/** Only a device of device-mapper has one (Documentation/ABI/testing/sysfs-block-dm). */
async function mappedName(files: Host['files'], name: string): Promise<string | undefined> {
  if (!name.startsWith('dm-')) return undefined;
  const called = (await files.readText(`/sys/class/block/${name}/dm/name`).catch(() => '')).trim();
  return called === '' ? undefined : `/dev/mapper/${called}`;
}

/** `blkid -o export`: blocks of KEY=value lines, a blank line between devices. */
export function parseBlkid(text: string): readonly BlockFacts[] {
  return text
    .split(/\n\n+/)
    .map(
      (block) =>
        new Map(block.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)])),
    )
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

const optional = (key: string, value: string | undefined) =>
  value === undefined ? {} : { [key]: unescapeBlkid(value) };

/** blkid puts a backslash before what a shell would read, and writes bytes beyond ASCII as cat -v does: ü is `M-CM-<`. */
const unescapeBlkid = (value: string): string =>
  value.replace(/\\(.)/g, '$1').replace(/(?:M-(?:\^[@-_?]|[ -~]))+/g, decodeMeta);

function decodeMeta(text: string): string {
  const bytes = [...text.matchAll(/M-(\^?)(.)/g)].map(
    ([, caret, letter = '']) => 0x80 | (caret ? letter.charCodeAt(0) ^ 0x40 : letter.charCodeAt(0)),
  );
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(bytes));
  } catch {
    // A label may say ROOM-A.
    return text;
  }
}

export const findDevice = async (
  host: Pick<Host, 'files' | 'exec'>,
  wanted: DeviceReference,
): Promise<BlockFacts | undefined> => (await blockDevices(host)).find((block) => matchesDevice(wanted, block));
