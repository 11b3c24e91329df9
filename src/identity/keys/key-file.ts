import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { reasonOf, StatectlError } from '../../error.ts';
import { fileError } from '../../host/file-error.ts';
import type { Host } from '../../host/host.ts';

export interface KeyPair {
  readonly privateKey: KeyObject;
  /** SPKI. */
  readonly publicPem: string;
}

export interface KeyFile {
  /** `FOLDER/NAME` of the pair: the key is NAME.key (PKCS #8), its public half NAME.pem. */
  readonly path: string;
  /** What the key is for, for the messages: `the key that signs images`. */
  readonly purpose: string;
  /** What to do with it, for who reads that it was made. */
  readonly advice: string;
}

/** No key in PEM has as many. */
const LARGEST_KEY_BYTES = 1 << 20;

/** Why a private key that others can read is refused. Throws `key-exposed`. */
export async function refuseExposed({ files }: Pick<Host, 'files'>, path: string): Promise<void> {
  const there = await files.stat(path);
  // A link has no mode of its own: what it leads to has one. Where that is nothing, reading it says so.
  const isLink = there?.type === 'symlink';
  const stat = isLink ? (await files.readRegular(path, LARGEST_KEY_BYTES).catch(() => undefined))?.stat : there;
  if (stat && (stat.mode & 0o077) !== 0)
    throw new StatectlError('key-exposed', `${path} can be read by others (mode ${stat.mode.toString(8)})`, {
      hint: `chmod 600 ${path}; if somebody may have copied it, make a new one`,
    });
}

/** Reads a private key. Throws `key-exposed`, `key-invalid`. */
async function readPrivateKey(host: Pick<Host, 'files'>, path: string): Promise<KeyPair> {
  await refuseExposed(host, path);
  const pem = await host.files.readText(path);
  try {
    return pairOf(createPrivateKey(pem));
  } catch (cause) {
    throw new StatectlError('key-invalid', `${path} is no private key: ${reasonOf(cause)}`, {
      cause,
      hint: 'restore it from where you keep a copy; without the key, machines trust nothing new',
    });
  }
}

/**
 * Reads a key pair, or makes it on first need and says so; what is there is never overwritten. `publicFile` is what goes
 * into NAME.pem, the public key when left out. Throws `key-exposed`, `key-invalid`, `key-lost`, `keys-unwritable`.
 */
export async function keyPair(
  host: Pick<Host, 'files' | 'console'>,
  { path, purpose, advice }: KeyFile,
  make: () => KeyObject,
  publicFile?: (pair: KeyPair) => string,
): Promise<KeyPair> {
  const { files, console } = host;
  const privatePath = `${path}.key`;
  if (await files.stat(privatePath)) {
    const pair = await readPrivateKey(host, privatePath);
    if (!(await files.stat(`${path}.pem`))) await files.write(`${path}.pem`, publicFile?.(pair) ?? pair.publicPem);
    return pair;
  }
  if (await files.stat(`${path}.pem`))
    throw new StatectlError('key-lost', `${path}.pem is there, but not ${privatePath}, ${purpose}`, {
      hint: `restore ${privatePath}. To begin anew, move ${path}.pem away: every machine must then get the new one`,
    });
  const pair = pairOf(make());
  await writePair(host, path, pair, publicFile?.(pair) ?? pair.publicPem);
  console.line('info', `made ${purpose}: ${privatePath} (${advice})`);
  return pair;
}

/** Writes NAME.key, for its owner only, and NAME.pem. Throws `keys-unwritable`. */
async function writePair({ files }: Pick<Host, 'files'>, path: string, pair: KeyPair, publicText: string) {
  try {
    await files.mkdir(path.slice(0, path.lastIndexOf('/')), 0o700);
    await files.write(`${path}.key`, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    await files.write(`${path}.pem`, publicText);
  } catch (cause) {
    const { message = reasonOf(cause), hint = 'name another folder with --keys or --state' } = fileError(cause) ?? {};
    throw new StatectlError('keys-unwritable', `${path}.key cannot be made: ${message}`, { cause, hint });
  }
}

/**
 * Puts a key that an admin brings, with its certificate if it has one, to its place. The same key again changes only the
 * certificate; another one is never overwritten. Throws `key-there`, `keys-unwritable`, and what reading throws.
 */
export async function placeKeyPair(
  host: Pick<Host, 'files' | 'console'>,
  { path, purpose, advice }: KeyFile,
  key: KeyObject,
  certificatePem?: string,
): Promise<void> {
  const pair = pairOf(key);
  const there = (await host.files.stat(`${path}.key`)) && (await readPrivateKey(host, `${path}.key`));
  if (there && there.publicPem !== pair.publicPem)
    throw new StatectlError('key-there', `${path}.key is another key, and machines trust it`, {
      hint: 'bring the new one beside it, with --rotate instead of --import',
    });
  await writePair(host, path, pair, certificatePem ?? pair.publicPem);
  host.console.line('info', `took ${purpose}: ${path}.key (${advice})`);
}

const pairOf = (privateKey: KeyObject): KeyPair => ({
  privateKey,
  publicPem: createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString(),
});
