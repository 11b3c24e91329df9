import type { Host } from '../../host/host.ts';
import type { TaskContext } from '../../host/task-context.ts';
import type { Facts } from '../facts/facts.ts';
import type { InstallFacts } from '../facts/system-facts.ts';
import { systemTree } from '../facts/system-tree.ts';
import { mainFileText, RSYSLOG, SSHD, SUDO } from './main-files.ts';
import { RSYSLOGD } from './syslog-settings.ts';

/** The first that is there counts: /usr/sbin may be a link to /usr/bin, and a system without a merged /usr has /sbin. */
const PROGRAMS = {
  sshd: ['/usr/sbin/sshd', '/sbin/sshd', '/usr/local/sbin/sshd', '/usr/bin/sshd'],
  sudo: ['/usr/bin/sudo', '/bin/sudo', '/usr/local/bin/sudo'],
} as const;
/** Earlier ones have no Include, and would not start with one. */
const FIRST_WITH_INCLUDE = [8, 2] as const;

/**
 * Where sshd, sudo and rsyslog of the system look for settings, and what the boot must write so that they find ours. What nobody
 * would read is told.
 */
export async function findMainFiles(
  host: Pick<Host, 'files'>,
  facts: Facts,
  boot: Pick<TaskContext, 'warn'>,
): Promise<Pick<InstallFacts, 'hasSshd' | 'hasSudo' | 'mainFiles'>> {
  const tree = systemTree(host, facts);
  const {
    config,
    bundle: { delivery },
  } = facts;
  const firstOf = async (paths: readonly string[]) => {
    for (const path of paths) if ((await tree.resolve(path)) !== undefined) return path;
    return undefined;
  };
  const sshd = await firstOf(PROGRAMS.sshd);
  const hasSudo = (await firstOf([...PROGRAMS.sudo, ...SUDO.paths, SUDO.folder])) !== undefined;
  const texts: Record<string, string> = {};
  const users = Object.entries(config.users.users);
  const isBrought = (path = '') => delivery?.files.some(({ to }) => to.endsWith(path)) === true;
  for (const [file, what] of [
    [SSHD, 'ssh.conf'],
    [SUDO, 'users.conf'],
    [RSYSLOG, 'logging.conf'],
  ] as const) {
    // Without it neither sshd nor sudo does anything; rsyslog would hear of nothing.
    const text = await mainFileText(tree, file, (file === SSHD && sshd) || (file === SUDO && hasSudo) ? '' : undefined);
    const [path = ''] = file.paths;
    if (text === undefined) continue;
    if (isBrought(path))
      boot.warn(
        `${what}: the ${path} that config.d brings does not read ${file.folder}: its own line \`${file.line}\` is missing`,
      );
    else texts[path] = text;
  }
  if (sshd && Object.hasOwn(texts, SSHD.paths[0]!) && isBefore(await tree.read(sshd))) {
    delete texts[SSHD.paths[0]!];
    boot.warn(
      `ssh.conf: none of it holds: the sshd of the image is older than OpenSSH ${FIRST_WITH_INCLUDE.join('.')}, and reads ${SSHD.paths[0]} alone`,
    );
  }
  const logins = users.filter(([, { authorizedKeys }]) => authorizedKeys.length > 0).map(([name]) => name);
  if (Object.keys(config.logging.syslog).length > 0 && (await firstOf(RSYSLOGD)) && !(await firstOf(RSYSLOG.paths)))
    boot.warn(`logging.conf: no messages are sent on: the rsyslog of the image has no ${RSYSLOG.paths[0]}`);
  if (!sshd && (logins.length > 0 || config.ssh.userAuthorities.length > 0))
    boot.warn(
      `ssh.conf: nobody logs in by a key${logins.length > 0 ? ` (${logins.join(', ')})` : ''}: the image has no sshd of OpenSSH`,
    );
  const admins = users.filter(([, { sudo }]) => sudo).map(([name]) => name);
  if (!hasSudo && admins.length > 0)
    boot.warn(`users.conf: ${admins.join(', ')} cannot become root: the image has no sudo`);
  return { hasSshd: sshd !== undefined, hasSudo, mainFiles: texts };
}

/** By the version that the program has in itself. */
function isBefore(program = ''): boolean {
  const [, major, minor] = /OpenSSH_(\d+)\.(\d+)/.exec(program) ?? [];
  if (major === undefined) return false;
  const [first, second] = FIRST_WITH_INCLUDE;
  return Number(major) < first || (Number(major) === first && Number(minor) < second);
}
