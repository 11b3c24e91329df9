import { arch } from 'node:os';
import type { Host } from '../../host/host.ts';
import { isJunkUuid, isPlaceholder } from '../../protocol/junk-identity.ts';
import type { MachineFacts } from './machine-facts.ts';

const DMI = '/sys/class/dmi/id';
const TRUST = '/etc/trust';
/** Node's names for architectures, in the kernel's words. */
const UNAME_ARCH: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64', ia32: 'i686', arm: 'armv7l' };

/** Who this machine is, from DMI or, on boards without it, the device tree. */
export async function machineFacts({ files }: Pick<Host, 'files'>, configDigest: string): Promise<MachineFacts> {
  const text = async (path: string) =>
    (await files.readText(path).catch(() => '')).replaceAll('\0', '').trim() || undefined;
  /** What firmware says when nobody filled the field in tells nothing. */
  const said = async (path: string) => {
    const value = await text(path);
    return value === undefined || isPlaceholder(value) ? undefined : value;
  };
  const uuid = (await said(`${DMI}/product_uuid`))?.toLowerCase();
  const names = (await files.list(TRUST).catch(() => [])).filter((name) => name.endsWith('.image.pem'));
  const serial = (await said(`${DMI}/product_serial`)) ?? (await said('/proc/device-tree/serial-number'));
  const product = (await said(`${DMI}/product_name`)) ?? (await said('/proc/device-tree/model'));
  return {
    arch: UNAME_ARCH[arch()] ?? arch(),
    kernelRelease: (await text('/proc/sys/kernel/osrelease')) ?? '',
    ramBytes: 1024 * Number(/^MemTotal:\s*(\d+) kB$/m.exec((await text('/proc/meminfo')) ?? '')?.[1] ?? 0),
    ...(uuid !== undefined && !isJunkUuid(uuid) && { uuid }),
    ...(serial !== undefined && { serial }),
    ...(product !== undefined && { product }),
    trustedKeys: await Promise.all(names.map((name) => files.readText(`${TRUST}/${name}`))),
    configDigest,
    configOrigin: 'baked',
  };
}
