import { reasonOf, StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { refuseForeignNames } from '../../protocol/machine-name.ts';
import { checkSshPublicKey } from './ssh-public-key.ts';

type AuthorityHost = Pick<Host, 'files' | 'exec' | 'clock'>;

export interface HostCertificateWish {
  /** A line as ssh-keygen(1) writes it. */
  readonly publicKey: string;
  readonly node: string;
  /** Names that clients may know the machine by. */
  readonly names: readonly string[];
  readonly lifetimeMs: number;
}

const keyPath = (state: string): string => `${state}/keys/ssh_host_ca`;

const INSTALL = 'apt install openssh-client';

/** The SSH authority for host keys (Ed25519, OpenSSH's own format), made on first need. Throws `ssh-authority-failed`. */
export async function sshAuthority(host: AuthorityHost, state: string): Promise<string> {
  const path = keyPath(state);
  if (!(await host.files.stat(path))) {
    await host.files.mkdir(`${state}/keys`, 0o700);
    await keygen(host, ['-q', '-t', 'ed25519', '-N', '', '-C', 'statectl host authority', '-f', path]);
  }
  return (await host.files.readText(`${path}.pub`)).trim();
}

/** What clients put into known_hosts, once, for all machines: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT. */
export const knownHostsLine = (authority: string, pattern: string): string => `@cert-authority ${pattern} ${authority}`;

/** Gives a host certificate by our authority, as ssh-keygen(1) makes it. Throws `ssh-key-invalid`, `name-refused`, `ssh-authority-failed`. */
export type SignHostKey = (wish: HostCertificateWish) => Promise<string>;

/** The signer of one server. */
export function hostKeySigner(host: AuthorityHost, state: string): SignHostKey {
  let looking: Promise<unknown> = Promise.resolve();
  return async (wish) => {
    // Of the first two that ask at once, one makes the key.
    looking = looking.catch(() => {}).then(() => sshAuthority(host, state));
    await looking;
    return signHostKey(host, state, wish);
  };
}

async function signHostKey(host: AuthorityHost, state: string, wish: HostCertificateWish): Promise<string> {
  const { publicKey, node, names, lifetimeMs } = wish;
  refuseForeignNames([node, ...names]);
  checkSshPublicKey(publicKey);
  const folder = `${state}/ssh-signing-${host.clock.now()}-${Math.floor(host.clock.random() * 1e9)}`;
  try {
    await host.files.mkdir(folder, 0o700);
    await host.files.write(`${folder}/key.pub`, `${publicKey}\n`);
    await keygen(host, [
      ...['-q', '-s', keyPath(state), '-h', '-I', node, '-n', [node, ...names].join(',')],
      // A client whose clock is a day behind still takes it.
      ...['-V', `-1d:+${Math.ceil(lifetimeMs / 1000)}s`, `${folder}/key.pub`],
    ]);
    return await host.files.readText(`${folder}/key-cert.pub`);
  } finally {
    await host.files.remove(folder);
  }
}

async function keygen({ exec }: AuthorityHost, words: readonly string[]): Promise<void> {
  const failed = (why: string, cause?: unknown) =>
    new StatectlError('ssh-authority-failed', `ssh-keygen: ${why}`, { cause, hint: `is it there? ${INSTALL}` });
  const { exitCode, stderr } = await exec.run(['ssh-keygen', ...words]).catch((cause: unknown) => {
    throw failed(reasonOf(cause), cause);
  });
  if (exitCode !== 0) throw failed(stderr.trim() || `exit status ${exitCode}`);
}
