import { describe, expect, it } from 'vitest';
import type { Seed } from '../../../../src/host/memory/seed.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import { planLogins } from '../../../../src/machine/accounts/login-settings.ts';
import type { InstallFacts } from '../../../../src/machine/facts/system-facts.ts';
import { IMAGE_MOUNT } from '../../../../src/machine/paths.ts';
import { findMainFiles } from '../../../../src/machine/services/find-main-files.ts';
import { RSYSLOG, SSHD, SUDO } from '../../../../src/machine/services/main-files.ts';
import { loadFiles, SHIPPED_FILES } from '../../../fixtures/config.ts';
import { createFacts } from '../../../fixtures/facts.ts';

const PROGRAMS = { '/usr/sbin/sshd': 'ELF OpenSSH_9.2p1', '/usr/bin/sudo': 'ELF', '/usr/sbin/rsyslogd': 'ELF' };
const USERS =
  'users: { ada: { sudo: true, authorizedKeys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4qzWVtK0b5d1bD9lUo3yq2mJpF0S6e0vY1o1f8o5nq ada"] } }\n';

async function look(image: Readonly<Record<string, Seed>>, brought?: string) {
  const config = await loadFiles({ ...SHIPPED_FILES, 'system/users.conf': USERS });
  const file = {
    from: '/run/statectl/baked/files/1',
    to: `/etc/ssh/sshd_config`,
    sha256: '',
    mode: 0o644,
    uid: 0,
    gid: 0,
  };
  const delivery = {
    files: [file],
    contents: { [file.from]: brought ?? '' },
    dropped: [],
    listedBefore: [],
    listed: [],
  };
  const facts = { ...createFacts(), config, bundle: { ...(brought !== undefined && { delivery }) } };
  const warnings: string[] = [];
  const files = Object.fromEntries(Object.entries(image).map(([path, seed]) => [IMAGE_MOUNT + path, seed]));
  const found = await findMainFiles(memoryHost({ files }), facts, { warn: (text) => void warnings.push(text) });
  return { ...found, warnings, steps: planLogins(facts, { ...(facts.system.install as InstallFacts), ...found }) };
}
const COMPLETE = {
  ...PROGRAMS,
  '/etc/ssh/sshd_config': '# Debian’s\n\nInclude /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n',
  '/etc/sudoers': 'root ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n',
  '/etc/rsyslog.conf': 'module(load="imuxsock")\n$IncludeConfig /etc/rsyslog.d/*.conf\n',
};

it('an image whose programs read our settings keeps its files', async () => {
  expect(await look(COMPLETE)).toMatchObject({ mainFiles: {}, warnings: [], hasSshd: true, hasSudo: true });
});

it.each([
  'Include sshd_config.d/*.conf',
  'include = "/etc/ssh/sshd_config.d/*"',
  'Include a.conf sshd_config.d/*.conf',
])('sshd reads ours in no Match block, where it takes no HostKey: %s', async (line) => {
  const { mainFiles } = await look({
    ...COMPLETE,
    '/etc/ssh/sshd_config.d/50-git.conf': 'ForceCommand git-shell\n',
    '/etc/ssh/sshd_config': `Include /etc/ssh/sshd_config.d/*.conf\nMatch User git\n  ${line}\nMatch all\n  ${line}\n`,
  });
  const [first, , block] = mainFiles?.['/etc/ssh/sshd_config']?.split('\n') ?? [];
  expect(first).toBe('Include /etc/ssh/sshd_config.d/*.conf');
  expect(block).toMatch(/^ {2}Include .*"\/etc\/ssh\/sshd_config\.d\/50-git\.conf"$/);
  expect(mainFiles?.['/etc/ssh/sshd_config']?.match(/\*/g)).toHaveLength(1);
});

it('an Include in a Match block that would read ours alone is a comment', async () => {
  const { mainFiles } = await look({
    ...COMPLETE,
    '/etc/ssh/sshd_config': `Match all\n Include sshd_config.d/*.conf\n`,
  });
  expect(mainFiles?.['/etc/ssh/sshd_config']).toMatch(/Match all\n {2}# Include sshd_config\.d\/\*\.conf\n$/);
});

it.each(['01-permitrootlogin.conf', '00-cloud-init.conf'])('sshd reads ours before %s of the image', async (name) => {
  const path = `/etc/ssh/sshd_config.d/${name}`;
  const { mainFiles } = await look({ ...COMPLETE, [path]: 'PasswordAuthentication yes\n' });
  expect(mainFiles?.['/etc/ssh/sshd_config']).toContain(`${SSHD.line}\n`);
  const later = { ...COMPLETE, '/etc/ssh/sshd_config.d/50-redhat.conf': '', '/etc/ssh/sshd_config.d/01.conf.bak': '' };
  expect((await look(later)).mainFiles).toEqual({});
});

it('rsyslog hears of nothing twice where its include goes on over several lines', async () => {
  const text = 'include(\n  mode="optional"\n  file="/etc/rsyslog.d/*.conf"\n)\n';
  expect((await look({ ...COMPLETE, '/etc/rsyslog.conf': text })).mainFiles).toEqual({});
});

describe('sshd reads them first of all, in a file of the image that', () => {
  const before = (text: string) =>
    `# By statectl at boot: the image does not read what is said there.\n${SSHD.line}\n${text}`;

  it.each([
    ['has no Include', 'PasswordAuthentication yes\n'],
    ['has it below its own lines', 'PermitRootLogin yes\nInclude /etc/ssh/sshd_config.d/*.conf\n'],
    ['includes other files', 'Include /etc/ssh/local.d/*.conf\nUsePAM yes\n'],
    ['includes a part of the folder', 'Include /etc/ssh/sshd_config.d/50-*.conf\nUsePAM yes\n'],
    ['has it as a comment', '#Include /etc/ssh/sshd_config.d/*.conf\n'],
    ['names it in a comment alone', 'Include /etc/ssh/local.conf # /etc/ssh/sshd_config.d/*.conf\n'],
    ['includes another file before', 'Include /etc/ssh/local.conf\nInclude /etc/ssh/sshd_config.d/*.conf\n'],
    ['includes another file before, in one line', 'Include=/etc/ssh/local.conf /etc/ssh/sshd_config.d/*.conf\n'],
    ['has braces, which are no pattern there', 'Include /etc/ssh/sshd_config.d/{10,50}-*.conf\n'],
    ['is empty', ''],
  ])('%s', async (_title, text) => {
    const { mainFiles, steps } = await look({ ...COMPLETE, '/etc/ssh/sshd_config': text });
    expect(mainFiles).toEqual({ '/etc/ssh/sshd_config': before(text) });
    expect(steps).toContainEqual({
      kind: 'write',
      path: `/etc/ssh/sshd_config`,
      content: before(text),
      mode: 0o644,
    });
  });

  it.each([
    ['in lower case, with quotes', 'include "/etc/ssh/sshd_config.d/*.conf"\n'],
    ['relative to /etc/ssh', '  INCLUDE sshd_config.d/*\n'],
    ['with an equals sign, before another', 'Include=/etc/ssh//sshd_config.d/*.conf /etc/ssh/last.conf\n'],
    ['before an Include of others', 'Include /etc/ssh/sshd_config.d/*.conf\nInclude /etc/crypto-policies/*.config\n'],
    ['with a comment behind it', 'Include /etc/ssh/sshd_config.d/*.conf # all\n'],
  ])('is left alone where it includes them %s', async (_title, text) => {
    expect((await look({ ...COMPLETE, '/etc/ssh/sshd_config': text })).mainFiles).toEqual({});
  });

  it('is not there, or lies outside of /etc as with SUSE', async () => {
    const { '/etc/ssh/sshd_config': _, ...rest } = COMPLETE;
    expect((await look(rest)).mainFiles).toEqual({ '/etc/ssh/sshd_config': before('') });
    expect((await look({ ...rest, '/usr/etc/ssh/sshd_config': 'UsePAM yes\n' })).mainFiles).toEqual({
      '/etc/ssh/sshd_config': before('UsePAM yes\n'),
    });
    expect((await look({ ...rest, '/usr/etc/ssh/sshd_config': COMPLETE['/etc/ssh/sshd_config'] })).mainFiles).toEqual(
      {},
    );
  });

  it('an old sshd could not read, which is told; nor does one that config.d brings change', async () => {
    const old = { ...COMPLETE, '/usr/sbin/sshd': 'ELF OpenSSH_7.4p1', '/etc/ssh/sshd_config': 'UsePAM yes\n' };
    expect(await look(old)).toMatchObject({
      mainFiles: {},
      warnings: [
        'ssh.conf: none of it holds: the sshd of the image is older than OpenSSH 8.2, and reads /etc/ssh/sshd_config alone',
      ],
    });
    expect(await look(COMPLETE, 'UsePAM yes\n')).toMatchObject({
      mainFiles: {},
      warnings: [expect.stringContaining('that config.d brings does not read')],
    });
  });
});

it.each([
  ['no line at all', 'root ALL=(ALL) ALL\n', false],
  ['another folder', '@includedir /etc/sudoers.local\n', false],
  ['a comment', '## includedir /etc/sudoers.d\n', false],
  ['that of sudo before 1.9.1', '#includedir /etc/sudoers.d\n', true],
  ['a relative one', '@includedir sudoers.d/\n', true],
  ['one of the file alone', '@include "/etc/sudoers.d/statectl"\n', true],
])('sudo reads them in the last place: %s', async (_title, text, isThere) => {
  const { mainFiles, steps } = await look({ ...COMPLETE, '/etc/sudoers': text });
  const content = `${text}# By statectl at boot: the image does not read what is said there.\n${SUDO.line}\n`;
  expect(mainFiles).toEqual(isThere ? {} : { '/etc/sudoers': content });
  const step = { kind: 'write', path: `/etc/sudoers`, content, mode: 0o440 };
  if (isThere) expect(steps).not.toContainEqual(step);
  else expect(steps).toContainEqual(step);
});

it.each([
  ['no line at all', '*.* /var/log/all\n', false],
  ['one under a condition', 'if $hostname == "x" then {\n  include(file="/etc/rsyslog.d/*.conf")\n}\n', false],
  ['that of Fedora', 'include(file="/etc/rsyslog.d/*.conf" mode="optional")\n', true],
  ['a folder', '$includeconfig /etc/rsyslog.d/\n', true],
  ['one in a comment of several lines', '/*\n$IncludeConfig /etc/rsyslog.d/*.conf\n*/\n', false],
  ['one in a comment', '/* include(file="/etc/rsyslog.d/*.conf") */\n', false],
  ['one behind a comment', '/* x */ include(file="/etc/rsyslog.d/*.conf")\n', true],
  ['one behind a brace in a text', "if ($msg contains '{') then stop\n$IncludeConfig /etc/rsyslog.d/*.conf\n", true],
  ['two in a line', 'include(file="/etc/rsyslog.d/*.conf") include(file="/etc/x" mode="optional")\n', true],
  ['one behind a text of config', 'include(text="*.* /x)")include(file="/etc/rsyslog.d/60-statectl.conf")\n', true],
  [
    'a path with a star before one in a block',
    '$IncludeConfig /x/*.conf\nif $x then { # }\n$IncludeConfig /etc/rsyslog.d/*\n}',
    false,
  ],
])('rsyslog reads them: %s', async (_title, text, isThere) => {
  const { mainFiles = {} } = await look({ ...COMPLETE, '/etc/rsyslog.conf': text });
  expect(Object.keys(mainFiles)).toEqual(isThere ? [] : RSYSLOG.paths.slice(0, 1));
});

it('what no program of the image reads is told', async () => {
  expect((await look({})).warnings).toEqual([
    'ssh.conf: nobody logs in by a key (ada): the image has no sshd of OpenSSH',
    'users.conf: ada cannot become root: the image has no sudo',
  ]);
});

it.each([' ', '/*', 'include(', 'include(file="', '"', "'", '\t$', '#{'])(
  'an rsyslog.conf of many %j costs no more than its length',
  async (piece) => {
    const started = performance.now();
    await look({ ...COMPLETE, '/etc/rsyslog.conf': piece.repeat(100_000) });
    expect(performance.now() - started).toBeLessThan(10_000);
  },
);
