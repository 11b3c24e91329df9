import { timingSafeEqual } from 'node:crypto';
import { readSaid } from '../protocol/read-answer.ts';
import { crc32c } from './crc32c.ts';
import { type CycleKey, keyOfCycle, sealOf } from './cycle-key.ts';
import { CycleState, SLOTS, type SlotRecord, withSlot } from './cycle-state.ts';

export const RECORD_BYTES = 4096;

/**
 * A record: magic, version (u32), sequence (u64), length of the JSON (u32), 4 bytes of zero, seal (32 bytes), JSON, zeros, and
 * the CRC-32C of all before it. Numbers are little-endian.
 */
const MAGIC = 'stcycle\n';
const VERSION = 1;
const SEAL_AT = 28;
const JSON_AT = 60;
const CRC_AT = RECORD_BYTES - 4;
const ROOM = CRC_AT - JSON_AT;

export interface JournalRecord {
  readonly seq: number;
  readonly state: CycleState;
  /** `unknown`: sealed by the key of an earlier cycle, which is forgotten, or there is no key. */
  readonly sealed: 'yes' | 'no' | 'unknown';
}

/** Why bytes are no record. */
type RecordFault = 'blank' | 'torn' | 'future';
export type ReadRecord =
  | { readonly record: JournalRecord; readonly fault?: undefined }
  | { readonly record?: undefined; readonly fault: RecordFault };

/** What a full record does without, first the least: reasons of the past, the past, images that were denied long ago, reasons of slots. */
function fitting(state: CycleState): string {
  let kept = state;
  for (let text = JSON.stringify(kept); ; text = JSON.stringify(kept)) {
    if (Buffer.byteLength(text) <= ROOM) return text;
    const wordy = kept.past.findIndex(({ why }) => why !== undefined);
    if (wordy >= 0)
      kept = {
        ...kept,
        past: kept.past.map(({ why, ...past }, at) =>
          at === wordy ? past : { ...past, ...(why !== undefined && { why }) },
        ),
      };
    else if (kept.past.length > 1) kept = { ...kept, past: kept.past.slice(1) };
    else if (kept.denied.length > 1) kept = { ...kept, denied: kept.denied.slice(1) };
    else if (kept.a?.why !== undefined || kept.b?.why !== undefined)
      kept = SLOTS.reduce((state, slot) => withSlot(state, slot, withoutWhy(state[slot])), kept);
    else throw new Error(`a cycle record of ${Buffer.byteLength(text)} bytes has no room in ${ROOM}`);
  }
}

function withoutWhy(record: SlotRecord | undefined): SlotRecord | undefined {
  if (!record) return undefined;
  const { why: _long, ...rest } = record;
  return rest;
}

/** Pure. `key`: any, of this cycle or an earlier one; undefined: it is sealed by a checksum. */
export function writeRecord(state: CycleState, seq: number, key: CycleKey | undefined): Buffer {
  const record = Buffer.alloc(RECORD_BYTES);
  const json = Buffer.from(fitting(state));
  record.write(MAGIC, 0, 'latin1');
  record.writeUInt32LE(VERSION, 8);
  record.writeBigUInt64LE(BigInt(seq), 12);
  record.writeUInt32LE(json.length, 20);
  json.copy(record, JSON_AT);
  sealOf(sealedPart(record, json.length), key && keyOfCycle(key, state.cycle)).copy(record, SEAL_AT);
  record.writeUInt32LE(crc32c(record.subarray(0, CRC_AT)), CRC_AT);
  return record;
}

const sealedPart = (record: Buffer, length: number): Buffer =>
  Buffer.concat([record.subarray(0, SEAL_AT), record.subarray(JSON_AT, JSON_AT + length)]);

/** Pure. */
export function readRecord(bytes: Buffer, key: CycleKey | undefined): ReadRecord {
  if (bytes.length !== RECORD_BYTES) return { fault: 'torn' };
  if (bytes.every((byte) => byte === 0)) return { fault: 'blank' };
  if (crc32c(bytes.subarray(0, CRC_AT)) !== bytes.readUInt32LE(CRC_AT)) return { fault: 'torn' };
  if (bytes.toString('latin1', 0, 8) !== MAGIC) return { fault: 'torn' };
  if (bytes.readUInt32LE(8) !== VERSION) return { fault: 'future' };
  const length = bytes.readUInt32LE(20);
  const seq = Number(bytes.readBigUInt64LE(12));
  if (length > ROOM || !Number.isSafeInteger(seq)) return { fault: 'torn' };
  const { value: state } = readSaid(bytes.subarray(JSON_AT, JSON_AT + length), CycleState);
  if (!state) return { fault: 'torn' };
  const seal = bytes.subarray(SEAL_AT, JSON_AT);
  const fits = (by: CycleKey | undefined): boolean => timingSafeEqual(seal, sealOf(sealedPart(bytes, length), by));
  const own = key && keyOfCycle(key, state.cycle);
  const sealed = own ? (fits(own) ? 'yes' : 'no') : key ? 'unknown' : fits(undefined) ? 'yes' : 'unknown';
  return { record: { seq, state, sealed } };
}
