import { StatectlError } from '../../error.ts';
import type { TpmChannel } from '../../host/host.ts';

/**
 * The commands of a TPM 2.0 that seal a few bytes to it: TCG, TPM 2.0 Library, parts 2 and 3. Debian's tpm2-tools would do the
 * same with 24 libraries, 3.7 MiB compressed. What is sealed opens on this machine alone, for whoever runs there: it has
 * neither password nor policy, so it protects a disk that is carried away, not a machine that is.
 */
export interface SealedBytes {
  /** TPM2B_PRIVATE and TPM2B_PUBLIC, as the TPM gave them. */
  readonly private: Buffer;
  readonly public: Buffer;
}

const TAG_SESSIONS = 0x8002;
const COMMANDS = {
  createPrimary: 0x131,
  create: 0x153,
  hmac: 0x155,
  load: 0x157,
  unseal: 0x15e,
  flush: 0x165,
} as const;
const TAG_NO_SESSIONS = 0x8001;
const OWNER = 0x4000_0001;
const HEADER_BYTES = 10;
/** A response code without the number of the parameter: part 2, 6.6. */
const FORMAT_ONE = 0xbf;
const INTEGRITY = 0x9f;

const u8 = (value: number): Buffer => Buffer.from([value]);
const u16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
};
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
/** A TPM2B: its length before it. */
const sized = (...parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  return Buffer.concat([u16(body.length), body]);
};

const EMPTY = u16(0);
const ALG = { ecc: 0x23, hmac: 0x05, keyedHash: 0x08, sha256: 0x0b, aes: 0x06, cfb: 0x43, none: 0x10 } as const;
const P256 = 0x03;
/** TPMA_OBJECT: fixedTPM, fixedParent, userWithAuth, noDA; and of the parent sensitiveDataOrigin, restricted, decrypt. */
const SEALED_ATTRIBUTES = (1 << 1) | (1 << 4) | (1 << 6) | (1 << 10);
const PARENT_ATTRIBUTES = SEALED_ATTRIBUTES | (1 << 5) | (1 << 16) | (1 << 17);

/** TPMS_AUTH_COMMAND: by an empty password. */
const NO_PASSWORD = (() => {
  const area = Buffer.concat([u32(0x4000_0009), EMPTY, u8(0), EMPTY]);
  return Buffer.concat([u32(area.length), area]);
})();

/** The storage key of a TPM (P-256), which comes out of its seed, the same each time: nothing of it is kept anywhere. */
const PARENT_TEMPLATE = sized(
  ...[u16(ALG.ecc), u16(ALG.sha256), u32(PARENT_ATTRIBUTES), EMPTY],
  ...[u16(ALG.aes), u16(128), u16(ALG.cfb), u16(ALG.none), u16(P256), u16(ALG.none)],
  ...[EMPTY, EMPTY],
);
const SEALED_TEMPLATE = sized(
  ...[u16(ALG.keyedHash), u16(ALG.sha256), u32(SEALED_ATTRIBUTES), EMPTY, u16(ALG.none), EMPTY],
);
/** A key for HMACs alone, of the same seed; sensitiveDataOrigin, sign. */
const MAC_TEMPLATE = sized(
  ...[u16(ALG.keyedHash), u16(ALG.sha256), u32(SEALED_ATTRIBUTES | (1 << 5) | (1 << 18)), EMPTY],
  ...[u16(ALG.hmac), u16(ALG.sha256), EMPTY],
);
/** No data from outside, no PCRs. */
const NOTHING_MORE = [EMPTY, u32(0)];

/** Sends a command; its parameters, behind the header. Throws `tpm-failed`, `tpm-foreign`. */
async function send(
  channel: TpmChannel,
  command: keyof typeof COMMANDS,
  parts: readonly Buffer[],
  tag = TAG_SESSIONS,
): Promise<Buffer> {
  const body = Buffer.concat(parts);
  const answer = await channel.send(
    Buffer.concat([u16(tag), u32(HEADER_BYTES + body.length), u32(COMMANDS[command]), body]),
  );
  const code = answer.length < HEADER_BYTES ? undefined : answer.readUInt32BE(6);
  if (code === 0) return answer.subarray(HEADER_BYTES);
  if (command === 'load' && code !== undefined && (code & FORMAT_ONE) === INTEGRITY)
    throw new StatectlError('tpm-foreign', 'another TPM sealed it, or this one was cleared since');
  throw new StatectlError(
    'tpm-failed',
    `the TPM answers ${command} with ${code === undefined ? 'too little' : `0x${code.toString(16)}`}`,
    {
      hint: 'tpm2_rc_decode (tpm2-tools) says what that is; clear the TPM in the firmware setup if it was another owner’s',
    },
  );
}

/** A TPM2B that begins there, with its length. */
function takeSized(bytes: Buffer, at: number): Buffer {
  const end = at + 2 + bytes.readUInt16BE(at);
  if (end <= bytes.length) return Buffer.from(bytes.subarray(at, end));
  throw new StatectlError('tpm-failed', 'the TPM answers with less than it says');
}

/** Handle and size of the parameters come first where an object is made. */
const AFTER_HANDLE = 8;
const AFTER_SIZE = 4;

/** The object that a command loads, for as long as `use` takes: a TPM has room for three. */
async function withObject<T>(
  channel: TpmChannel,
  command: 'createPrimary' | 'load',
  parts: readonly Buffer[],
  use: (handle: Buffer) => Promise<T>,
): Promise<T> {
  const answer = await send(channel, command, parts);
  if (answer.length < AFTER_HANDLE) throw new StatectlError('tpm-failed', 'the TPM answers with less than it says');
  const handle = Buffer.from(answer.subarray(0, 4));
  try {
    return await use(handle);
  } finally {
    await send(channel, 'flush', [handle], TAG_NO_SESSIONS).catch(() => undefined);
  }
}

const withPrimary = <T>(channel: TpmChannel, template: Buffer, use: (handle: Buffer) => Promise<T>): Promise<T> =>
  withObject(channel, 'createPrimary', [u32(OWNER), NO_PASSWORD, sized(EMPTY, EMPTY), template, ...NOTHING_MORE], use);
const withParent = <T>(channel: TpmChannel, use: (handle: Buffer) => Promise<T>): Promise<T> =>
  withPrimary(channel, PARENT_TEMPLATE, use);

/** Seals up to 128 bytes. Throws `tpm-failed`. */
export const sealToTpm = (channel: TpmChannel, secret: Uint8Array): Promise<SealedBytes> =>
  withParent(channel, async (parent) => {
    const sensitive = sized(EMPTY, sized(Buffer.from(secret)));
    const answer = await send(channel, 'create', [parent, NO_PASSWORD, sensitive, SEALED_TEMPLATE, ...NOTHING_MORE]);
    const privatePart = takeSized(answer, AFTER_SIZE);
    return { private: privatePart, public: takeSized(answer, AFTER_SIZE + privatePart.length) };
  });

/** What was sealed. Throws `tpm-failed`, and `tpm-foreign` for what another TPM sealed. */
export const unsealFromTpm = (channel: TpmChannel, sealed: SealedBytes): Promise<Buffer> =>
  withParent(channel, (parent) =>
    withObject(channel, 'load', [parent, NO_PASSWORD, sealed.private, sealed.public], async (item) => {
      const answer = await send(channel, 'unseal', [item, NO_PASSWORD]);
      return takeSized(answer, AFTER_SIZE).subarray(2);
    }),
  );

/** HMAC-SHA-256 by a key that only this TPM has, the same at each boot until it is cleared. Throws `tpm-failed`. */
export const macByTpm = (channel: TpmChannel, text: string): Promise<Buffer> =>
  withPrimary(channel, MAC_TEMPLATE, async (key) => {
    const answer = await send(channel, 'hmac', [key, NO_PASSWORD, sized(Buffer.from(text)), u16(ALG.sha256)]);
    return takeSized(answer, AFTER_SIZE).subarray(2);
  });
