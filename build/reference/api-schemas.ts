import { z } from 'zod';
import type { KeptDisks } from '../../src/protocol/disks.ts';
import type { EnrolAnswer } from '../../src/protocol/enrolment.ts';
import type { Problem } from '../../src/protocol/problem.ts';
import type { MachineSecrets } from '../../src/protocol/secrets.ts';
import type { SecurePort } from '../../src/protocol/secure-port.ts';
import type { ConfigFiles, ConfigHead, ConfigTaken } from '../../src/protocol/state/config-files.ts';
import type { MirrorAnswer, MirrorListing, PieceAnswer } from '../../src/protocol/state/mirror.ts';
import type { LeaseAnswer, ShipAnswer } from '../../src/protocol/state/state.ts';
import type { MeasuredStatus } from '../../src/server/limits/load.ts';
import type { Manifest } from '../../src/signed/image-manifest.ts';

const text = (description: string) => z.string().meta({ description });
const sha256 = (description: string) =>
  z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .meta({ description });

const mirrorFile = z.strictObject({
  path: text('its name below the folder'),
  sizeBytes: z.int(),
  mtimeNs: text('when it was written, Unix nanoseconds'),
  sha256: sha256('its digest'),
  over: z
    .string()
    .optional()
    .meta({ description: 'the version of the source that it lies over; it counts with no other' }),
});
const changed = {
  id: text('of what the line, or the branch, is now'),
  missing: z
    .array(z.string())
    .meta({ description: 'digests of contents that are to come first: nothing was done of their changes' }),
};

const manifestFile = () => z.strictObject({ file: z.string(), sha256: sha256('its digest'), sizeBytes: z.int() });

/** What the server answers, by name. Each `satisfies` its type, so that neither changes alone. */
export const ANSWERS = {
  Health: z.strictObject({ status: z.literal('ok') }),
  Status: z.strictObject({
    accepting: z.boolean().meta({ description: 'whether a machine may begin to boot from here now' }),
    load: z.number().min(0).max(1).meta({ description: '0: nothing to do; 1: as much as it can, or more' }),
    transfers: z.int().meta({ description: 'blobs that are being sent' }),
    bytesPerSecond: z.number().meta({ description: 'of blobs, in the last ten seconds or so' }),
    trouble: z.array(z.string()).optional().meta({ description: 'what an admin should see to' }),
  }) satisfies z.ZodType<unknown, MeasuredStatus>,
  SecurePort: z.strictObject({
    port: z.int().meta({ description: 'where it speaks TLS' }),
    name: z.enum(['common', 'host']).meta({
      description: 'common: its certificate is for server.statectl.internal; host: for the host in its URL',
    }),
    takesReports: z.literal(true).optional().meta({ description: 'it takes reports there too' }),
  }) satisfies z.ZodType<unknown, SecurePort>,
  Boot: z.strictObject({
    image: text('its name'),
    version: text('its version'),
    manifestUrl: text('path of its manifest'),
    signatureUrl: text('path of the signature of that'),
    files: z.strictObject({ root: text('path of the root image'), kernel: text('path of the kernel') }),
    blobs: text('folder where each file of the manifest lies by its digest'),
    initramfs: z
      .strictObject({ text: z.string(), signature: z.string() })
      .optional()
      .meta({ description: 'what the builder signed of the initramfs that goes with it, and the signature in base64' }),
  }),
  Manifest: z.strictObject({
    format: z.literal(1),
    name: text('name of the image'),
    version: text('its version, which sorts by time'),
    arch: text('as `uname -m` prints it'),
    kernelRelease: text('as `uname -r` prints it'),
    kernel: manifestFile(),
    fileList: manifestFile().optional().meta({ description: 'what its root is made of' }),
    loader: z
      .strictObject({
        bios: z.strictObject({ boot: manifestFile(), core: manifestFile() }).optional(),
        efi: manifestFile().optional(),
      })
      .optional()
      .meta({ description: 'boot loaders for disks of machines' }),
    root: z.strictObject({
      file: z.string(),
      sha256: sha256('its digest'),
      sizeBytes: z.int(),
      type: z.enum(['squashfs', 'erofs']),
    }),
  }) satisfies z.ZodType<Manifest>,
  Token: z.strictObject({ token: text('for one enrolment, within ten minutes') }),
  Enrolled: z.strictObject({
    state: z.literal('approved'),
    node: text('which node it is'),
    certificatePem: text('its certificate'),
    proof: z.enum(['earlier-key', 'person', 'network']),
  }) satisfies z.ZodType<EnrolAnswer>,
  Waiting: z.strictObject({
    state: z.enum(['pending', 'denied']),
    fingerprint: text('what a person compares, and types'),
  }) satisfies z.ZodType<EnrolAnswer>,
  Disks: z.record(
    z.string(),
    z.strictObject({
      serial: z.exactOptional(z.string()),
      sizeBytes: z.int(),
      sectorBytes: z.int(),
      guids: z.array(z.string()).meta({ description: 'of every table that it had' }),
      table: z.strictObject({
        guid: z.string(),
        firstUsableLba: z.int(),
        lastUsableLba: z.int(),
        partitions: z.array(
          z.strictObject({
            number: z.int(),
            type: z.string(),
            uuid: z.string(),
            firstLba: z.int(),
            lastLba: z.int(),
            attributes: z.string(),
            name: z.string(),
          }),
        ),
      }),
    }),
  ) satisfies z.ZodType<unknown, KeptDisks>,
  Secrets: z.strictObject({
    node: z.string(),
    secrets: z.array(
      z.strictObject({
        path: text('where it becomes a file of mode 0600'),
        owner: z.string(),
        group: z.string(),
        credential: z.string().exactOptional().meta({ description: 'also a systemd credential of this name' }),
        content: text('base64'),
      }),
    ),
    passwords: z.record(z.string(), z.string()).meta({ description: 'hashes, by account' }),
    missing: z
      .record(z.string(), z.string())
      .meta({ description: 'why some that config.d names are not there, by path' }),
  }) satisfies z.ZodType<unknown, MachineSecrets>,
  HostCertificate: z.strictObject({ certificate: text('an SSH host certificate') }),
  Lease: z.strictObject({
    lease: z.int().min(0).meta({
      description: 'of this boot; rises with each other boot that asks. 0: it may read, and what it ships is a branch',
    }),
    items: z
      .record(
        z.string(),
        z
          .strictObject({
            id: text('of the newest good generation of the line'),
            sha256: sha256('its digest'),
            sizeBytes: z.int().min(0),
            takenAtMs: z
              .number()
              .meta({ description: 'Unix milliseconds, by the clock of the machine that shipped it' }),
          })
          .nullable(),
      )
      .meta({ description: 'by item; null: the line has none yet' }),
  }) satisfies z.ZodType<LeaseAnswer>,
  MirrorListing: z.strictObject({
    id: z.string().nullable().meta({ description: 'of the line; null: it has nothing yet' }),
    files: z.array(mirrorFile).meta({ description: 'of the line' }),
    hidden: z
      .array(z.strictObject({ path: text('its name'), over: text('the version of the source that is deleted here') }))
      .meta({ description: 'files of the source that are away' }),
    source: z.array(mirrorFile).meta({ description: 'of the folder that other tools fill, below those of the line' }),
  }) satisfies z.ZodType<MirrorListing>,
  MirrorPiece: z.strictObject({
    haveBytes: z.int().meta({ description: 'where to go on' }),
    isWhole: z.boolean().meta({ description: 'all of it is there, and is what its digest says' }),
  }) satisfies z.ZodType<PieceAnswer>,
  MirrorChanged: z.discriminatedUnion('on', [
    z.strictObject({ on: z.literal('line'), ...changed }),
    z.strictObject({
      on: z.literal('branch'),
      branch: text('its name'),
      why: text('why it is not on the line'),
      ...changed,
    }),
  ]) satisfies z.ZodType<MirrorAnswer>,
  Shipped: z.discriminatedUnion('on', [
    z.strictObject({ on: z.literal('line'), id: text('what this boot shipped, under this name from now on') }),
    z.strictObject({
      on: z.literal('branch'),
      id: z.string(),
      branch: text('its name'),
      why: text('why it does not go on with the line'),
    }),
  ]) satisfies z.ZodType<ShipAnswer>,
  ConfigHead: z.strictObject({
    id: z.string().nullable().meta({ description: 'a commit; null: the line has none yet' }),
  }) satisfies z.ZodType<ConfigHead>,
  ConfigFiles: z.strictObject({
    id: text('of the line; two commits with a dot between where printers share includes'),
    since: z.string().nullable().meta({ description: 'what the files are told against; null: these are all' }),
    files: z.array(
      z.strictObject({
        path: text('its name below the folder'),
        content: z.string().nullable().meta({ description: 'base64; null: it is gone' }),
        mtimeMs: z.number().optional(),
      }),
    ),
    skipped: z.array(z.strictObject({ path: z.string(), why: text('why no machine is given it') })),
  }) satisfies z.ZodType<ConfigFiles>,
  ConfigTaken: z.strictObject({
    on: z.enum(['line', 'branch']),
    id: text('what the machine has, under this name from now on'),
    head: text('what the line, or the branch, is now'),
    branch: z.string().optional(),
    why: z.string().optional().meta({ description: 'why it does not go on with the line' }),
    conflicts: z
      .array(z.string())
      .meta({ description: "paths that were changed on both sides: the printer's count, the others are kept apart" }),
  }) satisfies z.ZodType<ConfigTaken>,
  Problem: z.strictObject({
    type: text('urn:statectl:problem:CODE'),
    title: z.string(),
    status: z.int(),
    detail: text('what failed, and why'),
    hint: z.string().exactOptional().meta({ description: 'what to do next' }),
  }) satisfies z.ZodType<unknown, Problem>,
} as const;
