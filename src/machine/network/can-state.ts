import type { Host } from '../../host/host.ts';

/** What the kernel says of a CAN interface. `bus-off`: too much of what it sent failed, and it sends no more. */
export type CanState = 'up' | 'missing' | 'down' | 'bus-off';

/** As it was seen last. Unix ms. */
export interface CanStatus {
  readonly state: CanState;
  readonly sinceMs: number;
}

/** IFF_UP of include/uapi/linux/if.h. */
const UP = 1;

/** By sysfs: can_bus_off of the kernel takes the carrier away until the controller begins anew. */
export async function canState({ files }: Pick<Host, 'files'>, name: string): Promise<CanState> {
  const read = (file: string) => files.readText(`/sys/class/net/${name}/${file}`).catch(() => '');
  const flags = (await read('flags')).trim();
  if (flags === '') return 'missing';
  if ((Number(flags) & UP) === 0) return 'down';
  return (await read('carrier')).trim() === '0' ? 'bus-off' : 'up';
}
