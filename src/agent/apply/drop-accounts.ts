import type { Config } from '../../config/config.ts';
import { entryOf } from '../../entry-of.ts';
import { type AccountFiles, type Table, table } from '../../machine/accounts/account-files.ts';

type Wishes = Config['users'];

/**
 * The accounts of a running system without what config.d said before and says no longer: as the image has them, else gone. What
 * people and packages made since stays; so do the numbers of accounts that stay. What somebody who was killed was about to make
 * (`meanwhile`) may be there by half, and is made anew. Pure.
 */
export function dropAccounts(
  files: AccountFiles,
  image: AccountFiles,
  before: Wishes,
  now: Wishes,
  meanwhile: Wishes = before,
): AccountFiles {
  const half = dropped(files, image, meanwhile, {
    users: common(before.users, now.users),
    groups: common(before.groups, now.groups),
  });
  return dropped(half, image, before, now);
}

const common = <T>(before: Readonly<Record<string, T>>, now: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(now).filter(([name]) => Object.hasOwn(before, name)));

function dropped(files: AccountFiles, image: AccountFiles, before: Wishes, now: Wishes): AccountFiles {
  const [live, base] = [tables(files), tables(image)];
  for (const [name, old] of Object.entries(before.users)) {
    const wish = entryOf(now.users, name);
    for (const group of old.groups) if (!wish?.groups.includes(group)) removeMember(live, base, group, name);
    if (wish === undefined) {
      restore(live.passwd, base.passwd, name);
      restore(live.shadow, base.shadow, name);
    } else resetFields(live, base, name, old, wish);
  }
  // An account that is to be made anew gets its group with it: both then have the same number.
  const ownGroups = Object.keys(before.users).filter(
    (name) => !Object.hasOwn(now.users, name) || !live.passwd.get(name),
  );
  for (const name of [...Object.keys(before.groups), ...ownGroups])
    if (!Object.hasOwn(now.groups, name) && base.group.get(name) === undefined && !isPrimary(live, name)) {
      live.group.remove(name);
      live.gshadow?.remove(name);
    }
  return {
    passwd: live.passwd.text(),
    group: live.group.text(),
    ...(live.shadow && { shadow: live.shadow.text() }),
    ...(live.gshadow && { gshadow: live.gshadow.text() }),
  };
}

interface Tables {
  readonly passwd: Table;
  readonly group: Table;
  readonly shadow?: Table;
  readonly gshadow?: Table;
}

const tables = ({ passwd, group, shadow, gshadow }: AccountFiles): Tables => ({
  passwd: table(passwd),
  group: table(group),
  ...(shadow !== undefined && { shadow: table(shadow) }),
  ...(gshadow !== undefined && { gshadow: table(gshadow) }),
});

function restore(live: Table | undefined, base: Table | undefined, name: string): void {
  const line = base?.get(name);
  if (line) live?.put(name, line);
  else live?.remove(name);
}

/** What is said of an account no longer is as the image has it, else as a new account has it; its numbers stay. */
function resetFields(
  live: Tables,
  base: Tables,
  name: string,
  old: Wishes['users'][string],
  now: Wishes['users'][string],
): void {
  const known = live.passwd.get(name);
  const usual = base.passwd.get(name) ?? [name, 'x', '', '', '', `/home/${name}`, '/bin/bash'];
  const isDropped = (key: 'comment' | 'home' | 'shell') => old[key] !== undefined && now[key] === undefined;
  if (known)
    live.passwd.put(
      name,
      known.map((field, at) =>
        (at === 4 && isDropped('comment')) || (at === 5 && isDropped('home')) || (at === 6 && isDropped('shell'))
          ? (usual[at] ?? '')
          : field,
      ),
    );
  if (old.password !== undefined && now.password === undefined) restore(live.shadow, base.shadow, name);
}

function removeMember(live: Tables, base: Tables, group: string, user: string): void {
  if (membersOf(base.group, group).includes(user)) return;
  for (const each of [live.group, live.gshadow]) {
    const line = each?.get(group);
    if (line)
      each?.put(group, [
        ...line.slice(0, 3),
        membersOf(each, group)
          .filter((name) => name !== user)
          .join(','),
      ]);
  }
}

const membersOf = (groups: Table, name: string): readonly string[] =>
  (groups.get(name)?.[3] ?? '').split(',').filter(Boolean);

const isPrimary = ({ passwd, group }: Tables, name: string): boolean => {
  const gid = group.get(name)?.[2];
  return passwd.names().some((user) => passwd.get(user)?.[3] === gid);
};
