import * as z from 'zod/mini';

const Guid = z.string().check(z.regex(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/));
const Sector = z.int().check(z.nonnegative());

/** A partition table as a machine read it: both copies whole, of statectl's making. */
const ReportedTable = z.object({
  guid: Guid,
  firstUsableLba: Sector,
  lastUsableLba: Sector,
  partitions: z
    .array(
      z.object({
        number: z.int().check(z.positive(), z.maximum(128)),
        type: Guid,
        uuid: Guid,
        firstLba: Sector,
        lastLba: Sector,
        attributes: z.string().check(z.regex(/^[0-9a-f]{1,16}$/)),
        name: z.string().check(z.maxLength(36)),
      }),
    )
    .check(z.maxLength(128)),
});

const ReportedDisk = z.object({
  serial: z.exactOptional(z.string().check(z.maxLength(200))),
  sizeBytes: z.int().check(z.positive()),
  sectorBytes: z.int().check(z.positive()),
  table: ReportedTable,
});

const DiskId = z.string().check(z.minLength(1), z.maxLength(200));

/** `disks` of a report: by the name below /dev/disk/by-id. A server keeps the last of each, and gives them to that machine alone. */
export const ReportedDisks = z.record(DiskId, ReportedDisk);
export type ReportedDisks = z.infer<typeof ReportedDisks>;

/** `GET /v1/disks`: the same of this machine, with every GUID that a table of each had: of a word that was used, too. */
export const KeptDisks = z.record(DiskId, z.extend(ReportedDisk, { guids: z.array(Guid) }));
export type KeptDisks = z.infer<typeof KeptDisks>;
