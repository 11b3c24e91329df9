import { StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { RUN_INITRAMFS } from '../paths.ts';

/** What modprobe said while drivers were loaded, /init's busybox and the runtime's kmod one after the other. */
export const MODPROBE_ERRORS = `${RUN_INITRAMFS}/coldplug.errors`;
/** Modules of the loader, unpacked and loaded by insmod before any other. */
const LOADER = '/lib/loader';

/** modprobe of busybox (moderror in modutils.c), and of kmod. */
const FAILURE = /can't load module (\S+) .*: (.+)$|could not insert '([^']+)': (.+)$/;
/** That a device is not there or taken is no fault of the module. */
const REFUSAL = /invalid module format|exec format|symbol|parameter|invalid argument|key|not permitted|permission/i;

interface Refusals {
  /** `virtio_net: invalid module format`, each driver once. */
  readonly drivers: readonly string[];
  /** Whether nothing at all was loaded. */
  readonly isEvery: boolean;
}

async function refusals({ files }: Pick<Host, 'files'>): Promise<Refusals> {
  const said = await files.readText(MODPROBE_ERRORS).catch(() => '');
  const drivers = said.split('\n').flatMap((line) => {
    const [, one, why = '', other, reason = why] = FAILURE.exec(line) ?? [];
    return REFUSAL.test(reason) ? [`${one ?? other}: ${reason}`] : [];
  });
  const loaders = (await files.list(LOADER).catch(() => [])).map((name) =>
    name.replace(/\.ko$/, '').replaceAll('-', '_'),
  );
  const loaded = (await files.readText('/proc/modules').catch(() => '')).split('\n').map((line) => line.split(' ')[0]);
  const isEvery = drivers.length > 0 && loaded.every((name) => name === '' || loaders.includes(name ?? ''));
  return { drivers: [...new Set(drivers)], isEvery };
}

const HINT =
  "the modules do not fit this kernel: build the initramfs for this image again, with this kernel's own modules";

const describe = ({ drivers, isEvery }: Refusals): string =>
  isEvery
    ? `the kernel takes none of this initramfs' drivers (${drivers[0]})`
    : `the kernel refuses ${drivers.length} driver${drivers.length === 1 ? '' : 's'} of this initramfs (${drivers.slice(0, 3).join(', ')})`;

/** Tells of drivers that are there and cannot be loaded. */
export async function tellRefusedDrivers(host: Pick<Host, 'files'>, boot: Pick<TaskContext, 'warn'>): Promise<void> {
  const found = await refusals(host);
  if (found.drivers.length > 0) boot.warn(`${describe(found)}: ${HINT}`);
}

/** What seems to be hardware that is not there: throws `drivers-refused` where no driver could be loaded. */
export async function failWithoutDrivers(host: Pick<Host, 'files'>): Promise<void> {
  const found = await refusals(host);
  if (found.isEvery) throw new StatectlError('drivers-refused', describe(found), { hint: HINT });
}
