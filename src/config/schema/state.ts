import { basename, dirname } from 'node:path';
import { z } from 'zod';
import { familyOf } from '../settings/addresses.ts';
import { AbsolutePath, AccountName, Bytes, Duration, Owner } from '../settings/scalars.ts';

/** The repository that printers share their includes in has this name among theirs. */
const SHARED = 'common';

/** One harmless part of a path, of a lock's name and of an address on each side. */
export const PrinterName = z
  .string()
  .regex(
    /^[a-z](?:[a-z0-9_-]|\.(?=[a-z0-9])){0,62}$/,
    'expected a name such as voron or voron2.4: a small letter, then small letters, digits, "-", "_" and single dots, at most 63',
  )
  .refine((name) => name !== SHARED, `${SHARED} is what printers share: no printer has this name`)
  .meta({ title: 'PRINTER' });

const ItemName = z
  .string()
  .regex(
    /^[a-z][a-z0-9_-]{0,62}$/,
    'expected a name of small letters, digits, "-" and "_", a letter first, at most 63',
  );

/** A file by its name alone. */
const FileName = z
  .string()
  .refine(
    (name) => /^[^/\p{Cc}]+$/u.test(name) && !/^\.{1,2}$/.test(name) && Buffer.byteLength(name) <= 255,
    'expected the name of a file, without a slash, of at most 255 bytes',
  );

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

const OF_EACH = {
  printer: PrinterName.meta({ description: 'the printer whose state it is: a name under printers' }),
  name: ItemName.optional().meta({
    description: 'what the server calls it; default: the last part of the path, without what follows a dot',
  }),
  owner: Owner.optional().meta({ description: "user:group of what is made there; default: the printer's" }),
};

/** Where the files of a mirror come from, besides what the printer itself got. */
const MirrorSource = z
  .string()
  .regex(
    /^(?:server|folder:[a-z][a-z0-9_-]{0,62}|nfs:(?:[A-Za-z0-9][A-Za-z0-9.-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\]):\/[^\s,\\\p{Cc}]{0,1000})$/u,
    'expected server, folder:NAME or nfs:HOST:/PATH, without blanks, commas and backslashes',
  )
  .transform((text) => {
    if (text === 'server') return { kind: 'server' as const };
    const [, kind, rest = ''] = /^(folder|nfs):(.*)$/.exec(text) ?? [];
    return kind === 'folder' ? { kind: 'folder' as const, name: rest } : { kind: 'nfs' as const, from: rest };
  });

/** What is kept as whole files. */
const OF_FILES = {
  limit: Bytes.prefault('1G').meta({
    description: 'how much of it the machine itself has at once: what is printed and queued, then what was last',
  }),
  source: MirrorSource.prefault('server').meta({
    description:
      'where more files come from: nowhere else, a folder of the server that other tools fill, or NFS (nfs:HOST:/PATH), which is only read',
  }),
};

const SMALLEST_VOLUME = 16 << 20;
/** A boot waits two minutes for all of a printer. */
const LONGEST_WAIT_MS = 100_000;

const KINDS = 'expected snapshot, mirror, cache, git, variables or drbd';

const StatePlace = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({
      kind: z.literal('snapshot'),
      ...OF_EACH,
      files: z.array(FileName).min(1).meta({ description: 'databases of SQLite in it, of which copies are kept' }),
      tables: z
        .array(z.string().regex(/^\w{1,128}$/, 'expected the name of a table'))
        .default([])
        .meta({ description: 'tables without which a copy is not a good one' }),
      with: z
        .array(AbsolutePath)
        .default([])
        .meta({ description: 'small files that go with the databases, wherever they are' }),
    }),
    z.strictObject({ kind: z.literal('mirror'), ...OF_EACH, ...OF_FILES }),
    z.strictObject({
      kind: z.literal('cache'),
      ...OF_EACH,
      ...OF_FILES,
      restart: z.enum(['resume', 'pause']).default('resume').meta({
        description:
          'what a print does when the process that shows the folder ends: it goes on, which needs Linux 6.9; pause: with an older kernel, too, where the print may stop',
      }),
    }),
    z.strictObject({ kind: z.literal('git'), ...OF_EACH }),
    z.strictObject({ kind: z.literal('variables'), ...OF_EACH }),
    z.strictObject({
      kind: z.literal('drbd'),
      ...OF_EACH,
      size: Bytes.refine(
        (bytes) => bytes >= SMALLEST_VOLUME && bytes % (1 << 20) === 0,
        'expected at least 16M, and whole MiB',
      ).meta({ description: 'of the volume: so much RAM of the machine, and so much of the disk of the server' }),
      address: z
        .string()
        .refine((text) => familyOf(text) !== undefined, 'expected an address such as 10.0.0.7 or fd00::7')
        .optional()
        .meta({
          description:
            'where DHCP always puts the machine: DRBD knows it by that; default: its address in network.conf',
        }),
      // 64 MiB take six seconds of 100 Mbit/s, and twenty of a bad radio.
      wait: Duration.refine(
        (ms) => ms >= 1000 && ms <= LONGEST_WAIT_MS,
        'expected at least 1s and at most 100s: a boot waits for no printer longer than two minutes',
      )
        .prefault('30s')
        .meta({
          description:
            'how long a boot waits at most until all of it came from the server; then it is plain RAM, and a branch',
        }),
    }),
  ],
  {
    error: ({ code }) => (code === 'invalid_union' ? KINDS : undefined),
  },
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

type Place = z.output<typeof StatePlace>;
type Printer = z.output<typeof PrinterEntry>;

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

const suffixOf = (name: string, printers: object): string => (Object.keys(printers).length > 1 ? `-${name}` : '');

function printerOf(name: string, printer: Printer, places: readonly (readonly [string, Place])[], suffix: string) {
  const { quota, gcodeQuota, group = printer.user, variables: _, ...rest } = printer;
  const beside = dirname(printer.data).replace(/^\/$/, '');
  const items = places.map(([path, place]) => itemOf(path, place, { owner: printer.user, group }));
  const { klipper = `klipper${suffix}`, moonraker = `moonraker${suffix}` } = printer.services;
  const programs = { klipper: `${beside}/klipper`, moonraker: `${beside}/moonraker`, ...printer.programs };
  const services = { klipper, moonraker };
  return { name, ...rest, services, programs, group, items, quotaBytes: quota, gcodeQuotaBytes: gcodeQuota };
}

const nameOf = (path: string, { name }: Place): string => name ?? basename(path).split('.')[0] ?? '';

function itemOf(path: string, place: Place, usual: z.output<typeof Owner>) {
  const common = { name: nameOf(path, place), path, ...(place.owner ?? usual) };
  switch (place.kind) {
    case 'snapshot':
      return { ...common, kind: place.kind, files: place.files, tables: place.tables, with: place.with };
    case 'mirror':
    case 'cache': {
      // The same to the server: only the machine shows it otherwise.
      const cache: { readonly cache?: Pick<typeof place & { kind: 'cache' }, 'restart'> } =
        place.kind === 'cache' ? { cache: { restart: place.restart } } : {};
      return { ...common, kind: 'mirror' as const, limitBytes: place.limit, source: place.source, ...cache };
    }
    // Apart, so that each is a type of its own.
    case 'git':
      return { ...common, kind: place.kind };
    case 'variables':
      return { ...common, kind: place.kind };
    case 'drbd':
      return { ...common, kind: place.kind, sizeBytes: place.size, waitMs: place.wait, address: place.address };
  }
}
