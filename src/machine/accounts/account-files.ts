import type { Config } from '../../config/config.ts';

/** passwd(5), group(5), shadow(5), gshadow(5); the last two are not in every system. */
export interface AccountFiles {
  readonly passwd: string;
  readonly group: string;
  readonly shadow?: string;
  readonly gshadow?: string;
}

/** A home that config.d speaks of. */
export interface Home {
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
}

export interface MergedAccounts {
  readonly files: AccountFiles;
  /** Accounts that cannot be as they are said to be: left as they were. */
  readonly warnings: readonly string[];
  readonly homes: readonly Home[];
}

type Wishes = Config['users'];
type Wish = Wishes['users'][string];
/** Password hash of an account; undefined: none is known. */
export type HashOf = (user: string) => string | undefined;
/** Number of who owns a home that is there already; undefined: there is none. */
export type HomeOwner = (path: string) => number | undefined;

const FIRST_NUMBER = 1000;
const LAST_NUMBER = 59_999;
const LOCKED = '!';
/** Days since 1970 of the last change are told of accounts that we make: shadow(5) takes an empty field for "no ageing". */
const SHADOW_REST = '::0:99999:7:::';

/**
 * The accounts of an image with those of config.d: by name, what config.d does not say stays as the image has it. A number
 * that another account has is refused, since files would change hands. Numbers that are said come first, then that of who
 * owns the home that is there, then the next free one. Merging twice is the same as once. Pure.
 */
export function mergeAccounts(
  files: AccountFiles,
  wishes: Wishes,
  hashOf: HashOf,
  homeOwner: HomeOwner = () => undefined,
): MergedAccounts {
  const passwd = table(files.passwd);
  const group = table(files.group);
  const shadow = files.shadow === undefined ? undefined : table(files.shadow);
  const gshadow = files.gshadow === undefined ? undefined : table(files.gshadow);
  const warnings: string[] = [];
  const homes: Home[] = [];

  const addGroup = (name: string, gid: number): void => {
    group.put(name, [name, 'x', String(gid), '']);
    gshadow?.put(name, [name, LOCKED, '', '']);
  };
  const free = (wanted: number | undefined, ...tables: readonly Table[]): number | undefined => {
    const taken = (number: number) => tables.some((each) => each.ownerOf(number) !== undefined);
    if (wanted !== undefined && !taken(wanted)) return wanted;
    for (let number = FIRST_NUMBER; number <= LAST_NUMBER; number += 1) if (!taken(number)) return number;
    return undefined;
  };

  for (const [name, { gid }] of numbersFirst(wishes.groups, (_, { gid: number }) => number)) {
    const known = group.get(name);
    const other = gid === undefined ? undefined : group.ownerOf(gid);
    if (known && gid !== undefined && Number(known[2]) !== gid)
      warnings.push(`group ${name} has the number ${known[2]} in the image, not ${gid}: it keeps it`);
    else if (!known && other !== undefined) warnings.push(`no group ${name}: its number ${gid} is that of ${other}`);
    else if (!known) {
      const number = gid ?? free(undefined, group);
      if (number !== undefined) addGroup(name, number);
    }
  }

  for (const [name, wish] of numbersFirst(
    wishes.users,
    (name, { uid, home = `/home/${name}` }) => uid ?? (homeOwner(home) && -1),
  )) {
    const entry = userEntry(name, wish);
    if (entry === undefined) continue;
    passwd.put(name, entry);
    setPassword(name, wish);
    homes.push({ path: entry[5] ?? '', uid: Number(entry[2]), gid: Number(entry[3]) });
    for (const member of wish.groups) addMember(member, name);
  }
  return {
    files: {
      passwd: passwd.text(),
      group: group.text(),
      ...(shadow && { shadow: shadow.text() }),
      ...(gshadow && { gshadow: gshadow.text() }),
    },
    warnings,
    homes,
  };

  /** Its seven fields; undefined where it cannot be. */
  function userEntry(name: string, wish: Wish): readonly string[] | undefined {
    const known = passwd.get(name);
    const other = wish.uid === undefined ? undefined : passwd.ownerOf(wish.uid);
    if (known && wish.uid !== undefined && Number(known[2]) !== wish.uid)
      warnings.push(`user ${name} has the number ${known[2]} in the image, not ${wish.uid}: it keeps it`);
    if (!known && other !== undefined) {
      warnings.push(`no user ${name}: its number ${wish.uid} is that of ${other}`);
      return undefined;
    }
    const owner = homeOwner(wish.home ?? `/home/${name}`);
    const kept = owner !== undefined && owner >= FIRST_NUMBER ? owner : undefined;
    const uid = known ? Number(known[2]) : (wish.uid ?? free(kept, passwd, ...(wish.group || kept ? [] : [group])));
    const gid = primaryGroup(name, wish, known, uid);
    if (uid === undefined || gid === undefined) return undefined;
    const [, password = 'x', , , comment = '', home = `/home/${name}`, shell = '/bin/bash'] = known ?? [];
    // A hash in passwd itself would count besides that of shadow.
    const field = shadow && wish.password !== undefined ? 'x' : known ? password : 'x';
    return [
      ...[name, field, String(uid), String(gid)],
      ...[wish.comment ?? comment, wish.home ?? home, wish.shell ?? shell],
    ];
  }

  function primaryGroup(
    name: string,
    { group: wanted }: Wish,
    known: readonly string[] | undefined,
    uid: number | undefined,
  ): number | undefined {
    if (wanted !== undefined) {
      const found = group.get(wanted);
      if (found) return Number(found[2]);
      warnings.push(
        known
          ? `user ${name} keeps its primary group: there is no group ${wanted}`
          : `no user ${name}: there is no group ${wanted}`,
      );
      return known && Number(known[3]);
    }
    if (known) return Number(known[3]);
    const own = group.get(name);
    if (own) return Number(own[2]);
    const gid = free(uid, group);
    if (gid !== undefined) addGroup(name, gid);
    return gid;
  }

  function setPassword(name: string, { password }: Wish): void {
    if (!shadow) return;
    const known = shadow.get(name);
    const hash = password === undefined || password === 'locked' ? undefined : hashOf(name);
    if (password !== undefined && password !== 'locked' && hash === undefined)
      warnings.push(`user ${name} has no password: ${password} did not come`);
    const field = password === undefined ? (known?.[1] ?? LOCKED) : (hash ?? LOCKED);
    const rest = known?.slice(2) ?? SHADOW_REST.slice(1).split(':');
    shadow.put(name, [name, field, ...rest]);
  }

  function addMember(name: string, user: string): void {
    const found = group.get(name);
    if (!found) {
      warnings.push(`user ${user} is not in the group ${name}: there is none`);
      return;
    }
    const withUser = (members = '') => [...new Set([...members.split(',').filter(Boolean), user])].join(',');
    group.put(name, [...found.slice(0, 3), withUser(found[3])]);
    const secret = gshadow?.get(name);
    if (secret) gshadow?.put(name, [...secret.slice(0, 3), withUser(secret[3])]);
  }
}

/** Those whose number is said, then those who have one (-1), so that nobody is given a number that is another's. */
const numbersFirst = <T>(
  entries: Readonly<Record<string, T>>,
  numberOf: (name: string, entry: T) => number | undefined,
) => {
  const rank = ([name, entry]: readonly [string, T]): number => {
    const number = numberOf(name, entry);
    return number === undefined ? 2 : number < 0 ? 1 : 0;
  };
  return Object.entries(entries).toSorted((one, other) => rank(one) - rank(other));
};

export interface Table {
  get(name: string): readonly string[] | undefined;
  /** The name that has this number, which stands third. */
  ownerOf(number: number): string | undefined;
  put(name: string, fields: readonly string[]): void;
  remove(name: string): void;
  /** Names in order. */
  names(): readonly string[];
  text(): string;
}

/** Lines by their first field; those that are none (comments, NIS) stay where they are. The first of two counts, as for glibc. */
export function table(text: string): Table {
  // A carriage return would be part of the last field: a shell or a member that nobody knows.
  const lines = text.split(/\r?\n/).filter((line, at, all) => line !== '' || at < all.length - 1);
  const nameOf = (line: string) =>
    /^[^+#\-:]/.test(line) && line.includes(':') ? line.slice(0, line.indexOf(':')) : undefined;
  const find = (name: string) => lines.findIndex((line) => nameOf(line) === name);
  return {
    get: (name) => lines[find(name)]?.split(':'),
    ownerOf: (number) => {
      const line = lines.find((one) => nameOf(one) !== undefined && one.split(':')[2] === String(number));
      return line && nameOf(line);
    },
    put(name, fields) {
      const at = find(name);
      const line = fields.join(':');
      if (at >= 0) lines[at] = line;
      // Before what is none: NIS lines stand last.
      else lines.splice(lines.findLastIndex((one) => nameOf(one) !== undefined) + 1, 0, line);
    },
    remove(name) {
      const at = find(name);
      if (at >= 0) lines.splice(at, 1);
    },
    names: () => lines.flatMap((line) => nameOf(line) ?? []),
    text: () => lines.map((line) => `${line}\n`).join(''),
  };
}
