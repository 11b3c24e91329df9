import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { isStatectlError, reasonOf, StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { parseRecord } from '../../host/record.ts';
import { sealToTpm, unsealFromTpm } from './tpm.ts';

type SealHost = Pick<Host, 'files' | 'tpm'>;

/** How a private text lies on its disk. */
export type Sealing = 'sealed' | 'unsealed';

/** AES-256-GCM, by a key that the TPM alone opens: it seals 128 bytes at most, and a key in PEM is longer. Base64. */
interface SealedFile {
  readonly format: 1;
  readonly sealed: { readonly private: string; readonly public: string };
  readonly iv: string;
  readonly tag: string;
  readonly data: string;
}

const SEALED_FILE = { format: 'number', sealed: 'mapping', iv: 'text', tag: 'text', data: 'text' } as const;

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const bytesOf = (text: string): Buffer => Buffer.from(text, 'base64');

export interface PrivateText {
  readonly text: string;
  readonly is: Sealing;
}

export interface PrivateTextWish {
  readonly make: () => string | Promise<string>;
  /** Throws for a text that is of no use, such as half of one. */
  readonly check?: (text: string) => void;
  readonly warn: (text: string) => void;
}

/**
 * A private text that this machine keeps in a file, for its owner only and sealed where there is a TPM; made when there is none,
 * and when nothing will open the one that is there: then that is put aside. Throws when the TPM may do so another time:
 * `tpm-missing`, `tpm-failed`, and what opening it throws.
 */
export async function keepPrivate(host: SealHost, path: string, wish: PrivateTextWish): Promise<PrivateText> {
  const { make, check, warn } = wish;
  if (await host.files.stat(path))
    try {
      const kept = await readPrivate(host, path);
      check?.(kept.text);
      // One that lies there as it is gets sealed by a TPM that came since. Flash wears: without one nothing is written.
      if (kept.is === 'sealed' || !(await hasTpm(host))) return kept;
      return { text: kept.text, is: await writePrivate(host, path, kept.text, warn) };
    } catch (error) {
      if (!isForGood(error)) throw error;
      await host.files.rename(path, `${path}.unopened`);
      warn(`${path} cannot be opened, and another one is made: ${reasonOf(error)}`);
    }
  const text = await make();
  return { text, is: await writePrivate(host, path, text, warn) };
}

/** What OpenSSL throws for half of a key is no error of ours. */
const isForGood = (error: unknown): boolean =>
  isStatectlError(error)
    ? ['tpm-foreign', 'sealed-damaged'].includes(error.code)
    : String((error as NodeJS.ErrnoException).code).startsWith('ERR_');

async function hasTpm({ tpm }: Pick<Host, 'tpm'>): Promise<boolean> {
  await using channel = await tpm.open().catch(() => undefined);
  return channel !== undefined;
}

/** As it lies there. Throws `tpm-missing`, `tpm-failed`, `tpm-foreign`, and `sealed-damaged` for what was altered. */
export async function readPrivate(host: SealHost, path: string): Promise<PrivateText> {
  const text = await host.files.readText(path);
  if (!text.startsWith('{')) return { text, is: 'unsealed' };
  await using channel = await host.tpm.open();
  if (!channel) throw new StatectlError('tpm-missing', `${path} is sealed by a TPM, and this machine has none`);
  const file = parse(path, text);
  const key = await unsealFromTpm(channel, {
    private: bytesOf(file.sealed.private),
    public: bytesOf(file.sealed.public),
  });
  try {
    const decipher = createDecipheriv(CIPHER, key, bytesOf(file.iv), { authTagLength: TAG_BYTES });
    decipher.setAuthTag(bytesOf(file.tag));
    return { text: Buffer.concat([decipher.update(bytesOf(file.data)), decipher.final()]).toString(), is: 'sealed' };
  } catch (cause) {
    throw damaged(path, cause);
  }
}

async function writePrivate(
  host: SealHost,
  path: string,
  text: string,
  warn: (text: string) => void,
): Promise<Sealing> {
  const sealed = await seal(host, text).catch((error: unknown) => {
    warn(`${path} is kept unsealed: ${reasonOf(error)}`);
    return undefined;
  });
  await host.files.write(path, sealed ?? text, { mode: 0o600 });
  return sealed === undefined ? 'unsealed' : 'sealed';
}

async function seal({ tpm }: Pick<Host, 'tpm'>, text: string): Promise<string | undefined> {
  await using channel = await tpm.open();
  if (!channel) return undefined;
  const [key, iv] = [randomBytes(KEY_BYTES), randomBytes(IV_BYTES)];
  const sealed = await sealToTpm(channel, key);
  const cipher = createCipheriv(CIPHER, key, iv, { authTagLength: TAG_BYTES });
  const data = Buffer.concat([cipher.update(text), cipher.final()]);
  const file: SealedFile = {
    format: 1,
    sealed: { private: base64(sealed.private), public: base64(sealed.public) },
    iv: base64(iv),
    tag: base64(cipher.getAuthTag()),
    data: base64(data),
  };
  return `${JSON.stringify(file)}\n`;
}

function parse(path: string, text: string): SealedFile {
  try {
    const file = parseRecord<SealedFile>(text, SEALED_FILE);
    if (file.format === 1 && [file.sealed.private, file.sealed.public].every((each) => typeof each === 'string'))
      return file;
  } catch (cause) {
    throw damaged(path, cause);
  }
  throw damaged(path);
}

const damaged = (path: string, cause?: unknown): StatectlError =>
  new StatectlError('sealed-damaged', `${path} is damaged`, { cause });
