import * as z from 'zod/mini';

/** What `GET /v1/boot` says: where the manifest of this machine's image and its files are. Paths are below the server's address. */
export const BootAnswer = z.object({
  image: z.optional(z.string()),
  version: z.optional(z.string()),
  manifestUrl: z.string(),
  signatureUrl: z.string(),
  files: z.object({ root: z.string(), kernel: z.optional(z.string()) }),
  /** The folder where each file of the manifest lies by its digest. */
  blobs: z.optional(z.string()),
  /** What the builder signed of the image's initramfs, which lies there, too; the signature in base64. */
  initramfs: z.optional(z.object({ text: z.string(), signature: z.string() })),
});
export type BootAnswer = z.infer<typeof BootAnswer>;
