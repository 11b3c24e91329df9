/** What the agent and the process that serves a cache leave for each other, as files of one folder in RAM: SPOOL. */
import * as z from 'zod/mini';

const Version = z.string().check(z.minLength(1), z.maxLength(100));

/** SPOOL/index.json, by the agent: what the line has, but for names of which this machine has something else. */
export const CacheIndex = z.object({
  files: z.array(
    z.object({
      path: z.string(),
      sizeBytes: z.int().check(z.minimum(0)),
      /** Unix nanoseconds, in decimal. */
      mtimeNs: z.string().check(z.regex(/^-?\d{1,25}$/)),
      version: Version,
    }),
  ),
});
export type CacheIndex = z.infer<typeof CacheIndex>;

/** A content of a name: SPOOL/want/ID, which somebody waits for; gone/ID, which somebody deleted without having it here. */
export const CacheName = z.object({ path: z.string(), version: Version });
export type CacheName = z.infer<typeof CacheName>;

/** SPOOL/want/ID, with the number of the request that waits: of the file system's own. */
export const CacheWish = z.extend(CacheName, { unique: z.string().check(z.regex(/^\d{1,20}$/)) });

/** SPOOL/answers/ID, by the agent: it is here, or why it cannot be had. */
export const CacheAnswer = z.object({ fault: z.optional(z.string()) });
export type CacheAnswer = z.infer<typeof CacheAnswer>;

/** SPOOL/agent.json: who brings what is wanted. `started`: as `processStart` says it. */
export const CacheAgent = z.object({ pid: z.int().check(z.minimum(1)), started: z.string() });
export type CacheAgent = z.infer<typeof CacheAgent>;

/** Names of what is wanted and answered; what is still being written has another one. */
export const CACHE_ID = /^[0-9a-f]{24}$/;

/** Beside the files, the file system's own: what was deleted without having been here. */
export const CACHE_OWN = '.statectl-cache';
export const GONE = `${CACHE_OWN}/gone`;
