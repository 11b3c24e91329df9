import * as z from 'zod/mini';

/** Bounds of what is sent at once. A file has at most 1 MiB, and JSON may write a letter with six. */
export const SHIPMENT_LIMITS = { changes: 1_000, bytes: 8 << 20 } as const;

/** What became of one variable. */
export const VariableChange = z.object({
  /** The machine counts its changes of a file. */
  seq: z.int().check(z.minimum(1)),
  /** By the clock of the machine, Unix milliseconds. */
  atMs: z.number(),
  key: z.string().check(z.minLength(1), z.maxLength(256)),
  /** As it stands in the file; null: it went away. */
  literal: z.nullable(z.string()),
});
export type VariableChange = z.infer<typeof VariableChange>;

/** `POST /v1/state/PRINTER/ITEM/variables`, with the headers of the boot. */
export const VariablesShipment = z.strictObject({
  /** Of the newest change. */
  seq: z.int().check(z.minimum(0)),
  /** Since what was sent last, the oldest first. */
  changes: z.array(VariableChange).check(z.maxLength(SHIPMENT_LIMITS.changes)),
  /** The file as it is now, whole. */
  text: z.string(),
});
export type VariablesShipment = z.infer<typeof VariablesShipment>;

/** What a machine that boots is told of the line: `GET /v1/state/PRINTER/ITEM/variables` gives it whole. */
export const VariablesHead = z.object({
  id: z.string(),
  sha256: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
  sizeBytes: z.int().check(z.minimum(0)),
  /** Which boot sent it, and how far it had counted. */
  boot: z.string(),
  seq: z.int().check(z.minimum(0)),
});
export type VariablesHead = z.infer<typeof VariablesHead>;
