import type { Config } from '../../config.ts';
import type { Inconsistency } from './inconsistency.ts';

/** Groups of any Debian or Gentoo, whatever is installed: base-passwd, systemd's sysusers.d/basic.conf, baselayout. */
const EVERYWHERE = new Set(
  `root daemon bin sys adm tty disk lp mail news uucp man proxy kmem dialout fax voice cdrom floppy tape sudo audio dip
  www-data backup operator list irc src shadow utmp video sasl plugdev staff games users nogroup input kvm render sgx
  netdev systemd-journal wheel usb`.split(/\s+/),
);

/** Accounts that cannot all be, or that nobody knows: a misspelt name would give or take rights in silence. */
export function accountFaults(config: Config): readonly Inconsistency[] {
  const { users, groups } = config.users;
  return [
    ...doubles('users', 'uid', users, ({ uid }) => uid),
    ...doubles('groups', 'gid', groups, ({ gid }) => gid),
    ...unknownGroups(config),
    ...unknownAccounts(config),
  ];
}

function doubles<Entry>(
  part: string,
  key: string,
  entries: Readonly<Record<string, Entry>>,
  idOf: (entry: Entry) => number | undefined,
): readonly Inconsistency[] {
  const seen = new Map<number, string>();
  return Object.entries(entries).flatMap(([name, entry]) => {
    const id = idOf(entry);
    if (id === undefined) return [];
    const other = seen.get(id);
    seen.set(id, other ?? name);
    return other === undefined
      ? []
      : [{ path: ['users', part, name, key], message: `${other} has the ${key} ${id} already` }];
  });
}

function unknownGroups({ users: { users, groups } }: Config): readonly Inconsistency[] {
  const isKnown = (group: string) =>
    Object.hasOwn(groups, group) || Object.hasOwn(users, group) || EVERYWHERE.has(group);
  return Object.entries(users).flatMap(([name, { group, groups: further }]) => [
    ...(group === undefined || isKnown(group) ? [] : [missing(['users', 'users', name, 'group'], 'groups', group)]),
    ...further
      .filter((other) => !isKnown(other))
      .map((other) => missing(['users', 'users', name, 'groups'], 'groups', other)),
  ]);
}

function unknownAccounts({ users: { users }, ssh: { principals } }: Config): readonly Inconsistency[] {
  return Object.keys(principals)
    .filter((name) => name !== 'root' && !Object.hasOwn(users, name))
    .map((name) => missing(['ssh', 'principals', name], 'users', name));
}

const missing = (path: readonly string[], part: 'users' | 'groups', name: string): Inconsistency => ({
  path,
  message: `users.conf has no ${part.slice(0, -1)} ${name}; if it is the image's, write \`${name}: {}\` under ${part}`,
});
