import { createPublicKey, X509Certificate } from 'node:crypto';
import type { Host } from '../../host/host.ts';
import { fingerprintOf, keyDigest } from '../certificates/fingerprint.ts';
import { currentPath, KEY_NAMES, type KeyName, type KeyRole, nextPath, retiredFolder } from './key-places.ts';

export interface ListedKey {
  readonly key: KeyName;
  readonly role: KeyRole;
  /** Of the public key, as that of a machine is shown. */
  readonly fingerprint: string;
  /** Since when it has this role, Unix milliseconds. */
  readonly sinceMs: number;
  /** When its certificate ends. */
  readonly untilMs?: number;
  /** Its public half. */
  readonly file: string;
}

/** The keys of the builder (`image`) and of the server (`bundle`, `ca`) in their folders, those that count first. */
export async function listKeys(
  { files }: Pick<Host, 'files'>,
  folders: Readonly<Record<KeyName, string>>,
): Promise<readonly ListedKey[]> {
  const listed: ListedKey[] = [];
  for (const key of KEY_NAMES) {
    const dir = folders[key];
    const retired = (await files.list(retiredFolder(dir)).catch(() => []))
      .filter((name) => name.startsWith(`${key}-`) && name.endsWith('.pem'))
      .map((name) => ['retired', `${retiredFolder(dir)}/${name}`] as const);
    const places = [
      ['current', `${currentPath(dir, key)}.pem`] as const,
      ['trusted', `${nextPath(dir, key)}.pem`] as const,
      ...retired,
    ];
    for (const [role, file] of places) {
      const stat = await files.stat(file);
      if (!stat) continue;
      const pem = await files.readText(file);
      listed.push({
        key,
        role,
        fingerprint: fingerprintOf(keyDigest(createPublicKey(pem))),
        sinceMs: stat.mtimeMs,
        ...(pem.includes('BEGIN CERTIFICATE') && { untilMs: new X509Certificate(pem).validToDate.getTime() }),
        file,
      });
    }
  }
  return listed;
}
