import * as z from 'zod/mini';
import { readSaid, type Said } from './read-answer.ts';

/** What a print host has of its server, item by item. One generation of an item is one tar of plain files (`signed/plain-tar.ts`). */
export const STATE_ITEMS = ['database'] as const;
export type StateItem = (typeof STATE_ITEMS)[number];

export const isStateItem = (text: string): text is StateItem => STATE_ITEMS.some((item) => item === text);

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

export const LeaseAnswer = z.object({
  /** Of this boot; rises with each other boot that asks. 0: it may read alone, and what it ships is a branch. */
  lease: z.int().check(z.minimum(0)),
  /** The newest good generation of the line; null: there is none yet. What the machine does not know counts as not said. */
  items: z.record(z.string(), z.nullable(StateGeneration)),
});
export type LeaseAnswer = z.infer<typeof LeaseAnswer>;

/** What a generation is shipped with, `POST /v1/state/PRINTER/ITEM/generations`. */
export interface Shipment {
  /** 0: no server gave any. */
  readonly lease: number;
  readonly boot: string;
  /** What this boot began with; null: with nothing. */
  readonly base: string | null;
  readonly sha256: string;
  readonly takenAtMs: number;
}

/** Media type of a generation. */
export const GENERATION_TYPE = 'application/x-tar';

const NONE = 'none';

/** A shipment as headers, as they are sent. */
export const shipmentHeaders = ({ lease, boot, base, sha256, takenAtMs }: Shipment): Record<string, string> => ({
  'content-type': GENERATION_TYPE,
  'statectl-lease': lease === 0 ? NONE : String(lease),
  'statectl-boot': boot,
  'statectl-base': base ?? NONE,
  'statectl-sha256': sha256,
  'statectl-taken-at-ms': String(Math.trunc(takenAtMs)),
});

const ShipmentHeaders = z.object({
  'statectl-lease': z.string().check(z.regex(/^(?:none|[1-9]\d{0,14})$/)),
  'statectl-boot': BootId,
  'statectl-base': z.union([z.literal(NONE), GenerationId]),
  'statectl-sha256': Sha256,
  // A clock may stand before 1970.
  'statectl-taken-at-ms': z.string().check(z.regex(/^-?\d{1,15}$/)),
});

/** The shipment that came with these headers, or what is wrong with them. Pure. */
export function readShipment(headers: Readonly<Record<string, unknown>>): Said<Shipment> {
  const { value, fault } = readSaid(JSON.stringify(headers), ShipmentHeaders);
  if (fault !== undefined) return { fault };
  const lease = value['statectl-lease'];
  const base = value['statectl-base'];
  return {
    value: {
      lease: lease === NONE ? 0 : Number(lease),
      boot: value['statectl-boot'],
      base: base === NONE ? null : base,
      sha256: value['statectl-sha256'],
      takenAtMs: Number(value['statectl-taken-at-ms']),
    },
  };
}

/** What became of a generation: on the line, or in a branch of its own, and why. */
export const ShipAnswer = z.discriminatedUnion('on', [
  z.object({ on: z.literal('line'), id: GenerationId }),
  z.object({ on: z.literal('branch'), id: GenerationId, branch: z.string(), why: z.string() }),
]);
export type ShipAnswer = z.infer<typeof ShipAnswer>;
