import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { planText } from '../../../src/commands/adopt-text.ts';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { configLog } from '../../../src/server/admin/printers/printer-configs.ts';
import { serverState } from '../../../src/server/admin/server-state.ts';
import { sshdPrograms } from '../../fixtures/identity/sshd.ts';
import { type MainsailHost, mainsailHost } from '../../fixtures/state/mainsail-host.ts';
import { type AdoptingServer, adoptingServer } from './adopting.ts';

const programs = sshdPrograms();
const DATA = '/home/pi/printer_data';
const TOKEN = 'ghp_0123456789abcdefSECRET';
const printers = [{ name: 'voron', folder: DATA }];

let host: MainsailHost;
let server: AdoptingServer;
let config: string;
beforeAll(async () => {
  if (programs) host = await mainsailHost(programs);
});
afterAll(() => host?.[Symbol.asyncDispose]());
beforeEach((context) => {
  if (!programs) context.skip('needs root, namespaces, and the package openssh-server, from apt if need be');
  server = adoptingServer();
  config = join(host.root, DATA, 'config');
  return () => server[Symbol.asyncDispose]();
});
const added: string[] = [];
afterEach(() => {
  for (const path of ['.git', ...added.splice(0)]) rmSync(join(config, path), { recursive: true, force: true });
});

/** A git of the person's at that host. */
const git = (...words: readonly string[]): string => {
  const out = execFileSync('git', ['-c', 'safe.directory=*', '-C', config, ...words], {
    encoding: 'utf8',
    env: {
      ...process.env,
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_AUTHOR_NAME: 'Lisa <x>',
      GIT_AUTHOR_EMAIL: 'lisa@example.org',
      GIT_COMMITTER_NAME: 'Lisa',
      GIT_COMMITTER_EMAIL: 'lisa@example.org',
    },
  });
  execFileSync('chown', ['-R', '1000:1000', join(config, '.git')]);
  return out.trim();
};
const put = (path: string, content: string | Uint8Array) => {
  if (!existsSync(join(config, path))) added.push(path);
  host.write(`${DATA}/config/${path}`, content);
};
/** As people and their scripts have it: commits, a branch, a tag, a remote with a token. */
const madeHistory = () => {
  git('init', '--quiet', '--initial-branch=master');
  git('add', '.');
  git('commit', '--quiet', '-m', 'as it came');
  put('extra.cfg', '[a]\n');
  git('add', '.');
  git('commit', '--quiet', '-m', 'autocommit from voron');
  git('tag', 'good');
  git('branch', 'try/other', 'HEAD~1');
  git('remote', 'add', 'origin', `https://lisa:${TOKEN}@github.com/lisa/voron.git?access_token=${TOKEN}`);
};
const stateOf = () => serverState(server.state, linuxHost());
const here = (...words: readonly string[]): string =>
  execFileSync('git', ['-c', 'safe.directory=*', `--git-dir=${server.state}/git/voron/config.git`, ...words], {
    encoding: 'utf8',
  }).trim();
const filesHere = () => here('ls-tree', '-r', '--name-only', 'main').split('\n');
const subjects = async () =>
  (await configLog(stateOf(), { printer: 'voron' }, { limit: 20 })).map(({ message }) => message);

it('a config that is a repository comes with its commits, and what nobody committed is one of the printer', async () => {
  madeHistory();
  put('uncommitted.cfg', '[b]\n');
  const before = host.fingerprint();
  const { printers: taken, plan } = await server.adopt(host, { printers });
  expect(host.fingerprint()).toBe(before);
  expect(planText(plan)).toContain('with its history of 2 commits');
  expect(taken).toMatchObject([{ config: { commits: 2 }, missed: [] }]);
  expect(await subjects()).toEqual([
    expect.stringContaining('uncommitted.cfg added'),
    'autocommit from voron',
    'as it came',
  ]);
  expect(here('rev-parse', 'main^')).toBe(git('rev-parse', 'HEAD'));
  expect(here('rev-parse', 'adopted/master', 'adopted/try/other', 'tags/adopted/good')).toBe(
    git('rev-parse', 'master', 'try/other', 'tags/good'),
  );
  // What the machine gets is what was taken, not what the commit had: the link is a file, the variables are none of the config's.
  expect(filesHere()).toEqual([
    'extra.cfg',
    'macros/start.cfg',
    'mainsail.cfg',
    'moonraker.conf',
    'printer.cfg',
    'uncommitted.cfg',
  ]);
  expect(here('show', 'main:mainsail.cfg')).toBe('[pause_resume]');
  here('fsck', '--strict');
});

it('nothing that lets somebody in at a remote is told or kept', async () => {
  madeHistory();
  const { plan } = await server.adopt(host, { printers });
  expect(JSON.stringify(plan)).toContain('https://github.com/lisa/voron.git');
  expect(JSON.stringify(plan)).not.toContain(TOKEN);
  const grep = () => execFileSync('grep', ['-rlF', TOKEN, server.state, server.config], { encoding: 'utf8' });
  expect(grep).toThrow();
});

it('a second run brings the commits since, once; and a history that was amended there, too', async () => {
  madeHistory();
  await server.adopt(host, { printers });
  const first = here('rev-parse', 'main');
  await server.adopt(host, { printers });
  expect(here('rev-parse', 'main')).toBe(first);
  put('extra.cfg', '[a]\n[c]\n');
  git('commit', '--quiet', '-am', 'since');
  await server.adopt(host, { printers });
  expect(here('merge-base', '--is-ancestor', git('rev-parse', 'HEAD'), 'main')).toBe('');
  expect(here('show', 'main:extra.cfg')).toBe('[a]\n[c]');
  expect(here('rev-parse', 'adopted/master')).toBe(git('rev-parse', 'HEAD'));
  const [was] = [git('rev-parse', 'HEAD')];
  git('commit', '--quiet', '--amend', '-m', 'since, amended');
  const { printers: taken } = await server.adopt(host, { printers });
  expect(here('merge-base', '--is-ancestor', git('rev-parse', 'HEAD'), 'main')).toBe('');
  // Nothing that is here goes.
  expect(here('rev-parse', 'adopted/master')).toBe(was);
  expect(taken[0]?.missed).toEqual([{ path: 'refs/heads/master', why: expect.stringContaining('here already') }]);
});

it('a host that began its repository after it was adopted has both histories', async () => {
  await server.adopt(host, { printers });
  const first = here('rev-parse', 'main');
  madeHistory();
  await server.adopt(host, { printers });
  for (const commit of [first, git('rev-parse', 'HEAD')])
    expect(here('merge-base', '--is-ancestor', commit, 'main')).toBe('');
});

it('a commit that has all files as they are is the line itself', async () => {
  rmSync(join(config, 'mainsail.cfg'));
  const kept = new Map(
    ['saved.cfg', 'printer-20251101_101010.cfg'].map((name) => [name, readFileSync(join(config, name))]),
  );
  for (const name of kept.keys()) rmSync(join(config, name));
  try {
    madeHistory();
    await server.adopt(host, { printers });
    expect(here('rev-parse', 'main')).toBe(git('rev-parse', 'HEAD'));
  } finally {
    for (const [name, bytes] of kept) host.write(`${DATA}/config/${name}`, bytes);
    symlinkSync('/home/pi/mainsail-config/mainsail.cfg', join(config, 'mainsail.cfg'));
  }
});

it('what no machine is given stays in the history: submodules, links out, 20 MB, commits of no branch', async () => {
  madeHistory();
  const blob = execFileSync('git', ['-C', config, '-c', 'safe.directory=*', 'hash-object', '-w', '--stdin'], {
    input: '/etc/shadow',
    encoding: 'utf8',
  }).trim();
  put('big.bin', Buffer.alloc(20 << 20, 'abc\n'));
  git('add', '.');
  git('update-index', '--add', '--cacheinfo', `120000,${blob},shadow.cfg`);
  git('update-index', '--add', '--cacheinfo', `160000,${git('rev-parse', 'HEAD')},sub`);
  git('checkout', '--quiet', '--detach');
  git('commit', '--quiet', '-m', 'odd things');
  rmSync(join(config, 'big.bin'));
  const { printers: taken } = await server.adopt(host, { printers });
  expect(taken).toMatchObject([{ missed: [] }]);
  expect(here('merge-base', '--is-ancestor', git('rev-parse', 'HEAD'), 'main')).toBe('');
  expect(here('rev-parse', 'adopted/HEAD')).toBe(git('rev-parse', 'HEAD'));
  expect(filesHere()).toEqual(['extra.cfg', 'macros/start.cfg', 'mainsail.cfg', 'moonraker.conf', 'printer.cfg']);
});

it('a history that git refuses stays, is told, and all else is taken', async () => {
  madeHistory();
  const tree = execFileSync('git', ['-C', config, '-c', 'safe.directory=*', 'mktree', '--missing'], {
    input: `100644 blob ${git('rev-parse', 'HEAD:extra.cfg')}\t.git\n`,
    encoding: 'utf8',
  }).trim();
  git('update-ref', 'refs/heads/master', git('commit-tree', tree, '-p', 'HEAD', '-m', 'evil'));
  const { printers: taken } = await server.adopt(host, { printers });
  expect(taken).toMatchObject([
    {
      database: { isNew: true },
      missed: [{ path: 'the history of its config', why: expect.stringContaining('git refuses it: error: object') }],
    },
  ]);
  expect(here('show', 'main:extra.cfg')).toBe('[a]');
  expect(await subjects()).toHaveLength(1);
});

it.each([
  [
    'a clone with a depth',
    'unshallow',
    () => {
      const whole = mkdtempSync(join(host.root, 'tmp/whole-'));
      cpSync(join(config, '.git'), join(whole, '.git'), { recursive: true });
      rmSync(join(config, '.git'), { recursive: true });
      const bare = join(whole, 'bare');
      execFileSync('git', [
        '-c',
        'safe.directory=*',
        'clone',
        '--quiet',
        '--bare',
        '--depth=1',
        `file://${whole}/.git`,
        bare,
      ]);
      cpSync(bare, join(config, '.git'), { recursive: true });
      git('config', 'core.bare', 'false');
    },
  ],
  [
    'one that has no commit',
    'no commit yet',
    () => {
      rmSync(join(config, '.git'), { recursive: true });
      git('init', '--quiet');
    },
  ],
  [
    'one that git cannot read',
    'cannot read it',
    () => {
      writeFileSync(join(config, '.git/HEAD'), 'nonsense\n');
    },
  ],
])('a history that is none, or not whole, is told before: %s', async (_what, why, more) => {
  madeHistory();
  more();
  const plan = await server.plan(host, { printers });
  expect(JSON.stringify(plan.printers[0]?.left)).toContain(why);
  expect(plan.printers[0]?.config.commits).toBe(undefined);
});

it('a host that means no good gives no ref another place, and no more than is taken', async () => {
  madeHistory();
  const real = join(host.root, 'opt/bin/git');
  const evil = 'refs/heads/../../../evil';
  const as = async (script: string) => {
    rmSync(real);
    writeFileSync(real, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    try {
      return await server.adopt(host, { printers });
    } finally {
      rmSync(real);
      symlinkSync('/usr/bin/git', real);
    }
  };
  const listed = `case "$*" in *for-each-ref*) echo "ref ${'a'.repeat(40)} ${evil}"; exit ;; esac`;
  const endless = `case "$*" in *bundle*) exec /usr/bin/head -c 80000000 /dev/zero ;; esac; exec /usr/bin/git "$@"`;
  expect((await as(endless)).printers[0]?.missed).toEqual([
    { path: 'the history of its config', why: expect.stringContaining('larger than what is taken') },
  ]);
  const renamed = `case "$*" in *bundle*) /usr/bin/git "$@" | LC_ALL=C /usr/bin/sed 's# refs/heads/master$# ${evil}#'; exit ;; esac`;
  const { printers: taken } = await as(`${listed}\n${renamed}\nexec /usr/bin/git "$@"`);
  expect(taken).toMatchObject([{ config: { commits: 2 }, missed: [] }]);
  expect(here('for-each-ref', '--format=%(refname)', 'refs/heads', 'refs/tags').split('\n').toSorted()).toEqual(
    ['refs/heads/adopted/HEAD', 'refs/heads/adopted/try/other', 'refs/heads/main', 'refs/tags/adopted/good'].toSorted(),
  );
  expect(existsSync(join(server.state, 'git/voron/evil'))).toBe(false);
});

it('a config that is a part of another repository does not bring that along', async () => {
  const data = join(host.root, DATA);
  const run = (...words: string[]) =>
    execFileSync('git', ['-c', 'safe.directory=*', '-c', 'user.name=l', '-c', 'user.email=l@l', '-C', data, ...words]);
  run('init', '--quiet');
  run('add', 'config');
  run('commit', '--quiet', '-m', 'all');
  try {
    const plan = await server.plan(host, { printers });
    expect(JSON.stringify(plan.printers[0]?.left)).toContain('subtree split --prefix=config');
  } finally {
    rmSync(join(data, '.git'), { recursive: true });
  }
});
