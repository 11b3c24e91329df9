/** PATH_MAX and NAME_MAX of Linux. */
const LONGEST_PATH_BYTES = 4095;
const LONGEST_NAME_BYTES = 255;
/** The kernel makes these at every boot. */
const KERNELS = /^\/(?:proc|sys|dev)(?:\/|$)/;
/** What statectl keeps for itself: a file there could change what it believes. */
const OURS = /^\/(?:run\/(?:statectl|initramfs)|user-data\/persistent\/(?:statectl|images))(?:\/|$)/;

/** A name of a path that is none, or leads elsewhere. */
const EMPTY_OR_DOTS = /\/\.{0,2}(?:\/|$)/;
/** Those that may be too long, in bytes: a path may have thousands of names. */
const LONG_NAMES = /[^/]{64,}/g;
const isTooLong = (name: string): boolean => Buffer.byteLength(name) > LONGEST_NAME_BYTES;

/** Why no bundle may bring a file of this path; undefined when it may. */
export function pathFault(path: string): string | undefined {
  if (!path.startsWith('/')) return 'is not absolute';
  if (EMPTY_OR_DOTS.test(path)) return 'is not a plain path';
  if (/[\p{Cc}\u2028\u2029\ufffd]/u.test(path)) return 'has control characters';
  if (Buffer.byteLength(path) > LONGEST_PATH_BYTES || (path.match(LONG_NAMES) ?? []).some(isTooLong))
    return 'is too long';
  if (KERNELS.test(path)) return 'belongs to the kernel';
  return OURS.test(path) ? 'belongs to statectl' : undefined;
}
