import { dirname } from 'node:path';
import { z } from 'zod';
import { AbsolutePath, AccountName, Bytes } from '../../settings/scalars.ts';
import { itemOf, type StatePlace } from './place.ts';

/** A service of the system, as systemd and OpenRC call it. */
const ServiceName = z
  .string()
  .regex(
    /^[A-Za-z0-9](?!.*\.service$)[\w@.:-]{0,127}$/,
    'expected the name of a service, such as klipper-voron, without ".service"',
  );

/** Below the data of a printer, or anywhere. */
const VariablesFile = z
  .string()
  .refine(
    (path) => AbsolutePath.safeParse(path.startsWith('/') ? path : `/${path}`).success,
    'expected a file such as config/variables.cfg, or an absolute path, without ".." or "."',
  );

/** A printer as an admin writes it. */
export const PrinterEntry = z.strictObject({
  data: AbsolutePath.meta({ description: 'the folder of its config, gcodes, database and logs: printer_data' }),
  user: AccountName.meta({ description: 'who owns it: the account of Klipper and Moonraker' }),
  group: AccountName.optional().meta({ description: 'default: the group of the name of the user' }),
  variables: VariablesFile.default('config/variables.cfg').meta({
    description: 'the file of [save_variables], below data or as an absolute path',
  }),
  socket: AbsolutePath.optional().meta({
    description: "Klipper's API socket, by which a print is known; default: comms/klippy.sock below data",
  }),
  services: z
    .strictObject({
      klipper: ServiceName.optional().meta({ description: 'default: klipper, of several printers klipper-NAME' }),
      moonraker: ServiceName.optional().meta({ description: 'default: moonraker, of several printers moonraker-NAME' }),
    })
    .prefault({})
    .meta({ description: 'what systemd or OpenRC calls its services' }),
  programs: z
    .strictObject({
      klipper: AbsolutePath.optional().meta({ description: 'default: the folder klipper beside data' }),
      moonraker: AbsolutePath.optional().meta({ description: 'default: the folder moonraker beside data' }),
    })
    .prefault({})
    .meta({ description: 'where the programs are: what their environment files name' }),
  quota: Bytes.prefault('1G').meta({ description: 'most that a server keeps of it, gcode apart' }),
  gcodeQuota: Bytes.prefault('2G').meta({ description: 'most that a server keeps of its gcode' }),
  trust: z.enum(['proven', 'network']).default('proven').meta({
    description:
      'who gets its state back: a machine that proved who it is, or also one that is trusted for the network it asks from',
  }),
});

/** Of several printers each has services of its own. Pure. */
export const suffixOf = (name: string, printers: object): string =>
  Object.keys(printers).length > 1 ? `-${name}` : '';

/** A printer, with what its host keeps of it. Pure. */
export function printerOf(
  name: string,
  printer: z.output<typeof PrinterEntry>,
  places: readonly (readonly [string, StatePlace])[],
  suffix: string,
) {
  const { quota, gcodeQuota, group = printer.user, variables: _, ...rest } = printer;
  const beside = dirname(printer.data).replace(/^\/$/, '');
  const items = places.map(([path, place]) => itemOf(path, place, { owner: printer.user, group }));
  const { klipper = `klipper${suffix}`, moonraker = `moonraker${suffix}` } = printer.services;
  const programs = { klipper: `${beside}/klipper`, moonraker: `${beside}/moonraker`, ...printer.programs };
  const services = { klipper, moonraker };
  return { name, ...rest, services, programs, group, items, quotaBytes: quota, gcodeQuotaBytes: gcodeQuota };
}
