import type { Host } from '../../host/host.ts';

type Files = Pick<Host, 'files'>;

/**
 * Where a disk is plugged in, as udev says below /dev/disk/by-path (path_id of systemd): nothing of it is counted in the order in
 * which devices are found. `path` is its folder in /sys/devices. Undefined: no such place is known.
 */
export async function diskPlace({ files }: Files, name: string, path: string): Promise<string | undefined> {
  const adapter = [...path.matchAll(/\b[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]\b/g)].at(-1)?.[0];
  const platform = /\/devices\/platform\/(?:.*\/)?([^/]+)\/(?:usb\d+|mmc_host)\//.exec(path)?.[1];
  const parent = adapter ? `pci-${adapter}` : platform && `platform-${platform}`;
  if (parent === undefined) return undefined;
  const port = /\/usb\d+\/(?:[^/]+\/)*?\d+-([^/]+:\d+\.\d+)\/host/.exec(path)?.[1];
  const usb = port === undefined ? '' : `-usb-0:${port}`;
  const read = async (file: string) => (await files.readText(file).catch(() => '')).trim();
  const namespace = name.startsWith('nvme') ? await read(`/sys/block/${name}/nsid`) : '';
  return `${parent}${usb}${namespace && `-nvme-${namespace}`}${await unitOf({ files }, path, read)}`;
}

/** Which of those that hang on one adapter. */
async function unitOf({ files }: Files, path: string, read: (file: string) => Promise<string>): Promise<string> {
  const [, above = '', host = '', bus = '', target = '', unit = ''] =
    /^(.*)\/host(\d+)\/(?:.*\/)?\d+:(\d+):(\d+):(\d+)\/block\//.exec(path) ?? [];
  if (host === '') return '';
  const [, ata] = /\/(ata\d+)$/.exec(above) ?? [];
  const port = ata && (await read(`${above}/ata_port/${ata}/port_no`));
  if (port) return `-ata-${port}.${bus === '0' ? target : `${bus}.0`}`;
  // The kernel numbers all hosts of a machine in the order in which it finds them: what counts is which of its parent's it is.
  const hosts = (await files.list(above).catch(() => [])).flatMap((each) => /^host(\d+)$/.exec(each)?.[1] ?? []);
  return `-scsi-${Number(host) - Math.min(...hosts.map(Number), Number(host))}:${bus}:${target}:${unit}`;
}
