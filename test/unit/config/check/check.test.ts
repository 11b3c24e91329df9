import { describe, expect, it } from 'vitest';
import { checkConfigDir } from '../../../../src/config/check/check.ts';
import { formatFault } from '../../../../src/config/check/fault.ts';
import { readConfigDir } from '../../../../src/config/config-dir.ts';
import { readTemplates } from '../../../../src/config/templates/template-set.ts';
import { configHost, loadFiles } from '../../../fixtures/config.ts';

/** What `config check` finds, of all or of one node: faults as lines, then what it only supposes. */
async function check(files: Readonly<Record<string, string>>, node?: string) {
  const host = configHost(files);
  const dir = await readConfigDir(host, '/config.d');
  const one = node === undefined ? undefined : dir.nodes.nodes.get(node);
  const { faults, warnings } = checkConfigDir(dir, await readTemplates(host, '/config.d'), one);
  return { faults: faults.map(formatFault), warnings: warnings.map(formatFault) };
}

describe('config check', () => {
  const print = { 'nodes/print.conf': 'node: print[01-24]\n' };

  it('fails for members of a group that are misspelt, and of a node that was meant too', async () => {
    const files = { ...print, 'nodes/voron.conf': 'group: voron\nnodes: prnt[13-24]\n' };
    const fault = 'nodes/voron.conf:2:1 no node file names prnt[13-24]: did you mean print[13-24]?';
    expect(await check(files)).toEqual({ faults: [fault], warnings: [] });
    expect(await check(files, 'print13')).toEqual({ faults: [fault], warnings: [] });
    expect(await check(files, 'print01')).toEqual({ faults: [], warnings: [] });
  });

  it('only supposes that members without a node file are still to come', async () => {
    expect(await check({ ...print, 'nodes/all.conf': 'group: all\nnodes: print[01-30]\n' })).toEqual({
      faults: [],
      warnings: ['nodes/all.conf:2:1 no node file names print[25-30]: group all does nothing for them yet'],
    });
  });

  it('tells of what no machine obeys yet, where somebody says it, and not of what is shipped', async () => {
    const word = 'checked and shown; no machine obeys it in this version';
    const files = {
      'controller/update.chk.conf': 'check: boot\napproval: ask\nhealth: { services: [klipper] }\n',
      'sources/sources.conf': 'mirrors: { "debian:bookworm": [http://m.lab/debian] }\n',
      'controller/log.conf': 'keep: 5\narchive: [/var/log]\n',
      'nodes/print.conf': 'node: print[01-24]\nset: { persist: { generations: 5 } }\n',
    };
    expect((await check(files)).warnings).toEqual([
      `sources/sources.conf:1:1 sources: ${word}`,
      `controller/update.chk.conf:2:1 update.approval: ${word}`,
      `nodes/print.conf:2:8 persist: ${word}`,
    ]);
  });

  it('tells that rescue in the file of a node or group is for an initramfs of that node, once for all alike', async () => {
    const word =
      'rescue counts only in an initramfs that was built for this machine: `statectl initramfs build --node`';
    const files = {
      'nodes/print.conf': 'node: print[01-24]\nset:\n  rescue: { access: none }\n',
      'nodes/lab.conf': 'group: lab\nset: { rescue: { unattended: wait } }\n',
      'controller/rescue.conf': 'access: none\n',
    };
    expect(await check(files)).toEqual({
      faults: [],
      warnings: [`nodes/print.conf:3:3 ${word}`, `nodes/lab.conf:2:8 ${word}`],
    });
  });

  it.each([
    ['misspelt', '["~noexce"]', '"~noexce" takes nothing out: no layer below says noexce: did you mean "~noexec"?'],
    [
      'of a built-in list',
      '["~nosuid"]',
      '"~nosuid" takes nothing out: no layer below says nosuid; built-in lists need no ~: what you write takes their place',
    ],
    [
      'of a list that begins anew',
      '!replace ["~noexec", nodev]',
      '"~noexec" takes nothing out: no layer below says noexec; built-in lists need no ~: what you write takes their place',
    ],
  ])('fails for a ~item that takes nothing out: %s', async (_why, options, message) => {
    const { faults } = await check({
      'controller/tmpfs.conf': '/tmp: { options: [noexec] }\n',
      'controller/ctmpfs.conf': `/tmp:\n  options: ${options}\n`,
    });
    expect(faults).toEqual([`controller/ctmpfs.conf:2:${options.indexOf('"') + 12} ${message}`]);
  });

  it('fails for a ~key: that takes nothing out', async () => {
    const files = { 'system/overlays.conf': '/srv: { kind: tmpfs }\n', 'controller/coverlays.conf': '~/srw:\n' };
    expect((await check(files)).faults).toEqual([
      'controller/coverlays.conf:1:1 "~/srw" takes nothing out: no layer below says /srw: did you mean "~/srv"?',
    ]);
  });

  it('tells of such a ~ without stopping a machine for it', async () => {
    expect(await loadFiles({ 'controller/cboot.conf': 'arguments: [~quiet]\n' })).toMatchObject({
      boot: { arguments: [] },
    });
  });

  it('lets a group take out what only some of its machines have, and no group what none has', async () => {
    const files = {
      ...print,
      'nodes/a.conf': 'group: a\nnodes: print01\nmetadata: { tags: [x] }\nset: { boot: { arguments: [quiet] } }\n',
      'nodes/b.conf':
        'group: b\nnodes: print[01-24]\nmetadata: { tags: [~x, ~y] }\nset: { boot: { arguments: [~quiet, ~noisy] } }\n',
    };
    expect((await check(files)).faults).toEqual([
      expect.stringMatching(/^nodes\/b\.conf:4:\d+ "~noisy" takes nothing out/),
      expect.stringMatching(/^nodes\/b\.conf:3:\d+ "~y" takes nothing out/),
    ]);
    expect(
      (await check({ 'nodes/c.conf': 'group: c\nmatch: { arch: arm64 }\nset: { log: { archive: [~x] } }' })).faults,
    ).toEqual([]);
  });

  it('fails for a node that takes out nothing', async () => {
    const files = {
      'system/boot.conf': 'arguments: [quiet]\n',
      'nodes/n.conf': 'set: { boot: { arguments: [~quite] } }\n',
    };
    expect((await check(files)).faults).toEqual([
      'nodes/n.conf:1:28 "~quite" takes nothing out: no layer below says quite: did you mean "~quiet"?',
    ]);
  });

  const LAYOUT = {
    'system/overlays.conf':
      '/etc: { kind: ramdisk }\n/etc/fixed: { kind: readonly }\n/var: { kind: overlay }\n/home: { kind: tmpfs }\n/srv: { kind: symlink, target: var/srv }\n/data: { kind: symlink, target: /opt/data }\n',
    'system/fstab.conf': '/archive: { source: LABEL=old, options: [ro] }\n',
  };
  const files = (...paths: readonly string[]) => `files:\n${paths.map((path) => `  ${path}: { text: x }\n`).join('')}`;

  it('fails for a file that no machine could write, with the reason', async () => {
    const bad = [
      '/usr/lib/a',
      '/opt/a',
      '/etc/fixed/a',
      '/archive/a',
      '/data/a',
      '/proc/a',
      '/dev/a',
      '/run/statectl/a',
      '/home',
    ];
    const good = ['/etc/a', '/var/a/b', '/srv/a', '/run/a', '/user-data/a'];
    const { faults } = await check({ ...LAYOUT, 'system/etc.conf': files(...good, ...bad) });
    const none = 'is read-only: overlays.conf, tmpfs.conf and fstab.conf make no place around it writable';
    expect(faults.map((fault) => fault.replace(/^system\/etc\.conf:\d+:3 /, ''))).toEqual([
      `/usr/lib/a ${none}`,
      `/opt/a ${none}`,
      '/etc/fixed/a is read-only: overlays.conf has /etc/fixed so',
      '/archive/a is read-only: fstab.conf has /archive so',
      `/data/a (/opt/data/a) ${none}`,
      '/proc/a belongs to the kernel',
      '/dev/a belongs to the kernel',
      '/run/statectl/a belongs to statectl',
      '/home is a folder: overlays.conf has it',
    ]);
  });

  it('fails for a template and a secret of one node, by the layout of that node', async () => {
    const shared = {
      ...LAYOUT,
      'templates/t': '---\nmode: "0600"\npath: /opt/klipper/{{ node.name }}\n---\nx\n',
      'nodes/a.conf': 'set: { etc: { templates: [t] }, overlays: { /opt: { kind: overlay } } }\n',
      'nodes/b.conf': 'set:\n  etc: { templates: [t] }\n',
      'nodes/c.conf': 'set:\n  identity: { secrets: { /opt/key: { secret: "secret:k" } } }\n',
    };
    const none = 'is read-only: overlays.conf, tmpfs.conf and fstab.conf make no place around it writable';
    expect((await check(shared)).faults).toEqual([
      `templates/t:3:1 /opt/klipper/b ${none}`,
      `nodes/c.conf:2:26 /opt/key ${none}`,
    ]);
    expect((await check(shared, 'a')).faults).toEqual([]);
  });
});
