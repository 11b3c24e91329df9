import type { Config } from '../../config.ts';
import type { Inconsistency } from './inconsistency.ts';

/** What `update.health` names and nothing else knows would never be good, and the machine would be rebooted for it. */
export function healthFaults({ update: { health }, state: { printers } }: Config): readonly Inconsistency[] {
  const known = Object.keys(printers);
  return (health.printers ?? []).flatMap((name, at) =>
    known.includes(name)
      ? []
      : [
          {
            path: ['update', 'health', 'printers', String(at)],
            message: `${name} is no printer of system/state.conf${known.length > 0 ? `, which has ${known.join(', ')}` : ''}`,
          },
        ],
  );
}
