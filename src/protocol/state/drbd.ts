import * as z from 'zod/mini';

/** Pieces that DRBD counts in: one bit of its bitmap, one write of its metadata. */
const BLOCK_BYTES = 4096;

/** Where DRBD counts its sides (9), both count them so: a side that says another number of itself is refused. */
export const SERVER_NODE_ID = 0;
export const MACHINE_NODE_ID = 1;

const port = z.int().check(z.minimum(1), z.maximum(65_535));

/**
 * What the answer to a lease says of a volume: both sides of it, and what the machine proves itself with there. A boot without its
 * volume ships what it has in RAM as a branch, as a generation of class `snapshot` is shipped: a plain tar of at most 64 MiB
 * (`signed/plain-tar.ts`) of the regular files below the folder by their paths, whole and anew each time.
 */
export const DrbdHead = z.object({
  /** Other with each volume that is made: what a boot began with. */
  id: z.string().check(z.minLength(1), z.maxLength(200)),
  /** One name of it on both sides. */
  resource: z.string().check(z.regex(/^[A-Za-z][A-Za-z0-9_.-]{0,63}$/)),
  /** The server's side: `192.0.2.1:7789`, `[2001:db8::1]:7789`. */
  peer: z.string().check(z.regex(/^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:.]{2,45}\]):[1-9]\d{0,4}$/)),
  /** The machine's own. */
  port,
  /** Of /dev/drbdN on the machine. */
  minor: z.int().check(z.minimum(0), z.maximum(1_048_575)),
  /** Of the whole backing device, with DRBD's internal metadata: both sides have as much. */
  bytes: z.int().check(z.minimum(1 << 20), z.multipleOf(BLOCK_BYTES)),
  /** 30 bytes in hex: DRBD takes 63 characters at most, and drbdadm refuses more. */
  secret: z.string().check(z.regex(/^[0-9a-f]{60}$/)),
  /** Digest of the proof by that, as the kernel calls it; absent: `sha256`. */
  alg: z.optional(z.string().check(z.regex(/^[a-z0-9-]{1,32}$/))),
});
export type DrbdHead = z.infer<typeof DrbdHead>;
