import { z } from 'zod';
import { AbsolutePath, Duration } from '../../settings/scalars.ts';
import { ItemName, nameOf, StatePlace } from './place.ts';
import { PrinterEntry, printerOf, suffixOf } from './printer.ts';
import { PrinterName } from './printer-name.ts';

/** system/state.conf */
export const StateFile = z
  .strictObject({
    printers: z
      .record(PrinterName, PrinterEntry)
      .default({})
      .meta({ description: 'printers of this host, by name; each stands for the places that a printer has' }),
    places: z
      .record(AbsolutePath.meta({ title: 'PATH' }), StatePlace)
      .default({})
      .meta({
        description:
          'folders (variables: a file) whose content outlives the machine, by path: snapshot, mirror, cache, git, variables or drbd',
      }),
    lock: z
      .strictObject({
        limit: Duration.refine((ms) => ms >= 60_000, 'a lock counts for a minute at least')
          .prefault('3d')
          .meta({
            description: 'how long a lock counts at most, of a print that is paused and of whoever else holds one',
          }),
      })
      .prefault({})
      .meta({
        description: 'what keeps a machine from being disturbed: a print, and what root or systemd-inhibit says',
      }),
  })
  .superRefine(({ printers, places }, context) => {
    const served = new Map<string, string>();
    for (const [name, { services }] of Object.entries(printers))
      for (const [which, service = `${which}${suffixOf(name, printers)}`] of Object.entries({
        ...{ klipper: undefined, moonraker: undefined },
        ...services,
      })) {
        const other = served.get(service);
        served.set(service, name);
        if (other !== undefined)
          context.addIssue({
            code: 'custom',
            path: ['printers', name, 'services', which],
            message: `${service} is a service of ${other}, too: each has its own`,
          });
      }
    const taken = new Map<string, string>();
    for (const [path, place] of Object.entries(places)) {
      const fail = (key: string, message: string) =>
        context.addIssue({ code: 'custom', path: ['places', path, key], message });
      const { printer } = place;
      const name = nameOf(path, place);
      const other = taken.get(`${printer}/${name}`);
      taken.set(`${printer}/${name}`, path);
      if (!Object.hasOwn(printers, printer)) fail('printer', `there is no printer ${printer} under printers`);
      else if (!ItemName.safeParse(name).success) fail('name', `say a name: "${name}" can be none`);
      else if (other !== undefined)
        fail('name', `${other} of ${printer} is called ${name}, too: give one another name`);
    }
  })
  .transform(({ printers, places, lock }) => {
    const placesOf = Map.groupBy(Object.entries(places), ([, { printer }]) => printer);
    return {
      lock: { limitMs: lock.limit },
      printers: Object.fromEntries(
        Object.entries(printers).map(([name, printer]) => [
          name,
          printerOf(name, printer, placesOf.get(name) ?? [], suffixOf(name, printers)),
        ]),
      ),
    };
  })
  .meta({ description: 'the state of printers: what a machine without a disk gets back from its server' });
