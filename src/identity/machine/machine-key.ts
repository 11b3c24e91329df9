import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { reasonOf } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { keepPrivate, type Sealing } from './sealed-file.ts';
import { tpmKey } from './tpm-key.ts';

export interface MachineKey {
  readonly key: KeyObject;
  /** How it lies on the disk; without one `tpm`: its TPM gives the same each time; `ram`: it is of this boot alone. */
  readonly is: Sealing | 'tpm' | 'ram';
}

export const pemOf = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();

/**
 * The key that this machine keeps (P-256); where it keeps nothing that of its TPM, or one for this boot alone. Where the kept one is not opened, who this is has to be
 * proven anew.
 */
export async function machineKey(
  host: Pick<Host, 'files' | 'tpm'>,
  path: string,
  isKept: boolean,
  warn: (text: string) => void,
): Promise<MachineKey> {
  await host.files.mkdir(path.slice(0, path.lastIndexOf('/')), 0o700);
  const make = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const ofTpm = isKept ? undefined : await keyOfTpm(host, warn);
  if (ofTpm) return { key: ofTpm, is: 'tpm' };
  // What is gone with the power needs no sealing.
  const own = isKept ? host : { ...host, tpm: { open: async () => undefined } };
  try {
    const wish = { make: () => pemOf(make()), check: createPrivateKey, warn };
    const { text, is } = await keepPrivate(own, path, wish);
    return { key: createPrivateKey(text), is: isKept ? is : 'ram' };
  } catch (error) {
    // A TPM that is slow or switched off must not cost the machine its key: at the next boot it may be there.
    warn(`${reasonOf(error)}: this boot has a key of its own. To do without the TPM for good: rm ${path}`);
    return { key: make(), is: 'ram' };
  }
}

async function keyOfTpm({ tpm }: Pick<Host, 'tpm'>, warn: (text: string) => void): Promise<KeyObject | undefined> {
  try {
    await using channel = await tpm.open();
    return channel && (await tpmKey(channel));
  } catch (error) {
    warn(`${reasonOf(error)}: without a disk this boot has a key of its own`);
    return undefined;
  }
}
