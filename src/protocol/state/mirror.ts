import * as z from 'zod/mini';

/** Bounds of what a mirror holds; no gcode folder has as many, and a listing of it is read whole. */
export const MIRROR_LIMITS = {
  files: 20_000,
  /** Of all names, as JSON has them. */
  namesBytes: 4 << 20,
  changes: 256,
  pieceBytes: 1 << 20,
  listingBytes: 32 << 20,
} as const;

const LONGEST_NAME_BYTES = 255;
const LONGEST_PATH_BYTES = 1_024;

/** Whether it names a file below a folder and nothing else: what Linux allows in a name is allowed, line breaks too. */
export const isMirrorPath = (path: string): boolean =>
  Buffer.byteLength(path) <= LONGEST_PATH_BYTES &&
  path.isWellFormed() &&
  !path.includes('\0') &&
  !path.startsWith('.statectl-') &&
  path
    .split('/')
    .every((name) => name !== '' && name !== '.' && name !== '..' && Buffer.byteLength(name) <= LONGEST_NAME_BYTES);

/** What a name takes of a listing. */
export const nameBytes = (path: string): number => Buffer.byteLength(JSON.stringify(path));

const MirrorPath = z.string().check(z.refine(isMirrorPath));
const Sha256 = z.string().check(z.regex(/^[0-9a-f]{64}$/));
/** Names one content of a file: its SHA-256, or what a source knows it by that cannot say one. */
const Version = z.string().check(z.regex(/^[0-9a-z.:-]{1,100}$/));

const CONTENT = {
  sizeBytes: z.int().check(z.minimum(0)),
  /** Unix nanoseconds, in decimal: Moonraker compares times to the last digit. */
  mtimeNs: z.string().check(z.regex(/^-?\d{1,25}$/)),
  sha256: Sha256,
};

export const MirrorFile = z.object({
  path: MirrorPath,
  ...CONTENT,
  /** Of one that lies over a file of the source: the version of that, without which this one does not count. */
  over: z.optional(Version),
});
export type MirrorFile = z.infer<typeof MirrorFile>;

/** A file of the source that was deleted here: it is away as long as the source has this version. */
const Hidden = z.object({ path: MirrorPath, over: Version });
export type Hidden = z.infer<typeof Hidden>;

/** What the line has of a mirror: `GET /v1/state/PRINTER/ITEM/mirror`. */
export const MirrorListing = z.object({
  /** Of the line; another one with each change. */
  id: z.nullable(z.string()),
  files: z.array(MirrorFile),
  hidden: z.array(Hidden),
  /** What a folder of the server has, below them. */
  source: z.array(MirrorFile),
});
export type MirrorListing = z.infer<typeof MirrorListing>;

/** What happened to one name. */
export const MirrorChange = z.object({
  path: MirrorPath,
  /** null: it is gone. */
  file: z.nullable(z.object(CONTENT)),
  /** SHA-256 that the line had when it was in step; null: nothing. */
  was: z.nullable(Sha256),
  over: z.optional(Version),
});
export type MirrorChange = z.infer<typeof MirrorChange>;

/** `POST /v1/state/PRINTER/ITEM/mirror/changes`, with the headers of the boot. */
export const MirrorChanges = z.strictObject({
  changes: z.array(MirrorChange).check(z.minLength(1), z.maxLength(MIRROR_LIMITS.changes)),
});

const CHANGED = {
  id: z.string(),
  /** Digests of which the server has no content yet: their changes are to be sent again with it. */
  missing: z.array(Sha256),
};
export const MirrorAnswer = z.discriminatedUnion('on', [
  z.object({ on: z.literal('line'), ...CHANGED }),
  z.object({ on: z.literal('branch'), branch: z.string(), why: z.string(), ...CHANGED }),
]);
export type MirrorAnswer = z.infer<typeof MirrorAnswer>;

/** `POST /v1/state/PRINTER/ITEM/mirror/files/SHA256?at=BYTES&size=BYTES`: a piece of a file. */
export const PieceQuery = z.object({
  at: z.string().check(z.regex(/^\d{1,15}$/)),
  size: z.string().check(z.regex(/^\d{1,15}$/)),
});
/** How much of it the server has: where to go on. */
export const PieceAnswer = z.object({ haveBytes: z.int().check(z.minimum(0)), isWhole: z.boolean() });
export type PieceAnswer = z.infer<typeof PieceAnswer>;

export const PIECE_TYPE = 'application/octet-stream';
