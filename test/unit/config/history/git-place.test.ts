import { describe, expect, it } from 'vitest';
import { findGitPlace } from '../../../../src/config/history/git-place.ts';
import type { Seed } from '../../../../src/host/memory/seed.ts';
import { memoryHost } from '../../../../src/host/memory.ts';

const DIR = '/srv/config.d';
const OWN = '/srv/config.d/.git';
const EVE = 1000;
const FOLDER: Seed = { type: 'dir' };
const uidOf = (uid: number): Seed => `Uid:\t${uid}\t${uid}\t${uid}\t${uid}\n`;

type Seeds = Readonly<Record<string, Seed>>;
const find = (files: Seeds, uid = 0) =>
  findGitPlace(
    memoryHost({
      files: {
        '/proc/self/status': uidOf(uid),
        '/etc/passwd': 'root:x:0:0::/root:/bin/sh\neve:x:1000:1000::/home/eve:/bin/sh\n',
        [DIR]: FOLDER,
        ...files,
      },
    }).files,
    DIR,
  );
/** What of it cannot be used, and what is advised. */
const refusal = async (files: Seeds, uid?: number): Promise<string> => {
  try {
    await find(files, uid);
    return 'used';
  } catch (error) {
    const { code, message, hint } = error as { code?: string; message: string; hint?: string };
    return `${code}: ${message} → ${hint}`;
  }
};

describe('the git of a config.d', () => {
  it('is in its .git, also before there is one', async () => {
    const place = { gitDir: OWN, commonDir: OWN };
    expect(await find({})).toEqual(place);
    expect(await find({ [`${OWN}/HEAD`]: 'ref: refs/heads/main\n' })).toEqual(place);
  });

  it('is where a linked work tree says, and has in common what that says', async () => {
    const linked = {
      [`${OWN}`]: 'gitdir: ../main/.git/worktrees/b\n',
      '/srv/main/.git/worktrees/b/commondir': '../..\n',
      '/srv/main/.git/objects/info': FOLDER,
    };
    expect(await find(linked)).toEqual({ gitDir: '/srv/main/.git/worktrees/b', commonDir: '/srv/main/.git' });
    const submodule = { [OWN]: 'gitdir: /srv/modules/config', '/srv/modules/config/HEAD': '' };
    expect(await find(submodule)).toEqual({ gitDir: '/srv/modules/config', commonDir: '/srv/modules/config' });
  });

  it('is found through links, by what they lead to', async () => {
    const files = { [OWN]: 'gitdir: /link\n', '/link': { target: '/srv/real' }, '/srv/real/HEAD': '' };
    expect(await find(files)).toEqual({ gitDir: '/srv/real', commonDir: '/srv/real' });
  });

  it.each([
    ['a link', { [OWN]: { target: '/srv/other' }, '/srv/other': FOLDER }, 'it is a symlink'],
    ['a pipe', { [OWN]: { type: 'fifo' } }, 'it is a fifo'],
    ['a file that names nothing', { [OWN]: '' }, 'it names no folder'],
    ['a file with more than a name', { [OWN]: 'gitdir: a\nb\n' }, 'it names no folder'],
    ['a file with something before it', { [OWN]: 'x gitdir: a\n' }, 'it names no folder'],
    ['a file with an end of C’s', { [OWN]: 'gitdir: a\0b\n' }, 'it names no folder'],
    ['a file that is too long', { [OWN]: `gitdir: ${'a'.repeat(64 * 1024)}` }, 'is no git repository'],
    ['a pointer to nowhere', { [OWN]: 'gitdir: /nowhere\n' }, 'there is no folder /nowhere'],
    ['a pointer to a file', { [OWN]: 'gitdir: /file\n', '/file': '' }, 'there is no folder /file'],
    ['a pointer below a file', { [OWN]: 'gitdir: /file/x\n', '/file': '' }, 'there is no folder /file/x'],
    ['a work tree of nothing', { [`${OWN}/commondir`]: '\n' }, 'it names no folder'],
    ['a work tree of two', { [`${OWN}/commondir`]: 'a\nb\n' }, 'it names no folder'],
    ['a work tree of something before', { [`${OWN}/commondir`]: '\na' }, 'it names no folder'],
    ['a work tree of nowhere', { [`${OWN}/commondir`]: '../x' }, 'there is no folder /srv/config.d/x'],
  ] as const)('is none where its .git is %s', async (_title, files, why) => {
    const said = await refusal(files as Seeds);
    expect(said).toMatch(/^git-unusable: .* is no git repository/);
    expect(said).toContain(why);
    expect(said).toContain('a new history');
  });
});

describe('nobody but its owner has a part in it:', () => {
  const link = { target: '/etc/shadow' };
  it.each([
    'HEAD',
    'config',
    'objects',
    'objects/ab',
    'objects/info',
    'objects/info/alternates',
    'objects/pack/a.pack',
    'refs',
    'refs/heads/main',
    'refs/heads/a/b',
    'logs/HEAD',
    'info/attributes',
    'hooks.d',
    'xhooks',
    'index.lock.d',
    'lock',
  ])('%s leads nowhere else', async (part) => {
    expect(await refusal({ [`${OWN}/${part}`]: link })).toMatch(
      `git-unusable: ${OWN}/${part} is a symlink: it may lead anywhere`,
    );
    expect(await refusal({ [`${OWN}/${part}`]: { type: 'fifo' } }, EVE)).toMatch('is a fifo: it may lead anywhere');
  });

  it.each([
    'hooks',
    'index.lock',
    'refs/heads/main.lock',
    'statectl.lock.break',
    'objects/ab/cd',
    'modules/x/config',
    'x/refs/heads/main',
  ])('%s may be a link: git never follows it, or is not asked to', async (part) => {
    expect(await refusal({ [`${OWN}/${part}`]: link })).toBe('used');
  });

  it('a socket is nothing that git opens', async () => {
    expect(await refusal({ [`${OWN}/fsmonitor--daemon.ipc`]: { type: 'socket' } })).toBe('used');
  });

  it.each(['config', 'objects', 'refs/heads', 'refs/heads/main', 'logs'])(
    '%s is root’s where root works',
    async (part) => {
      const files = { [`${OWN}/HEAD`]: '', [`${OWN}/${part}`]: { type: part === 'config' ? 'file' : 'dir', uid: EVE } };
      expect(await refusal(files as Seeds)).toMatch(
        `git-unusable: ${OWN}/${part} belongs to eve: root runs no git over it → give it to root: chown -hR root ${OWN}`,
      );
      // Who is no root works with no rights but its own.
      expect(await refusal(files as Seeds, EVE)).toBe('used');
    },
  );

  it('root works with the rights of its owner, and then all of it may be theirs', async () => {
    const eves = { type: 'dir', uid: EVE } as const;
    const files = { [DIR]: eves, [OWN]: eves, [`${OWN}/HEAD`]: { uid: EVE }, [`${OWN}/config`]: { uid: 0 } };
    expect(await refusal(files)).toBe('used');
  });

  it('a repository elsewhere has the same owner', async () => {
    const pointer = { [OWN]: 'gitdir: /git/x\n' };
    const eves = { type: 'dir', uid: EVE } as const;
    expect(await refusal({ ...pointer, '/git/x': eves })).toMatch(
      `git-unusable: /git/x belongs to eve, and ${DIR} to root: statectl works there with the rights of root alone → give both to one owner: chown -hR root ${DIR} /git/x`,
    );
    expect(await refusal({ ...pointer, [DIR]: eves, '/git/x': FOLDER })).toMatch(
      `/git/x belongs to root, and ${DIR} to eve`,
    );
    expect(await refusal({ ...pointer, [DIR]: eves, '/git/x': eves })).toBe('used');
    // Whoever owns a folder above it could put another there.
    expect(await refusal({ ...pointer, '/git': eves, '/git/x': FOLDER })).toMatch('git-unusable');
    // 2000 is in no passwd(5).
    expect(await refusal({ ...pointer, '/git/x': { type: 'dir', uid: 2000 } })).toMatch('/git/x belongs to 2000');
  });

  it('so is it for who is no root, but for one that several share in its own place', async () => {
    const eves = { type: 'dir', uid: EVE } as const;
    expect(await refusal({ [DIR]: eves, [OWN]: FOLDER }, EVE)).toBe('used');
    const pointer = { [DIR]: eves, [OWN]: 'gitdir: /git/x\n' };
    expect(await refusal({ ...pointer, '/git/x': eves }, EVE)).toBe('used');
    expect(await refusal({ ...pointer, '/git/x': FOLDER }, EVE)).toMatch('/git/x belongs to root');
    const beside = { [DIR]: eves, [OWN]: `gitdir: ${DIR}x/git\n`, [`${DIR}x/git`]: FOLDER };
    expect(await refusal(beside, EVE)).toMatch(`${DIR}x/git belongs to root`);
  });
});

describe('its configuration', () => {
  it.each([
    ['config', '[include]\n\tpath = /tmp/pipe\n'],
    ['config', '[core]\n\tbare = false\n[INCLUDE]path=x'],
    ['config', '[core][includeIf "onbranch:main"]\npath = x\n'],
    ['config', '[include ""] path = x\n'],
    ['config', '[include.x]\npath = x\n'],
    ['config', '; [core]\n\t[includeif "gitdir:/"]\r\npath = x\n'],
    ['config.worktree', '[include]\npath = x\n'],
  ])('%s includes nothing: %j', async (name, text) => {
    expect(await refusal({ [`${OWN}/${name}`]: text })).toMatch(
      `git-unusable: ${OWN}/${name} includes other files, which may be anybody's → write into ${OWN}/${name}`,
    );
  });

  it('of the repository of a linked work tree neither', async () => {
    const linked = {
      [OWN]: 'gitdir: /srv/main/.git/worktrees/b\n',
      '/srv/main/.git/worktrees/b/commondir': '../..\n',
      '/srv/main/.git/config': '[include]\npath = x\n',
    };
    expect(await refusal(linked)).toMatch('git-unusable: /srv/main/.git/config includes other files');
  });

  it.each(['# [include]\n ; [include]\n', '[includes]\n', '[branch "include"]\n', '[core]\ninclude = x\n'])(
    'may say %j',
    async (text) => {
      expect(await refusal({ [`${OWN}/config`]: text })).toBe('used');
    },
  );

  it('is read, or nothing is done', async () => {
    expect(await refusal({ [`${OWN}/config`]: ' '.repeat(64 * 1024 + 1) })).toMatch(
      `git-unusable: ${OWN}/config cannot be read: `,
    );
  });
});

describe('what it borrows', () => {
  const LIST = `${OWN}/objects/info/alternates`;

  it('is of the same owner, also what that borrows', async () => {
    const files = {
      [LIST]: '# of the mirror\n\n../../../store/objects\n',
      '/srv/store/objects/info/alternates': '/srv/second/objects\n',
    };
    expect(await refusal({ ...files, '/srv/second/objects': FOLDER })).toBe('used');
    expect(await refusal({ ...files, '/srv/second/objects': { type: 'dir', uid: EVE } })).toMatch(
      'git-unusable: /srv/store/objects/info/alternates borrows from /srv/second/objects, which belongs to somebody else → make it stand alone: git -C /srv/config.d repack -ad',
    );
    expect(await refusal({ [LIST]: '/tmp/x\n', '/tmp': { type: 'dir', uid: EVE }, '/tmp/x': FOLDER })).toMatch(
      'which belongs to somebody else',
    );
  });

  it.each(['"/srv/quoted', '/srv/a\0b'])('is named plainly, and not by %j', async (line) => {
    expect(await refusal({ [LIST]: `/srv/fine\n${line}\n` })).toMatch(/git-unusable: .* borrows from/);
  });

  it('has an end', async () => {
    const chain = (length: number): Seeds =>
      Object.fromEntries(
        Array.from({ length }, (_, at) => [
          at === 0 ? LIST : `/srv/store${at}/info/alternates`,
          `/srv/store${at + 1}\n`,
        ]),
      );
    expect(await refusal(chain(20))).toBe('used');
    expect(await refusal(chain(21))).toMatch(`git-unusable: ${OWN}/objects borrows from too many repositories`);
    expect(await refusal({ [LIST]: `${OWN}/objects\n` })).toMatch('borrows from too many repositories');
  });

  it('is read, or nothing is done', async () => {
    expect(await refusal({ [LIST]: FOLDER })).toMatch(`git-unusable: ${LIST} cannot be read: `);
    expect(await refusal({ [LIST]: `/srv/${'a'.repeat(64 * 1024)}` })).toMatch(
      `git-unusable: ${LIST} cannot be read: `,
    );
  });
});
