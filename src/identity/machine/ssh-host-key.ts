import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { Host } from '../../host/host.ts';

type Files = Pick<Host, 'files'>;

/** A host key and its certificate, as sshd(8) reads them. */
export const hostKeyFiles = (folder: string) => ({
  key: `${folder}/ssh_host_key`,
  publicKey: `${folder}/ssh_host_key.pub`,
  certificate: `${folder}/ssh_host_key-cert.pub`,
});

/**
 * The host key that a folder keeps (ECDSA on P-256, PEM), made when there is none: the one kind that both OpenSSL's PEM and
 * every OpenSSH of ten years read. Gives its line for authorized_keys and ssh-keygen(1).
 */
export async function hostKey({ files }: Files, folder: string): Promise<string> {
  const { key: path, publicKey } = hostKeyFiles(folder);
  const kept = await files.readText(path).then(readKey, () => undefined);
  const key = kept ?? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const line = publicLine(key);
  if (!kept) {
    await files.mkdir(folder, 0o700);
    await files.write(path, key.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 });
  }
  // The power may have gone between the two.
  if ((await files.readText(publicKey).catch(() => '')) !== `${line}\n`) await files.write(publicKey, `${line}\n`);
  return line;
}

function readKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}

/** RFC 5656, 3.1: the kind, the curve, the point uncompressed, each with its length before it. */
function publicLine(key: KeyObject): string {
  const { x = '', y = '' } = createPublicKey(key).export({ format: 'jwk' });
  const point = Buffer.concat([Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  const blob = Buffer.concat([Buffer.from(KIND), Buffer.from('nistp256'), point].flatMap(withLength));
  return `${KIND} ${blob.toString('base64')}`;
}

const KIND = 'ecdsa-sha2-nistp256';

function withLength(bytes: Buffer): readonly Buffer[] {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return [length, bytes];
}

/** Puts a kept key and its certificate, where there is one, where the system's sshd looks for them. */
export async function placeHostKey({ files }: Files, home: string, to: string): Promise<void> {
  const [from, there] = [hostKeyFiles(home), hostKeyFiles(to)];
  await hostKey({ files }, home);
  await files.mkdir(to, 0o711);
  await files.write(there.key, await files.read(from.key), { mode: 0o600 });
  await files.write(there.publicKey, await files.read(from.publicKey));
  const certificate = await files.readText(from.certificate).catch(() => undefined);
  if (certificate !== undefined) await files.write(there.certificate, certificate);
  const lines = [
    `HostKey ${there.key}`,
    ...(certificate === undefined ? [] : [`HostCertificate ${there.certificate}`]),
  ];
  await files.write(`${to}/sshd.conf`, `# Made by statectl at boot.\n${lines.join('\n')}\n`);
}
