import * as z from 'zod/mini';

/**
 * What a machine is told of the port for TLS, by plain HTTP: a hint, which it cannot be harmed by, since each name has its own
 * authorities (`serverTrust`).
 */
export const SecurePort = z.object({
  port: z.int().check(z.minimum(1), z.maximum(65_535)),
  /** The name in its certificate: the one of every server, or the host in the URL by which machines know this one. */
  name: z.catch(z.enum(['common', 'host']), 'common'),
  /** It takes reports there too, of which nobody else can say that they are this machine's. */
  takesReports: z.optional(z.boolean()),
});
export type SecurePort = z.infer<typeof SecurePort>;
