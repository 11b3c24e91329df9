import * as z from 'zod/mini';
import { readSaid, type Said } from '../read-answer.ts';

/** The classes of `system/state.conf`: how an item of a printer is kept. */
const ITEM_KINDS = ['snapshot', 'mirror', 'git', 'variables', 'drbd'] as const;
export type ItemKind = (typeof ITEM_KINDS)[number];

/** One harmless part of a path, as `name` of state.conf. */
const ITEM_NAME = /^[a-z][a-z0-9_-]{0,62}$/;
export const isItemName = (text: string): boolean => ITEM_NAME.test(text);

/** One harmless part of a path. */
const PRINTER_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
export const isPrinterName = (text: string): boolean => PRINTER_NAME.test(text);

/** The server counts them for each printer, so that they sort by when they came, whatever its clock said: `00000042-20261130T061706Z`. */
const GENERATION_ID = /^\d{8}-\d{8}T\d{6}Z$/;
export const isGenerationId = (text: string): boolean => GENERATION_ID.test(text);

const GenerationId = z.string().check(z.regex(GENERATION_ID));
const Sha256 = z.string().check(z.regex(/^[0-9a-f]{64}$/));
/** Of one boot of a machine: random, the same until it is switched off (/proc/sys/kernel/random/boot_id). */
const BootId = z.string().check(z.regex(/^[A-Za-z0-9-]{8,64}$/));

/** `POST /v1/state/PRINTER/lease`. */
export const LeaseRequest = z.strictObject({ boot: BootId });
export type LeaseRequest = z.infer<typeof LeaseRequest>;

export const StateGeneration = z.object({
  id: GenerationId,
  sha256: Sha256,
  sizeBytes: z.int().check(z.minimum(0)),
  /** By the clock of the machine, Unix milliseconds. */
  takenAtMs: z.number(),
});
export type StateGeneration = z.infer<typeof StateGeneration>;

/** What the line of an item has: `id` names what a boot begins with, and each kind says more. */
export const ItemHead = z.looseObject({ id: z.string().check(z.minLength(1), z.maxLength(200)) });
export type ItemHead = z.infer<typeof ItemHead>;

export const LeaseAnswer = z.object({
  /** Of this boot; rises with each other boot that asks. 0: it may read alone, and what it ships is a branch. */
  lease: z.int().check(z.minimum(0)),
  /** By item; null: there is nothing yet. What the machine does not know counts as not said. */
  items: z.record(z.string(), z.nullable(ItemHead)),
  /** Of items that are null: why, for who reads what a boot did; absent where there is nothing to say. */
  why: z.optional(z.record(z.string(), z.string())),
});
export type LeaseAnswer = z.infer<typeof LeaseAnswer>;

/** Which boot of a machine sends something of an item, by which the server knows whether it goes on with the line. */
export interface Standing {
  /** 0: no server gave any. */
  readonly lease: number;
  readonly boot: string;
  /** Id of the head that this boot began with; null: with nothing. */
  readonly base: string | null;
}

/** What a generation is shipped with, `POST /v1/state/PRINTER/ITEM/generations`. */
export interface Shipment extends Standing {
  readonly sha256: string;
  readonly takenAtMs: number;
}

/** Media type of a generation. */
export const GENERATION_TYPE = 'application/x-tar';

const NONE = 'none';

/** As they are sent with all that a machine sends of an item. */
export const standingHeaders = ({ lease, boot, base }: Standing): Record<string, string> => ({
  'statectl-lease': lease === 0 ? NONE : String(lease),
  'statectl-boot': boot,
  'statectl-base': base ?? NONE,
});

/** A shipment as headers, as they are sent. */
export const shipmentHeaders = ({ sha256, takenAtMs, ...standing }: Shipment): Record<string, string> => ({
  'content-type': GENERATION_TYPE,
  ...standingHeaders(standing),
  'statectl-sha256': sha256,
  'statectl-taken-at-ms': String(Math.trunc(takenAtMs)),
});

const STANDING = {
  'statectl-lease': z.string().check(z.regex(/^(?:none|[1-9]\d{0,14})$/)),
  'statectl-boot': BootId,
  'statectl-base': z.string().check(z.regex(/^[A-Za-z0-9._-]{1,200}$/)),
};
const StandingHeaders = z.object(STANDING);
const ShipmentHeaders = z.object({
  ...STANDING,
  'statectl-sha256': Sha256,
  // A clock may stand before 1970.
  'statectl-taken-at-ms': z.string().check(z.regex(/^-?\d{1,15}$/)),
});

const standingOf = (headers: z.infer<typeof StandingHeaders>): Standing => {
  const { 'statectl-lease': lease, 'statectl-boot': boot, 'statectl-base': base } = headers;
  return { lease: lease === NONE ? 0 : Number(lease), boot, base: base === NONE ? null : base };
};

/** Which boot sent these headers, or what is wrong with them. Pure. */
export function readStanding(headers: Readonly<Record<string, unknown>>): Said<Standing> {
  const { value, fault } = readSaid(JSON.stringify(headers), StandingHeaders);
  return fault === undefined ? { value: standingOf(value) } : { fault };
}

/** The shipment that came with these headers, or what is wrong with them. Pure. */
export function readShipment(headers: Readonly<Record<string, unknown>>): Said<Shipment> {
  const { value, fault } = readSaid(JSON.stringify(headers), ShipmentHeaders);
  if (fault !== undefined) return { fault };
  const { 'statectl-sha256': sha256, 'statectl-taken-at-ms': takenAtMs } = value;
  return { value: { ...standingOf(value), sha256, takenAtMs: Number(takenAtMs) } };
}

/** What became of what was sent: on the line, or in a branch of its own, and why. */
export const ShipAnswer = z.discriminatedUnion('on', [
  z.object({ on: z.literal('line'), id: z.string() }),
  z.object({
    ...{ on: z.literal('branch'), id: z.string(), branch: z.string(), why: z.string() },
    /** What it has and the line has not, by names. */
    lacking: z.optional(z.array(z.string())),
  }),
]);
export type ShipAnswer = z.infer<typeof ShipAnswer>;
