import type { Facts, InstallFacts } from './facts.ts';
import { SYSROOT } from './paths.ts';
import type { Step } from './step.ts';

const etc = (path: string): string => `${SYSROOT}/etc/${path}`;
const folder = (path: string): Step => ({ kind: 'mkdir', path: etc(path), mode: 0o755 });
const write = (path: string, content: string, mode?: number): Step => ({
  kind: 'write',
  path: etc(path),
  content,
  ...(mode !== undefined && { mode }),
});
const lines = (texts: readonly string[]): string => texts.map((text) => `${text}\n`).join('');

/** Who may log in, and become root: users.conf and ssh.conf. Pure. */
export const planLogins = (facts: Facts, install: InstallFacts): readonly Step[] => [
  ...planSudo(facts, install),
  ...(install.hasSshd ? planSshd(facts) : []),
  ...planAuthorities(facts, install),
];

/** sudoers(5): a file that others can write, or a fault in it, would lock everybody out, so it is one line a user. */
function planSudo({ config }: Facts, { hasSudo }: InstallFacts): readonly Step[] {
  const admins = Object.entries(config.users.users).flatMap(([name, { sudo }]) => (sudo ? [name] : []));
  if (admins.length === 0 || !hasSudo) return [];
  return [write('sudoers.d/statectl', lines(admins.map((name) => `${name} ALL=(ALL:ALL) ALL`)), 0o440)];
}

/** sshd_config(5). Of two values the first counts, and Debian's file includes these before its own. */
function planSshd({ config }: Facts): readonly Step[] {
  const { userAuthorities, principals, revoked, passwords } = config.ssh;
  const keys = Object.entries(config.users.users).filter(([, { authorizedKeys }]) => authorizedKeys.length > 0);
  const settings = [
    `PasswordAuthentication ${passwords ? 'yes' : 'no'}`,
    ...(passwords ? [] : ['KbdInteractiveAuthentication no']),
    ...(keys.length > 0 ? ['AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/authorized_keys.d/%u'] : []),
    ...(userAuthorities.length > 0 ? ['TrustedUserCAKeys /etc/ssh/statectl-user-authorities'] : []),
    ...(Object.keys(principals).length > 0 ? ['AuthorizedPrincipalsFile /etc/ssh/auth_principals/%u'] : []),
    ...(revoked.length > 0 ? ['RevokedKeys /etc/ssh/statectl-revoked'] : []),
  ];
  return [
    ...(keys.length > 0 ? [folder('ssh/authorized_keys.d')] : []),
    ...keys.map(([name, { authorizedKeys }]) => write(`ssh/authorized_keys.d/${name}`, lines(authorizedKeys))),
    ...(userAuthorities.length > 0 ? [write('ssh/statectl-user-authorities', lines(userAuthorities))] : []),
    ...(Object.keys(principals).length > 0 ? [folder('ssh/auth_principals')] : []),
    ...Object.entries(principals).map(([name, who]) => write(`ssh/auth_principals/${name}`, lines(who))),
    ...(revoked.length > 0 ? [write('ssh/statectl-revoked', lines(revoked))] : []),
    folder('ssh/sshd_config.d'),
    write('ssh/sshd_config.d/10-statectl.conf', `# Made by statectl at boot.\n${lines(settings)}`),
  ];
}

/**
 * Certificates that the system trusts besides its own: behind those of the list that OpenSSL, GnuTLS and Python read, on Debian
 * and Gentoo alike. Nothing is hashed into /etc/ssl/certs: who looks there reads the list too.
 */
function planAuthorities({ config }: Facts, { certificates }: InstallFacts): readonly Step[] {
  const { authorities } = config.identity;
  if (authorities.length === 0 || certificates === undefined) return [];
  const known = certificates.replaceAll('\r\n', '\n');
  const added = authorities.map((pem) => `${pem.trim()}\n`).filter((pem) => !known.includes(pem.trim()));
  return added.length === 0 ? [] : [write('ssl/certs/ca-certificates.crt', `${known}${added.join('')}`)];
}
