import { beforeEach, describe, expect, it } from 'vitest';
import { Git } from '../../../../src/config/history/git.ts';
import type { ProgramResult } from '../../../../src/host/memory/exec.ts';
import { type MemoryHost, memoryHost } from '../../../../src/host/memory.ts';

const DIR = '/srv/config.d';
const GIT_DIR = '/srv/config.d/.git';
const PASSWD = 'root:x:0:0::/root:/bin/sh\neve:x:1000:1000::/home/eve:/bin/sh\n';

let host: MemoryHost;
let answer: ProgramResult;
let heard: string[];
const gitOver = (files: Parameters<typeof memoryHost>[0] = {}): Git => {
  host = memoryHost({
    programs: {
      git: (_argv, input) => {
        heard.push(input);
        return answer;
      },
    },
    files: { '/proc/self/status': 'Uid:\t0\t0\t0\t0\n', '/etc/passwd': PASSWD, [`${GIT_DIR}/HEAD`]: '' },
    ...files,
  });
  return new Git(host, DIR);
};
beforeEach(() => {
  [answer, heard] = [{}, []];
});
const failure = async (stderr: string, git = gitOver()) => {
  answer = { exitCode: 128, stderr };
  const { code, message, hint } = await git.run(['log', '-1']).then(
    () => ({ code: undefined, message: 'done', hint: undefined }),
    (error) => error,
  );
  return `${code}: ${message} → ${hint}`;
};

describe('git', () => {
  it('is told over all that a repository or a person says to run nothing, ask nobody and look nowhere else', async () => {
    await gitOver().run(['log', '-1'], 'words');
    expect(heard).toEqual(['words']);
    const [call] = host.calls.filter(({ kind }) => kind === 'run');
    expect(call).toEqual({
      kind: 'run',
      argv: [
        ...['git', '--no-pager'],
        ...['-c', 'core.hooksPath=/dev/null'],
        ...['-c', 'core.fsmonitor=false'],
        ...['-c', 'core.attributesFile=/dev/null'],
        ...['-c', 'core.excludesFile=/dev/null'],
        ...['-c', 'diff.orderFile=/dev/null'],
        ...['-c', 'log.mailmap=false'],
        ...['-c', 'core.pager=cat'],
        ...['-c', 'core.quotePath=false'],
        ...['-c', 'commit.gpgSign=false'],
        ...['-c', 'gc.auto=0'],
        ...['log', '-1'],
      ],
      options: {
        cwd: DIR,
        input: 'words',
        timeoutMs: 60_000,
        env: {
          GIT_DIR,
          GIT_WORK_TREE: DIR,
          GIT_CONFIG_NOSYSTEM: '1',
          GIT_CONFIG_GLOBAL: '/dev/null',
          GIT_ATTR_NOSYSTEM: '1',
          GIT_TERMINAL_PROMPT: '0',
          GIT_OPTIONAL_LOCKS: '0',
          GIT_LITERAL_PATHSPECS: '1',
          GIT_ALLOW_PROTOCOL: 'none',
          GIT_NO_LAZY_FETCH: '1',
          GIT_NO_REPLACE_OBJECTS: '1',
          GIT_GRAFT_FILE: '/dev/null',
          GIT_COMMITTER_NAME: 'statectl',
          GIT_COMMITTER_EMAIL: 'statectl@localhost',
          GIT_AUTHOR_NAME: 'statectl',
          GIT_AUTHOR_EMAIL: 'statectl@localhost',
          LC_ALL: 'C',
        },
      },
    });
  });

  it('is run nowhere but in the repository that was looked at, whatever else the call wants', async () => {
    const git = gitOver({
      files: {
        '/proc/self/status': 'Uid:\t0\t0\t0\t0\n',
        [GIT_DIR]: 'gitdir: /srv/real\n',
        '/srv/real/HEAD': '',
      },
    });
    await git.attempt(['read-tree'], { env: { GIT_INDEX_FILE: '/x' } });
    expect(host.calls.at(-1)).toMatchObject({ options: { env: { GIT_DIR: '/srv/real', GIT_INDEX_FILE: '/x' } } });
  });

  it('is not run over a repository that is none, and is once it is mended', async () => {
    const git = gitOver({ files: { [GIT_DIR]: 'nothing' } });
    await expect(git.run(['log'])).rejects.toMatchObject({ code: 'git-unusable' });
    expect(host.commands).toEqual([]);
    await host.files.remove(GIT_DIR);
    await host.files.mkdir(GIT_DIR, 0o755);
    await git.run(['log']);
    expect(host.commands).toHaveLength(1);
    // What was found stays until it is asked for again.
    await host.files.remove(GIT_DIR);
    await host.files.write(GIT_DIR, 'gitdir: /srv/other\n');
    await host.files.mkdir('/srv/other', 0o755);
    expect(await git.place()).toEqual({ gitDir: GIT_DIR, commonDir: GIT_DIR });
    expect(await git.lookAgain()).toMatchObject({ gitDir: '/srv/other' });
    expect(await git.place()).toMatchObject({ gitDir: '/srv/other' });
  });

  it('makes an empty repository, with nothing of a template’s, where there is none', async () => {
    const git = gitOver({ files: { '/proc/self/status': 'Uid:\t0\t0\t0\t0\n' } });
    await git.init();
    expect(host.calls.at(-1)).toMatchObject({ options: { cwd: DIR, env: { GIT_DIR } } });
    expect(host.commands[0]).toMatch(/ init --quiet --initial-branch=main --template=$/);
    answer = { exitCode: 1, stderr: 'fatal: no' };
    await expect(git.init()).rejects.toMatchObject({ code: 'git-failed', message: `git init in ${DIR}: fatal: no` });
  });

  it.each([
    [0, 'yes\n', 'yes'],
    [0, '', ''],
    [1, 'no\n', undefined],
  ])('is asked: exit status %d with %j is the answer %j', async (exitCode, stdout, said) => {
    answer = { exitCode, stdout };
    expect(await gitOver().ask(['rev-parse'])).toBe(said);
  });

  it('is asked, and a repository that it cannot read is no answer', async () => {
    answer = { exitCode: 128, stderr: 'fatal: bad' };
    await expect(gitOver().ask(['rev-parse', 'x'])).rejects.toMatchObject({
      code: 'git-failed',
      message: `git rev-parse in ${DIR}: fatal: bad`,
    });
  });
});

describe('what git fails with', () => {
  it.each([
    ['warning: a\nfatal: no such ref\nhint: do this', 'fatal: no such ref'],
    ['error: cannot\nUsage: x', 'error: cannot'],
    ['a\nb\nwhat it said last\n', 'what it said last'],
    ['not fatal: x\nlast', 'last'],
    ['', 'it failed and did not say why'],
  ])('is told in its own words: %j', async (stderr, reason) => {
    expect(await failure(stderr)).toBe(`git-failed: git log in ${DIR}: ${reason} → look with: git -C ${DIR} status`);
  });

  it('comes with what to do about a lock, a full disk, and rights', async () => {
    expect(await failure(`fatal: Unable to create '${GIT_DIR}/index.lock': File exists.`)).toMatch(
      `→ another git works there, or one was killed; when none works there, remove ${GIT_DIR}/index.lock`,
    );
    for (const words of ['No space left on device', 'out of diskspace', 'Out of disk space', 'Disk quota exceeded'])
      expect(await failure(`fatal: write error: ${words}`)).toMatch('→ make room, and do it again');
    const eves = { type: 'dir', uid: 1000 } as const;
    const files = {
      ...{ '/proc/self/status': 'Uid:\t0\t0\t0\t0\n', '/etc/passwd': PASSWD },
      ...{ [DIR]: eves, [GIT_DIR]: eves, [`${GIT_DIR}/HEAD`]: { uid: 1000 } },
    };
    for (const words of ['Permission denied', 'access denied', 'Operation not permitted'])
      expect(await failure(`fatal: ${words}`, gitOver({ files }))).toMatch(
        `→ statectl works there as eve, to whom it belongs: chown -hR eve ${DIR}`,
      );
    expect(await failure('fatal: other', gitOver({ files }))).toMatch('→ look with: ');
    // Of root's own folder nobody else's rights are to blame.
    expect(await failure('fatal: Permission denied')).toMatch('→ look with: ');
  });
});
