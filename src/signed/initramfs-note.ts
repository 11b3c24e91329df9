import * as z from 'zod/mini';
import { StatectlError } from '../error.ts';
import { readSaid } from '../protocol/read-answer.ts';
import { manifestIsSigned } from './image-manifest.ts';

/**
 * What the builder says of an initramfs, signed with the key of images: `FILE.json` beside it, its Ed25519 signature in
 * `FILE.json.sig`. It is made after its image, of other settings, so that the image's manifest cannot name it.
 */
const InitramfsNote = z.object({
  /** No manifest of an image has it: what is signed as one can never be taken for the other. */
  initramfs: z.literal(1),
  /** Whose modules are in it. */
  kernelRelease: z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/)),
  /** Lower-case hex. */
  sha256: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
  sizeBytes: z.int().check(z.minimum(1)),
});
export type InitramfsNote = z.infer<typeof InitramfsNote>;

export const writeInitramfsNote = (note: Omit<InitramfsNote, 'initramfs'>): string =>
  `${JSON.stringify({ initramfs: 1, ...note }, null, 2)}\n`;

/** Reads a note whose signature is judged elsewhere. Throws `initramfs-note-invalid`. */
export function parseInitramfsNote(text: string): InitramfsNote {
  const { value, fault } = readSaid(text, InitramfsNote);
  if (fault === undefined) return value;
  throw new StatectlError('initramfs-note-invalid', `what is said of the initramfs is not valid: ${fault}`, {
    hint: 'build the initramfs again with `statectl initramfs build`, and add the image again',
  });
}

/** The note where one of these keys (PEM) signed it. Pure. */
export function signedInitramfs(
  { text, signature }: SignedNote,
  trustedPems: readonly string[],
): InitramfsNote | undefined {
  if (!manifestIsSigned(text, Buffer.from(signature, 'base64'), trustedPems)) return undefined;
  return parseInitramfsNote(text);
}

/** The very bytes that were signed, and the signature in base64. */
export interface SignedNote {
  readonly text: string;
  readonly signature: string;
}
