import * as z from 'zod/mini';

/** What proved that the key is this machine's: DESIGN §7. */
export type Proof = 'earlier-key' | 'person' | 'network';

/** `POST /v1/enrol`. */
export const EnrolRequest = z.strictObject({
  /** PKCS #10, PEM. */
  request: z.string(),
  /** Claims. */
  machine: z.record(z.string(), z.unknown()),
  /** Of `POST /v1/token`. */
  token: z.optional(z.string().check(z.maxLength(128))),
});
export type EnrolRequest = z.infer<typeof EnrolRequest>;

export const EnrolAnswer = z.discriminatedUnion('state', [
  z.object({
    state: z.literal('approved'),
    node: z.string(),
    certificatePem: z.string(),
    /** A `Proof`, or what a later server calls another one. */
    proof: z.string(),
  }),
  /** The fingerprint is for people: the machine knows its key. */
  z.object({ state: z.enum(['pending', 'denied']), fingerprint: z.optional(z.string()) }),
]);
export type EnrolAnswer = z.infer<typeof EnrolAnswer>;

/** `POST /v1/token`, for machines whose record trusts the network. */
export const TokenAnswer = z.object({ token: z.string() });
export type TokenAnswer = z.infer<typeof TokenAnswer>;

/** `POST /v1/ssh/host-certificate`: a line for authorized_keys. */
export const HostKeyRequest = z.strictObject({ publicKey: z.string() });
export type HostKeyRequest = z.infer<typeof HostKeyRequest>;

export const HostKeyAnswer = z.object({ certificate: z.string().check(z.minLength(1)) });
export type HostKeyAnswer = z.infer<typeof HostKeyAnswer>;
