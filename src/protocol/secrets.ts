import * as z from 'zod/mini';

/** A secret as a machine gets it: a file of mode 0600. What a later server says besides is kept for a later statectl. */
export const DeliveredSecret = z.looseObject({
  path: z.string(),
  owner: z.string(),
  group: z.string(),
  /** Also a systemd credential of this name. */
  credential: z.exactOptional(z.string()),
  /** Base64. */
  content: z.string(),
});
export type DeliveredSecret = z.infer<typeof DeliveredSecret>;

export const MachineSecrets = z.looseObject({
  node: z.string(),
  secrets: z.array(DeliveredSecret),
  /** Hashes of passwords, by user. */
  passwords: z.record(z.string(), z.string()),
  /** Why some that config.d names are not among them: by path. */
  missing: z.record(z.string(), z.string()),
});
export type MachineSecrets = z.infer<typeof MachineSecrets>;
