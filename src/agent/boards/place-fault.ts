import type { Host } from '../../host/host.ts';
import { resolveInTree } from '../../host/tree.ts';
import { canState } from '../../machine/network/can-state.ts';
import type { McuPlace } from '../../print/mcu-sections.ts';

export interface PlaceFault {
  readonly cause: 'driver' | 'interface' | 'absent' | 'silent';
  readonly why: string;
}

const USB = '/sys/bus/usb/devices';
/** Of adapters with the firmware of candleLight, and of Klipper's own bridge: gs_usb of the kernel drives them. */
const CAN_ADAPTERS = ['1d50:606f', '1209:2323', '1cd2:606f'];
const BY_ID = '/dev/serial/by-id/usb-';

/** Why nobody answers at a place: what is there of it, and what is not. */
export const placeFault = (host: Pick<Host, 'files'>, place: McuPlace): Promise<PlaceFault> =>
  place.kind === 'serial' ? serialFault(host, place.path) : canFault(host, place.interface);

async function serialFault({ files }: Pick<Host, 'files'>, path: string): Promise<PlaceFault> {
  // A link that was left of a port is none.
  if (await resolveInTree(files, '/', path).catch(() => undefined))
    return { cause: 'silent', why: `it does not answer at ${path}` };
  // udev calls it usb-VENDOR_MODEL_SERIAL-ifNN; without a driver there is the device, and no port of it.
  const serial = path.startsWith(BY_ID)
    ? (await usbValues(files, 'serial')).find((each) => each.length >= 4 && path.includes(`_${each}-`))
    : undefined;
  return serial === undefined
    ? { cause: 'absent', why: `nothing is at ${path}` }
    : { cause: 'driver', why: `its USB device ${serial} is there, and the system has no ${path} of it` };
}

async function canFault(host: Pick<Host, 'files'>, name: string): Promise<PlaceFault> {
  switch (await canState(host, name)) {
    case 'up':
      return { cause: 'silent', why: `it does not answer on ${name}` };
    case 'bus-off':
      return { cause: 'silent', why: `${name} is bus-off: what it sends meets nobody, or another bitrate` };
    case 'down':
      return { cause: 'interface', why: `${name} is there, and nobody set it up` };
    case 'missing': {
      const [vendors, products] = await Promise.all([usbIds(host.files, 'idVendor'), usbIds(host.files, 'idProduct')]);
      const adapter = [...vendors].find(([device, vendor]) =>
        CAN_ADAPTERS.includes(`${vendor}:${products.get(device)}`),
      );
      return adapter === undefined
        ? { cause: 'absent', why: `there is no interface ${name}` }
        : { cause: 'driver', why: `a USB adapter for CAN is there, and the system has no ${name} of it` };
    }
  }
}

async function usbIds(files: Pick<Host['files'], 'list' | 'readText'>, value: string) {
  const found = new Map<string, string>();
  for (const device of await files.list(USB).catch(() => [])) {
    const text = (await files.readText(`${USB}/${device}/${value}`).catch(() => '')).trim();
    if (text !== '') found.set(device, text);
  }
  return found;
}

const usbValues = async (files: Pick<Host['files'], 'list' | 'readText'>, value: string) => [
  ...(await usbIds(files, value)).values(),
];
