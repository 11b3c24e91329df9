import { StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';

/** Of one secret: keys, tokens, certificates. */
const LARGEST_SECRET_BYTES = 64 * 1024;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/**
 * Secrets by name, each encrypted in the age format (https://age-encryption.org/v1) to the server's own key: a copy of the
 * state without its keys tells nothing, and `age --decrypt --identity STATE/keys/secrets.key FILE` reads one without us.
 */
export interface SecretStore {
  names(): Promise<readonly string[]>;
  /** undefined: there is none of this name. Throws `secret-unreadable`. */
  read(name: string): Promise<Uint8Array | undefined>;
  /** Throws `secret-invalid`. */
  write(name: string, value: Uint8Array): Promise<void>;
  remove(name: string): Promise<boolean>;
}

/** The key is made on first need, and readable by its owner only. */
export async function openSecretStore({ files }: Pick<Host, 'files'>, state: string): Promise<SecretStore> {
  const age = await import('age-encryption');
  const folder = `${state}/secrets`;
  const keyPath = `${state}/keys/secrets.key`;
  const fileOf = (name: string): string => {
    if (NAME.test(name)) return `${folder}/${name}.age`;
    throw new StatectlError('secret-invalid', `${JSON.stringify(name)} is no name of a secret`, {
      hint: 'letters, digits, ".", "_" and "-", beginning with a letter or digit',
    });
  };

  async function identity(): Promise<string> {
    const stat = await files.stat(keyPath);
    if (stat === undefined) {
      const made = await age.generateX25519Identity();
      await files.mkdir(`${state}/keys`, 0o700);
      await files.write(keyPath, `# The key of the secrets on this server. Keep a copy apart from them.\n${made}\n`, {
        mode: 0o600,
      });
      return made;
    }
    if ((stat.mode & 0o077) !== 0)
      throw new StatectlError('key-exposed', `${keyPath} can be read by others (mode ${stat.mode.toString(8)})`, {
        hint: `chmod 600 ${keyPath}; if somebody may have copied it, set every secret anew`,
      });
    return (await files.readText(keyPath)).split('\n').find((line) => line.startsWith('AGE-SECRET-KEY-')) ?? '';
  }

  return {
    names: async () =>
      ((await files.stat(folder)) ? await files.list(folder) : [])
        .filter((file) => file.endsWith('.age'))
        .map((file) => file.slice(0, -'.age'.length))
        .toSorted(),
    async read(name) {
      const path = fileOf(name);
      if ((await files.stat(path)) === undefined) return undefined;
      try {
        const decrypter = new age.Decrypter();
        decrypter.addIdentity(await identity());
        return await decrypter.decrypt(await files.read(path));
      } catch (cause) {
        throw new StatectlError('secret-unreadable', `the secret ${name} cannot be decrypted`, {
          cause,
          hint: `is ${keyPath} the key that it was written with? Set it anew: statectl secret set ${name}`,
        });
      }
    },
    async write(name, value) {
      const path = fileOf(name);
      if (value.length === 0 || value.length > LARGEST_SECRET_BYTES)
        throw new StatectlError('secret-invalid', `a secret has 1 byte to 64 KiB, not ${value.length} bytes`, {
          hint: 'give it on standard input: `statectl secret set NAME < FILE`',
        });
      const encrypter = new age.Encrypter();
      encrypter.addRecipient(await age.identityToRecipient(await identity()));
      await files.mkdir(folder, 0o700);
      await files.write(path, await encrypter.encrypt(value), { mode: 0o600 });
    },
    async remove(name) {
      const path = fileOf(name);
      if ((await files.stat(path)) === undefined) return false;
      await files.remove(path);
      return true;
    },
  };
}
