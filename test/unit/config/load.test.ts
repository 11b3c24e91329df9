import { describe, expect, it } from 'vitest';
import { readConfigDir } from '../../../src/config/config-dir.ts';
import { configDigest } from '../../../src/config/digest.ts';
import { loadSettings } from '../../../src/config/load.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import { loadFiles, SHIPPED_CONFIG, SHIPPED_FILES } from '../../fixtures/config.ts';

/** The faults that these files have, one a line. */
const faults = async (files: Record<string, string>): Promise<string> => {
  try {
    await loadFiles(files);
  } catch (error) {
    expect(error).toMatchObject({ code: 'config-invalid', hint: expect.stringContaining('nothing was changed') });
    return (error as Error).message;
  }
  return 'no fault';
};

describe('config.d', () => {
  it('as it is shipped has no fault, and is the layout of the documents', () => {
    expect(SHIPPED_CONFIG).toMatchObject({
      boot: { keepCopy: true },
      network: { waitMs: 10_000, dhcpMs: 30_000 },
      server: { servers: [], connectMs: 2_000, stallMs: 10_000, tries: 8 },
      rescue: { access: 'open', countdownMs: 300_000, unattended: 'reboot', attempts: 5 },
      fstab: { '/user-data': { source: 'LABEL=user-data', type: 'auto', options: ['noatime'], missing: 'ignore' } },
      tmpfs: { '/tmp': { size: '50%', mode: 0o1777, options: ['noexec', 'nosuid', 'nodev'] } },
      overlays: {
        '/etc': { kind: 'ramdisk', size: '64M' },
        '/var': { kind: 'overlay', upper: 'ram' },
        '/root': { kind: 'bind', mode: 0o700 },
      },
    });
  });

  it('that is empty gives the defaults, which are those of the shipped settings', async () => {
    expect(await loadFiles({})).toEqual({ ...SHIPPED_CONFIG, fstab: {}, tmpfs: {}, overlays: {} });
  });

  it.each(['', '\n', '# nothing yet\n', '---\n', '\uFEFF'])('may have the empty file %j', async (text) => {
    expect(await loadFiles({ 'system/network.conf': text })).toMatchObject({ network: { waitMs: 10_000 } });
  });

  it.each([
    ['Windows line ends', 'wait: 3s\r\ndhcp: 4s\r\n'],
    ['a byte order mark', '\uFEFFwait: 3s\ndhcp: 4s\n'],
    ['no line end', 'wait: 3s\ndhcp: 4s'],
    ['quotes and numbers', '"wait": 3\n\'dhcp\': "4"\n'],
    ['one line', '{ wait: 3000ms, dhcp: 4s }'],
  ])('may have %s', async (_title, text) => {
    expect(await loadFiles({ 'system/network.conf': text })).toMatchObject({
      network: { waitMs: 3_000, dhcpMs: 4_000 },
    });
  });
});

it('passes over the faults of nodes and groups, which are not in force where no server is', async () => {
  const config = await loadFiles({ 'system/network.conf': 'wait: 9s\n', 'nodes/bad.conf': 'groups: [klippr]\n' });
  expect(config.network.waitMs).toBe(9_000);
});

describe('controller/cNAME.conf', () => {
  it('wins over system/NAME.conf key by key', async () => {
    const config = await loadFiles({
      'system/network.conf': 'wait: 1s\ndhcp: 2s\n',
      'controller/cnetwork.conf': 'wait: 9s\n',
    });
    expect(config.network).toMatchObject({ waitMs: 9_000, dhcpMs: 2_000 });
  });

  it('wins over fstab.conf mount point by mount point', async () => {
    const config = await loadFiles({
      'system/fstab.conf': '/a: { source: LABEL=a, type: xfs }\n/b: { source: LABEL=b, type: xfs }\n',
      'controller/cfstab.conf': '/b: { source: LABEL=c }\n',
    });
    expect(config.fstab).toMatchObject({
      '/a': { source: 'LABEL=a', type: 'xfs' },
      '/b': { source: 'LABEL=c', type: 'auto' },
    });
  });

  it('is accepted for every file, with the same keys', async () => {
    const text = {
      'controller/cboot.conf': 'keepCopy: false',
      'controller/crescue.conf': 'access: none',
      'controller/cserver.info.conf': 'tries: 3',
      'controller/ctmpfs.conf': '/a: {}',
      'controller/coverlays.conf': '/b: { kind: ramdisk }',
    };
    expect(await loadFiles(text)).toMatchObject({
      boot: { keepCopy: false },
      rescue: { access: 'none' },
      server: { tries: 3 },
      tmpfs: { '/a': {} },
      overlays: { '/b': {} },
    });
  });

  it('is named in a fault that it brings, and the other file in its own', async () => {
    expect(await faults({ 'system/network.conf': 'wait: never\n', 'controller/cnetwork.conf': 'dhcp: never\n' })).toBe(
      'system/network.conf:1:1 "wait": expected a duration such as 10s, 500ms or 5m, found "never"\ncontroller/cnetwork.conf:1:1 "dhcp": expected a duration such as 10s, 500ms or 5m, found "never"',
    );
    expect(await faults({ 'system/network.conf': 'wait: never\n', 'controller/cnetwork.conf': 'wait: 1s\n' })).toBe(
      'no fault',
    );
    expect(
      await faults({ 'system/network.conf': 'wait: 1s\n', 'controller/cnetwork.conf': '\nwait: never\n' }),
    ).toMatch(/^controller\/cnetwork\.conf:2:1 /);
  });
});

describe('a fault', () => {
  it.each([
    [
      'a misspelt key',
      'controller/tmpfs.conf',
      '/tmp:\n  size: 5M\n  moed: "1777"\n',
      '3:3 unknown key "moed": did you mean "mode"?',
    ],
    [
      'a misspelt key in one line',
      'controller/tmpfs.conf',
      '/tmp: { sise: 5M }',
      '1:9 unknown key "sise": did you mean "size"?',
    ],
    [
      'a misspelt key at the top',
      'system/network.conf',
      '# a\n\nwiat: 10s',
      '3:1 unknown key "wiat": did you mean "wait"?',
    ],
    [
      'a key like no other',
      'controller/rescue.conf',
      'colour: red',
      '1:1 unknown key "colour"; known are access, countdown, unattended, attempts',
    ],
    [
      'a wrong duration',
      'system/network.conf',
      'wait: 10s\ndhcp: soon',
      '2:1 "dhcp": expected a duration such as 10s, 500ms or 5m, found "soon"',
    ],
    [
      'a list for a duration',
      'system/network.conf',
      'wait: [1]',
      '1:1 "wait": expected a duration such as 10s, 500ms or 5m',
    ],
    [
      'a wrong size',
      'controller/tmpfs.conf',
      '/tmp: { size: 0 }',
      '1:9 "/tmp.size": expected a size such as 64M, 1G or 50%',
    ],
    [
      'a mode that YAML reads as a number',
      'controller/tmpfs.conf',
      '/tmp: { mode: 1777 }',
      '1:9 "/tmp.mode": expected octal permissions in quotes, such as "1777"',
    ],
    [
      'an option with a blank',
      'controller/tmpfs.conf',
      '/tmp: { options: [a b] }',
      '1:19 "/tmp.options.0": expected one option without blanks',
    ],
    [
      'a relative path',
      'system/overlays.conf',
      'etc: { kind: ramdisk }',
      '1:1 "etc": expected an absolute path such as /var, without "..", "." or a slash at the end',
    ],
    [
      'a path that leads out',
      'system/overlays.conf',
      '/a/../b: { kind: ramdisk }',
      '1:1 "/a/../b": expected an absolute path such as /var, without "..", "." or a slash at the end',
    ],
    [
      'a kind that there is not',
      'system/overlays.conf',
      '/etc: { kind: ramdsk }',
      '1:9 "/etc.kind": expected tmpfs, ramdisk, overlay, bind, readonly or symlink',
    ],
    [
      'an address that is none',
      'controller/server/server.info.conf',
      'servers:\n  - boot.lab',
      '2:5 "servers.0": expected http://HOST:PORT or https://HOST:PORT',
    ],
    [
      'a password in clear',
      'controller/rescue.conf',
      'access: hunter2',
      '1:1 "access": expected open, none, or what `mkpasswd -m sha-512` prints ($6$… or $5$…): the initramfs can check no other hash',
    ],
    ['an image with a blank', 'system/boot.conf', 'image: my image', '1:1 "image": expected NAME or NAME@VERSION'],
    [
      'a key that comes twice',
      'system/network.conf',
      'wait: 1s\nwait: 2s',
      '2:1 the key "wait" stands at system/network.conf:1:1 already: put both together, or take one out',
    ],
    ['a tab', 'system/network.conf', 'wait: 1s\n\tdhcp: 2s', '2:1 Tabs are not allowed as indentation'],
    ['a list', 'system/network.conf', '- wait', '1:1 expected a mapping of keys to values'],
    ['a word', 'system/network.conf', 'wait', '1:1 expected a mapping of keys to values'],
    [
      'a second document',
      'system/network.conf',
      'wait: 1s\n---\nwait: 2s',
      '2:1 a second document begins here: one file holds one',
    ],
    ['an alias of nothing', 'system/network.conf', 'wait: *x', '1:1 *x is the alias of nothing'],
  ])('for %s tells file, line, column and what was expected', async (_title, file, text, expected) => {
    expect(await faults({ [file]: text })).toBe(`${file}:${expected}`);
  });

  it('is found in the right line of a file from Windows', async () => {
    expect(await faults({ 'system/network.conf': '# a\r\nwait: 1s\r\nwiat: 2s\r\n' })).toBe(
      'system/network.conf:3:1 unknown key "wiat": did you mean "wait"?',
    );
  });

  it('is a file whose name is misspelt: it would be ignored in silence', async () => {
    expect(await faults({ 'system/overlay.conf': '/etc: { kind: ramdisk }' })).toBe(
      'system/overlay.conf:1:1 unknown file: did you mean system/overlays.conf?',
    );
    expect(await faults({ 'controller/examples/tmpfs.conf': 'anything', 'controller/README': 'text' })).toBe(
      'no fault',
    );
  });

  it('does not hide the others', async () => {
    const all = await faults({
      ...SHIPPED_FILES,
      'system/network.conf': 'wiat: 1s\ndhpc: 2s\n',
      'controller/tmpfs.conf': '/tmp: { size: huge }\n',
    });
    expect(all.split('\n').map((line) => line.split(' ')[0])).toEqual([
      'system/network.conf:1:1',
      'system/network.conf:2:1',
      'controller/tmpfs.conf:1:9',
    ]);
  });

  it('of a key that lacks is told where its entry is', async () => {
    expect(await faults({ 'system/fstab.conf': '/a: { source: LABEL=a }\n/b: { type: ext4 }\n' })).toMatch(
      /^system\/fstab\.conf:2:1 "\/b\.source": /,
    );
  });
});

describe('the digest of config.d', () => {
  const digest = (files: Record<string, string>) =>
    configDigest(memoryHost({ files: { '/c/system': { type: 'dir' }, ...files } }), '/c');

  it('is the same for the same files, whatever else lies there', async () => {
    expect(await digest({ '/c/a.conf': 'a' })).toBe(await digest({ '/c/a.conf': 'a', '/c/README': 'x' }));
  });

  it('changes with every name and every content', async () => {
    const trees: Record<string, string>[] = [
      {},
      { '/c/a.conf': 'ab' },
      { '/c/b.conf': 'ab' },
      { '/c/system/a.conf': 'ab' },
      { '/c/a.conf': 'a', '/c/b.conf': 'b' },
      { '/c/a.conf': '', '/c/b.conf': 'ab' },
    ];
    const digests = await Promise.all(trees.map(digest));
    expect(new Set(digests).size).toBe(6);
  });
});

it('reads a config.d that is not there as an empty one', async () => {
  await expect(loadSettings(memoryHost(), '/nowhere')).resolves.toMatchObject({
    config: { overlays: {} },
    settings: {},
  });
});

it('reads for one node what it gets, with the files of its templates, and refuses one that is not there', async () => {
  const host = memoryHost({
    files: {
      '/c/nodes/print01.conf': 'metadata: { room: B12 }\nset: { etc: { templates: [motd] } }\n',
      '/c/templates/motd': '---\npath: /etc/motd\n---\n{{ metadata.room }}\n',
    },
  });
  expect((await loadSettings(host, '/c', 'print01')).files).toMatchObject([{ path: '/etc/motd', content: 'B12\n' }]);
  expect((await loadSettings(host, '/c')).files).toEqual([]);
  await expect(loadSettings(host, '/c', 'print02')).rejects.toMatchObject({ code: 'node-unknown' });
});

it('reads a group that stands below a long line of blanks, and one that is nowhere there, at once', async () => {
  const blanks = ' '.repeat(200_000);
  const host = memoryHost({
    files: {
      '/c/nodes/g.conf': `nodes: [print01]\n${blanks}\ngroup: g`,
      '/c/nodes/h.conf': `nodes: print01\n${blanks}\ngroup: h`,
      '/c/nodes/i.conf': `{${blanks}`,
    },
  });
  const started = performance.now();
  const { nodes, faults } = await readConfigDir(host, '/c');
  expect(performance.now() - started).toBeLessThan(10_000);
  expect([[...nodes.groups.keys()], [...nodes.faultyGroups.keys()]]).toEqual([['h'], ['g', 'i']]);
  expect(faults.map(({ file }) => file)).toEqual(['nodes/g.conf', 'nodes/i.conf']);
});
