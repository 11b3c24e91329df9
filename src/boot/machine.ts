import { arch } from 'node:os';
import type { Host } from '../host/host.ts';
import type { MachineFacts } from './facts.ts';

const DMI = '/sys/class/dmi/id';
const TRUST = '/etc/trust';
/** What firmware says when nobody filled the field in; the last is the UUID of many thousand boards (AMI's sample code). */
const NAMES_NOBODY =
  /^(none|n\/a|not (specified|applicable|available)|to be filled by o\.e\.m\.|default string|system (serial number|product name)|invalid|unknown|[0-]+|[f-]+|0?123456789|03000200-0400-0500-0006-000700080009)$/i;
/** Node's names for architectures, in the kernel's words. */
const UNAME_ARCH: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64', ia32: 'i686', arm: 'armv7l' };

/** Who this machine is, from DMI or, on boards without it, the device tree. */
export async function machineFacts({ files }: Pick<Host, 'files'>, configDigest: string): Promise<MachineFacts> {
  const text = async (path: string) => {
    const value = (await files.readText(path).catch(() => '')).replaceAll('\0', '').trim();
    return value === '' || NAMES_NOBODY.test(value) ? undefined : value;
  };
  const names = (await files.list(TRUST).catch(() => [])).filter((name) => name.endsWith('.image.pem'));
  return {
    arch: UNAME_ARCH[arch()] ?? arch(),
    kernelRelease: (await text('/proc/sys/kernel/osrelease')) ?? '',
    ramBytes: 1024 * Number(/^MemTotal:\s*(\d+) kB$/m.exec((await text('/proc/meminfo')) ?? '')?.[1] ?? 0),
    uuid: (await text(`${DMI}/product_uuid`))?.toLowerCase(),
    serial: (await text(`${DMI}/product_serial`)) ?? (await text('/proc/device-tree/serial-number')),
    product: (await text(`${DMI}/product_name`)) ?? (await text('/proc/device-tree/model')),
    trustedKeys: await Promise.all(names.map((name) => files.readText(`${TRUST}/${name}`))),
    configDigest,
    configOrigin: 'baked',
  };
}
