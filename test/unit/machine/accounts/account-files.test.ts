import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsersFile } from '../../../../src/config/schema/users.ts';
import { type AccountFiles, mergeAccounts } from '../../../../src/machine/accounts/account-files.ts';
import { parseAccounts } from '../../../../src/machine/accounts/accounts.ts';

const IMAGE: AccountFiles = {
  passwd:
    'root:x:0:0:root:/root:/bin/bash\n# a comment\ndaemon:x:1:1::/:/usr/sbin/nologin\nmoonraker:x:998:998::/srv:/bin/sh\n+@nis::::::\n',
  group: 'root:x:0:\nsudo:x:27:ben\nmoonraker:x:998:\nusers:x:1000:\n',
  shadow: 'root:$6$x$y:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\n',
  gshadow: 'sudo:*::ben\n',
};
const merge = (wishes: object, files = IMAGE, hashes: Readonly<Record<string, string>> = {}) =>
  mergeAccounts(files, UsersFile.parse(wishes), (user) => hashes[user]);
const lineOf = (text: string | undefined, name: string) =>
  text?.split('\n').find((line) => line.startsWith(`${name}:`));

describe('accounts of config.d', () => {
  it('are added before what is no account, with the next free numbers, a group of their name and no password', () => {
    const { files, homes, warnings } = merge({ users: { ada: {}, bob: {} } });
    expect(files.passwd.split('\n').slice(3)).toEqual([
      'moonraker:x:998:998::/srv:/bin/sh',
      // 1000 is the number of a group already.
      'ada:x:1001:1001::/home/ada:/bin/bash',
      'bob:x:1002:1002::/home/bob:/bin/bash',
      '+@nis::::::',
      '',
    ]);
    expect(lineOf(files.group, 'ada')).toBe('ada:x:1001:');
    expect(lineOf(files.gshadow, 'ada')).toBe('ada:!::');
    expect(lineOf(files.shadow, 'ada')).toBe('ada:!::0:99999:7:::');
    expect(homes[0]).toEqual({ path: '/home/ada', uid: 1001, gid: 1001 });
    expect(warnings).toEqual([]);
  });

  it('are merged into files with the line ends of Windows as into others, and leave none behind', () => {
    const windows = Object.fromEntries(
      Object.entries(IMAGE).map(([name, text]) => [name, text.replaceAll('\n', '\r\n')]),
    ) as unknown as AccountFiles;
    const wishes = { users: { ada: { groups: ['sudo'] }, daemon: {}, ben: { groups: ['sudo'] } } };
    expect(merge(wishes, windows)).toEqual(merge(wishes));
    expect(parseAccounts('root:x:0\r\nsudo:x:27\r\n').get('sudo')).toBe(27);
  });

  it('leave of the image’s what they do not say', () => {
    const { files } = merge({ users: { moonraker: { groups: ['sudo'], shell: '/bin/bash' }, root: {} } });
    expect(lineOf(files.passwd, 'moonraker')).toBe('moonraker:x:998:998::/srv:/bin/bash');
    expect(lineOf(files.group, 'sudo')).toBe('sudo:x:27:ben,moonraker');
    expect(lineOf(files.gshadow, 'sudo')).toBe('sudo:*::ben,moonraker');
    expect(lineOf(files.shadow, 'root')).toBe('root:$6$x$y:19000:0:99999:7:::');
  });

  it('are refused where their number is another’s, which keeps its files', () => {
    const { files, warnings } = merge({
      users: { ada: { uid: 998 }, moonraker: { uid: 1500 }, eve: { group: 'nobody-knows' } },
      groups: { printers: { gid: 27 }, sudo: { gid: 28 } },
    });
    expect(warnings).toEqual([
      'no group printers: its number 27 is that of sudo',
      'group sudo has the number 27 in the image, not 28: it keeps it',
      'no user ada: its number 998 is that of moonraker',
      'user moonraker has the number 998 in the image, not 1500: it keeps it',
      'no user eve: there is no group nobody-knows',
    ]);
    expect([files.passwd, files.group]).toEqual([IMAGE.passwd, IMAGE.group]);
  });

  it('have the numbers that they say, whatever others are given', () => {
    const { files, warnings } = merge({
      users: { a: {}, b: { uid: 1001 }, c: { uid: 1500 } },
      groups: { printers: { gid: 1500 } },
    });
    const numbers = ['a', 'b', 'c'].map((name) => lineOf(files.passwd, name)?.split(':').slice(2, 4));
    expect(numbers).toEqual([
      ['1003', '1003'],
      ['1001', '1001'],
      // Its group cannot have the same number.
      ['1500', '1002'],
    ]);
    expect(warnings).toEqual([]);
  });

  it('have the number of who owns their home already', () => {
    const wishes = UsersFile.parse({ users: { new: {}, old: {} } });
    const { files } = mergeAccounts(
      IMAGE,
      wishes,
      () => undefined,
      (home) => (home === '/home/old' ? 1001 : undefined),
    );
    expect(['new', 'old'].map((name) => lineOf(files.passwd, name)?.split(':')[2])).toEqual(['1002', '1001']);
  });

  it('are locked where the image had the hash in passwd itself', () => {
    const image = { ...IMAGE, passwd: 'toor:$1$x$y:5:5::/:/bin/sh\n' };
    const { files } = merge({ users: { toor: { password: 'locked' } } }, image);
    expect([lineOf(files.passwd, 'toor'), lineOf(files.shadow, 'toor')]).toEqual([
      'toor:x:5:5::/:/bin/sh',
      'toor:!::0:99999:7:::',
    ]);
  });

  it('keep what else is said when their group is not there', () => {
    const { files, warnings } = merge({ users: { moonraker: { group: 'nobody', shell: '/bin/bash' } } });
    expect(lineOf(files.passwd, 'moonraker')).toBe('moonraker:x:998:998::/srv:/bin/bash');
    expect(warnings).toEqual(['user moonraker keeps its primary group: there is no group nobody']);
  });

  it('say which group is not there', () => {
    expect(merge({ users: { ada: { groups: ['gpio'] } } }).warnings).toEqual([
      'user ada is not in the group gpio: there is none',
    ]);
    expect(merge({ users: { ada: { groups: ['gpio'] } }, groups: { gpio: {} } }).warnings).toEqual([]);
  });

  it('get the password that the server keeps, or none', () => {
    const wishes = { users: { ada: { password: 'secret:ada' }, root: { password: 'locked' } } };
    const { files } = merge(wishes, IMAGE, { ada: '$6$salt$hash' });
    expect(lineOf(files.shadow, 'ada')).toBe('ada:$6$salt$hash::0:99999:7:::');
    expect(lineOf(files.shadow, 'root')).toBe('root:!:19000:0:99999:7:::');
    expect(merge(wishes).warnings).toEqual(['user ada has no password: secret:ada did not come']);
  });

  it('work in a system without shadow, and in an empty one', () => {
    const { files } = merge({ users: { ada: { uid: 1500 } } }, { passwd: '', group: '' });
    expect(files).toEqual({ passwd: 'ada:x:1500:1500::/home/ada:/bin/bash\n', group: 'ada:x:1500:\n' });
  });

  it('are the same when they are merged twice, and nobody’s entry is lost', () => {
    const name = fc.constantFrom('ada', 'bob', 'root', 'moonraker', 'daemon');
    const group = fc.constantFrom('sudo', 'users', 'printers');
    const user = fc.record(
      { uid: fc.integer({ min: 0, max: 3 }).map((n) => n + 997), groups: fc.uniqueArray(group), sudo: fc.boolean() },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.dictionary(name, user), fc.dictionary(group, fc.constant({})), (users, groups) => {
        const once = merge({ users, groups });
        const twice = merge({ users, groups }, once.files);
        expect(twice.files).toEqual(once.files);
        for (const key of ['passwd', 'group', 'shadow', 'gshadow'] as const)
          for (const line of IMAGE[key]?.split('\n') ?? [])
            expect(once.files[key]).toContain(line.split(':').slice(0, 3).join(':'));
        const numbers = once.files.passwd
          .split('\n')
          .filter((line) => /^\w/.test(line))
          .map((line) => line.split(':')[2]);
        expect(new Set(numbers).size).toBe(numbers.length);
      }),
    );
  });
});
