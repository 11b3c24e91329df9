import { dirname } from 'node:path/posix';
import type { Facts } from '../facts/facts.ts';
import type { InstallFacts } from '../facts/system-facts.ts';
import { RUN } from '../paths.ts';
import { SSHD, SUDO } from '../services/main-files.ts';
import { planMainFile } from '../services/plan-main-file.ts';
import type { Step } from '../steps/step.ts';

/** Read by sshd for who logs in; root's, as it demands. */
const LOGINS = `${RUN}/logins`;

const etc = (path: string): string => `/etc/${path}`;
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
  ...(install.hasSshd ? [...planSshd(facts), ...planMainFile(SSHD, install.mainFiles)] : []),
  ...planAuthorities(facts, install),
];

/** sudoers(5): a file that others can write, or a fault in it, would lock everybody out, so it is one line a user. */
function planSudo({ config }: Facts, { hasSudo, mainFiles }: InstallFacts): readonly Step[] {
  const admins = Object.entries(config.users.users).flatMap(([name, { sudo }]) => (sudo ? [name] : []));
  if (!hasSudo) return [];
  // An /etc that persists has what an earlier config.d said.
  if (admins.length === 0) return [{ kind: 'remove', path: etc('sudoers.d/statectl') }];
  return [
    { kind: 'mkdir', path: etc('sudoers.d'), mode: 0o750 },
    write('sudoers.d/statectl', lines(admins.map((name) => `${name} ALL=(ALL:ALL) ALL`)), 0o440),
    ...planMainFile(SUDO, mainFiles),
  ];
}

/**
 * sshd_config(5). Of two values the first counts, so these are included before all others (`main-files.ts`). What it names is in RAM: no
 * key outlives its config.d. `Match` ends with the file.
 */
function planSshd({ config }: Facts): readonly Step[] {
  const { userAuthorities, principals, revoked, passwords } = config.ssh;
  const keys = Object.entries(config.users.users).filter(([, { authorizedKeys }]) => authorizedKeys.length > 0);
  const settings = [
    `PasswordAuthentication ${passwords ? 'yes' : 'no'}`,
    ...(passwords ? [] : ['KbdInteractiveAuthentication no']),
    ...(keys.length > 0 ? [`AuthorizedKeysFile .ssh/authorized_keys ${LOGINS}/authorized_keys/%u`] : []),
    ...(userAuthorities.length > 0 ? [`TrustedUserCAKeys ${LOGINS}/user_authorities`] : []),
    ...(revoked.length > 0 ? [`RevokedKeys ${LOGINS}/revoked`] : []),
    // For these alone: an account without such a file could not log in by a certificate at all.
    ...(Object.keys(principals).length > 0
      ? [`Match User ${Object.keys(principals).join(',')}`, `  AuthorizedPrincipalsFile ${LOGINS}/principals/%u`]
      : []),
  ];
  const put = (path: string, content: string): Step => ({ kind: 'write', path: `${LOGINS}/${path}`, content });
  return [
    { kind: 'remove', path: LOGINS },
    ...['', '/authorized_keys', '/principals'].map(
      (name): Step => ({ kind: 'mkdir', path: `${LOGINS}${name}`, mode: 0o755 }),
    ),
    ...keys.map(([name, { authorizedKeys }]) => put(`authorized_keys/${name}`, lines(authorizedKeys))),
    ...(userAuthorities.length > 0 ? [put('user_authorities', lines(userAuthorities))] : []),
    ...Object.entries(principals).map(([name, who]) => put(`principals/${name}`, lines(who))),
    ...(revoked.length > 0 ? [put('revoked', lines(revoked))] : []),
    folder('ssh/sshd_config.d'),
    write('ssh/sshd_config.d/10-statectl.conf', `# Made by statectl at boot.\n${lines(settings)}`),
  ];
}

/**
 * Certificates that the system trusts besides its own: behind those of each list that OpenSSL, GnuTLS and Python read. Nothing is hashed
 * into /etc/ssl/certs: who looks there reads the list too.
 */
function planAuthorities({ config }: Facts, { certificates = {} }: InstallFacts): readonly Step[] {
  const pems = config.identity.authorities.map((pem) => `${pem.trim()}\n`);
  return Object.entries(certificates).flatMap(([path, list]): readonly Step[] => [
    { kind: 'mkdir', path: dirname(path), mode: 0o755 },
    {
      kind: 'write',
      path,
      content: list + pems.filter((pem) => !list.includes(pem.trim())).join(''),
    },
  ]);
}
