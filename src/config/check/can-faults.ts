import { isDeepStrictEqual } from 'node:util';
import type { LinkFault } from './link-faults.ts';

/** What of an interface says which CAN adapter it is. */
export interface CanAdapter {
  readonly kind: string;
  readonly match?: object | undefined;
}

/** The kernel gives these in the order in which adapters come, and renames none to a name that another has. */
const KERNEL_NAME = /^(?:can|slcan|vcan|vxcan)\d+$/;

/** CAN interfaces of which nobody could say which adapter is which, with the reason. Pure. */
export function canFaults(interfaces: Readonly<Record<string, CanAdapter>>): readonly LinkFault[] {
  const all = Object.entries(interfaces).filter(([, { kind }]) => kind === 'can');
  const matched = all.filter(([, { match }]) => match !== undefined);
  if (matched.length === 0) return [];
  const fault = (name: string, message: string): LinkFault => ({ path: [name, 'match'], message });
  return all.flatMap(([name, { match }]) => {
    if (match === undefined)
      return [
        fault(
          name,
          `${matched[0]?.[0]} says which adapter it is, so this has to, too: the kernel may call either ${name}`,
        ),
      ];
    const same = matched.find(([other, one]) => other < name && isDeepStrictEqual(one.match, match));
    if (same) return [fault(name, `it would be the same adapter as ${same[0]}`)];
    return KERNEL_NAME.test(name)
      ? [
          fault(
            name,
            `${name} is a name of the kernel's, which another adapter may have when this one comes: call it otherwise, such as canhead, here and in printer.cfg (canbus_interface: canhead)`,
          ),
        ]
      : [];
  });
}
