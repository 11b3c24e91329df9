import { StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { readSaid } from '../../protocol/read-answer.ts';
import { MachineSecrets } from '../../protocol/secrets.ts';
import { identityFiles } from './identity-files.ts';
import { keepPrivate } from './sealed-file.ts';

type Files = Pick<Host, 'files' | 'tpm'>;

/** Keeps secrets for a boot without any server, encrypted in the age format to a key beside them, which a TPM seals where there is one. */
export async function keepSecrets(host: Files, home: string, secrets: MachineSecrets): Promise<void> {
  const age = await import('age-encryption');
  const { secrets: path } = identityFiles(home);
  const encrypter = new age.Encrypter();
  encrypter.addRecipient(await age.identityToRecipient(await keyOf(host, home)));
  await host.files.write(path, await encrypter.encrypt(JSON.stringify(secrets)), { mode: 0o600 });
}

/** undefined: none were kept. Throws when they cannot be decrypted. */
export async function readKeptSecrets(host: Files, home: string): Promise<MachineSecrets | undefined> {
  const { secrets: path } = identityFiles(home);
  if (!(await host.files.stat(path))) return undefined;
  const age = await import('age-encryption');
  const decrypter = new age.Decrypter();
  decrypter.addIdentity(await keyOf(host, home));
  const { value, fault } = readSaid(await decrypter.decrypt(await host.files.read(path), 'text'), MachineSecrets);
  if (fault !== undefined) throw new StatectlError('sealed-damaged', `${path} holds no secrets: ${fault}`);
  return value;
}

async function keyOf(host: Files, home: string): Promise<string> {
  const { generateX25519Identity } = await import('age-encryption');
  // Of one that cannot be opened the machine's own key has told already.
  const wish = { make: generateX25519Identity, check: refuseDamaged, warn: () => {} };
  return (await keepPrivate(host, identityFiles(home).secretsKey, wish)).text.trim();
}

function refuseDamaged(text: string): void {
  if (!text.startsWith('AGE-SECRET-KEY-')) throw new StatectlError('sealed-damaged', 'it is no key of age');
}
