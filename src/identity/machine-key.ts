import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { reasonOf } from '../error.ts';
import type { Host } from '../host/host.ts';
import { keepPrivate, type Sealing } from './sealed-file.ts';

export interface MachineKey {
  readonly key: KeyObject;
  /** How it lies on the disk; `ram`: there is none, and it is of this boot alone. */
  readonly is: Sealing | 'ram';
}

export const pemOf = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();

/**
 * The key that this machine keeps (P-256), or one for this boot alone. Where the kept one is not opened, who this is has to be
 * proven anew.
 */
export async function machineKey(
  host: Pick<Host, 'files' | 'tpm'>,
  path: string,
  isKept: boolean,
  warn: (text: string) => void,
): Promise<MachineKey> {
  await host.files.mkdir(path.slice(0, path.lastIndexOf('/')), 0o700);
  // What is gone with the power needs no TPM, which may take a second.
  const own = isKept ? host : { ...host, tpm: { open: async () => undefined } };
  const make = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
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
