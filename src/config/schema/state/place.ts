import { basename } from 'node:path';
import { z } from 'zod';
import { isReachable } from '../../settings/addresses.ts';
import { AbsolutePath, Bytes, Duration, Owner } from '../../settings/scalars.ts';
import { PrinterName } from './printer-name.ts';

export const ItemName = z
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

/** A folder (variables: a file) whose content outlives the machine. */
export const StatePlace = z.discriminatedUnion(
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
          'what is asked of the folder at the moment when the process that shows it ends: resume: it is answered by the next one, which needs Linux 6.9; pause: with an older kernel, too, where it is interrupted (EINTR) when the next one is there: Klipper asks again, other programs may fail',
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
        .refine(
          isReachable,
          'expected an address of one machine, such as 10.0.0.7 or fd00::7: no name, no prefix, none of loopback or link-local',
        )
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

export type StatePlace = z.output<typeof StatePlace>;

/** What the server calls it. Pure. */
export const nameOf = (path: string, { name }: StatePlace): string => name ?? basename(path).split('.')[0] ?? '';

/** As the machine and the server know it. `usual`: whose it is where nothing else is said. Pure. */
export function itemOf(path: string, place: StatePlace, usual: z.output<typeof Owner>) {
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
