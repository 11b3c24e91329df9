import * as z from 'zod/mini';

/** A config is texts of people; what is larger is none, and is told. */
export const LARGEST_CONFIG_FILE_BYTES = 1 << 20;
/** Of all files together. */
export const LARGEST_CONFIG_BYTES = 8 << 20;
export const MOST_CONFIG_FILES = 2_000;
/** The same as one. */
export const CONFIG_BOUNDS = {
  fileBytes: LARGEST_CONFIG_FILE_BYTES,
  bytes: LARGEST_CONFIG_BYTES,
  files: MOST_CONFIG_FILES,
} as const;
/** Base64, and names. */
export const LARGEST_CONFIG_BODY_BYTES = 13 << 20;
/** Media type of changes. */
export const CONFIG_TYPE = 'application/vnd.statectl.config+json';

/**
 * Names what a printer's config is at one moment: a commit of its own repository, and of the one that all printers share their
 * includes in where there is one.
 */
const CONFIG_ID = /^(?:empty|[0-9a-f]{40})(?:\.[0-9a-f]{40})?$/;
const ConfigId = z.string().check(z.regex(CONFIG_ID));
export const isConfigId = (text: string): boolean => CONFIG_ID.test(text);

/** One file; null: it is gone. */
const ConfigFile = z.object({
  path: z.string().check(z.maxLength(2_048)),
  /** Base64: not all that people write is UTF-8. */
  content: z.nullable(z.base64()),
  /** By the clock of the machine, Unix milliseconds. */
  mtimeMs: z.optional(z.number()),
});
export type ConfigFile = z.infer<typeof ConfigFile>;

/** `POST /v1/state/PRINTER/ITEM/config`: what a machine changed in what it had as `base`. */
export const ConfigChanges = z.object({
  base: z.nullable(ConfigId),
  files: z.array(ConfigFile).check(z.minLength(1), z.maxLength(MOST_CONFIG_FILES)),
});
export type ConfigChanges = z.infer<typeof ConfigChanges>;

/** What became of it. `id`: what the machine has now; its line may be further. */
export const ConfigTaken = z.object({
  on: z.enum(['line', 'branch']),
  id: ConfigId,
  /** What the line or the branch is by now. */
  head: ConfigId,
  branch: z.optional(z.string()),
  why: z.optional(z.string()),
  /** Where somebody changed the same on the server: theirs is kept apart. */
  conflicts: z.array(z.string()),
});
export type ConfigTaken = z.infer<typeof ConfigTaken>;

/** `GET /v1/state/PRINTER/ITEM/config?since=ID`: what the line has that was not so at `since`; all of it where nobody knows that. */
export const ConfigFiles = z.object({
  id: ConfigId,
  since: z.nullable(ConfigId),
  files: z.array(ConfigFile),
  /** What lies there and is given to no machine. */
  skipped: z.array(z.object({ path: z.string(), why: z.string() })),
});
export type ConfigFiles = z.infer<typeof ConfigFiles>;

/** `GET /v1/state/PRINTER/ITEM/config/head`. */
export const ConfigHead = z.object({ id: z.nullable(ConfigId) });
export type ConfigHead = z.infer<typeof ConfigHead>;
