import { describe, expect, it } from 'vitest';
import { readConfigDir } from '../../../src/config/config-dir.ts';
import { effectiveOf } from '../../../src/config/effective.ts';
import { explain } from '../../../src/config/explain.ts';
import { settingRows, withDefaults } from '../../../src/config/settings/setting-rows.ts';
import { writePath } from '../../../src/config/tree/tree.ts';
import { configHost, SHIPPED_FILES } from '../../fixtures/config.ts';

const settingsOf = async (files: Readonly<Record<string, string>>) =>
  effectiveOf(await readConfigDir(configHost(files), '/config.d'), undefined).settings;

describe('the settings with their origins', () => {
  it('name every value once, built-in ones too', async () => {
    const rows = settingRows(await settingsOf({ 'controller/rescue.conf': '\nattempts: 9\n' }));
    const rescue = rows
      .filter(({ path }) => path[0] === 'rescue')
      .map(({ path, value, origin }) => [writePath(path), value, origin?.line]);
    expect(rescue).toEqual([
      ['rescue.attempts', 9, 2],
      ['rescue.access', 'open', undefined],
      ['rescue.countdown', '5m', undefined],
      ['rescue.unattended', 'reboot', undefined],
    ]);
  });

  it('name the defaults of the kind that an entry has, and of no other', async () => {
    const rows = settingRows(await settingsOf({ 'system/overlays.conf': '/var: { kind: overlay }' }));
    expect(
      rows.filter(({ path }) => path[0] === 'overlays').map(({ path, value }) => [writePath(path), value]),
    ).toEqual([
      ['overlays./var.kind', 'overlay'],
      ['overlays./var.upper', 'ram'],
      ['overlays./var.size', '50%'],
    ]);
  });

  it('tell of every item of a list which file it comes from', async () => {
    const rows = settingRows(
      await settingsOf({
        'controller/tmpfs.conf': '/tmp: { options: [nosuid] }',
        'controller/ctmpfs.conf': '/tmp: { options: [nodev] }',
      }),
    );
    expect(
      rows
        .filter(({ path }) => path.at(-1) === 'options')
        .map(({ index, value, origin }) => [index, value, origin?.file]),
    ).toEqual([
      [0, 'nosuid', 'controller/tmpfs.conf'],
      [1, 'nodev', 'controller/ctmpfs.conf'],
    ]);
  });

  it('tell what a layer took out, where it did and where it was said, and what came back since is there', async () => {
    const settings = await settingsOf({
      'system/overlays.conf':
        '/srv: { kind: tmpfs, size: 1M }\n/var: { kind: tmpfs, skeleton: true }\n/opt: { kind: readonly }\n',
      'controller/coverlays.conf': '~/srv:\n~/opt:\n/opt: { kind: tmpfs }\n/var: { kind: ramdisk }\n',
      'controller/tmpfs.conf': '/tmp: { options: [nosuid, noexec] }',
      'controller/ctmpfs.conf': '/tmp: { options: [~noexec, nodev] }',
      'system/ssh.conf': 'revoked: [ssh-rsa AAAA a, ssh-rsa AAAA b]\n',
      'controller/cssh.conf': 'revoked: !replace [ssh-rsa AAAA b]\n',
    });
    const rows = settingRows(settings);
    const place = (origin?: { file: string; line: number; column: number }) =>
      origin && `${origin.file}:${origin.line}:${origin.column}`;
    expect(
      rows.flatMap(({ path, value, origin, removedBy }) =>
        removedBy ? [[writePath(path), value, place(removedBy), place(origin)]] : [],
      ),
    ).toEqual([
      ['tmpfs./tmp.options', 'noexec', 'controller/ctmpfs.conf:1:19', 'controller/tmpfs.conf:1:27'],
      ['overlays./var.skeleton', true, 'controller/coverlays.conf:4:1', 'system/overlays.conf:2:22'],
      ['overlays./srv', { kind: 'tmpfs', size: '1M' }, 'controller/coverlays.conf:1:1', 'system/overlays.conf:1:1'],
      ['ssh.revoked', 'ssh-rsa AAAA a', 'controller/cssh.conf:1:1', 'system/ssh.conf:1:11'],
    ]);
    expect(withDefaults(rows)).toMatchObject({
      overlays: { '/opt': { kind: 'tmpfs' }, '/var': { kind: 'ramdisk' } },
      tmpfs: { '/tmp': { options: ['nosuid', 'nodev'] } },
    });
    expect(Object.keys(withDefaults(rows).overlays as object)).not.toContain('/srv');
  });

  it('are, written down as a config.d of their own, the same settings', async () => {
    const before = effectiveOf(await readConfigDir(configHost(SHIPPED_FILES), '/config.d'), undefined);
    const said = withDefaults(settingRows(before.settings));
    const nodeFile = { 'nodes/n.conf': JSON.stringify({ set: said }) };
    const dir = await readConfigDir(configHost(nodeFile), '/config.d');
    expect(effectiveOf(dir, dir.nodes.nodes.get('n')).config).toEqual(before.config);
  });
});

describe('config explain', () => {
  it('tells what a setting is, its default, its files and who says it now', async () => {
    const settings = await settingsOf({ 'controller/server/server.info.conf': 'tries: 3' });
    expect(explain('server.tries', settings)).toMatchObject({
      file: 'controller/server/server.info.conf',
      override: 'controller/cserver.info.conf',
      description: expect.stringMatching(/\w/),
      accepts: ['integer'],
      default: 8,
      rows: [{ value: 3, origin: { file: 'controller/server/server.info.conf', line: 1 } }],
    });
  });

  it('tells who took a setting out', async () => {
    const settings = await settingsOf({
      'system/etc.conf': 'hosts: { 10.0.0.1: [a] }',
      'controller/cetc.conf': 'hosts: { ~10.0.0.1: }',
    });
    expect(explain('etc.hosts', settings).rows).toMatchObject([
      { value: ['a'], origin: { file: 'system/etc.conf' }, removedBy: { file: 'controller/cetc.conf', column: 10 } },
    ]);
  });

  it('tells the settings of an entry that nobody wrote yet', async () => {
    const { below, rows } = explain('tmpfs./scratch', await settingsOf({}));
    expect(below.map(({ key }) => key)).toEqual(['size', 'mode', 'owner', 'options']);
    expect(rows).toEqual([]);
  });

  it('tells of a file of entries what an entry may say, of each kind, with descriptions and defaults', async () => {
    const { accepts, below, default: usual } = explain('overlays', await settingsOf({}));
    expect([accepts, usual]).toEqual([['MOUNTPOINT: an entry of the settings below'], {}]);
    expect(below).toContainEqual({
      key: 'MOUNTPOINT(overlay).upper',
      description: 'where changes go: RAM, or /user-data/persistent (ram or persistent)',
      default: 'ram',
    });
    // One that names each value has none behind it.
    expect(explain('drives', await settingsOf({})).below.map(({ description }) => description)).toEqual(
      expect.arrayContaining([
        'how it is attached (nvme, sata, mmc, usb or virtio)',
        expect.stringMatching(/^empty: .* never: only look$/),
      ]),
    );
    expect(explain('etc.hosts', await settingsOf({})).accepts).toEqual(['ADDRESS: a list of string']);
    expect(explain('boot.arguments', await settingsOf({})).accepts).toEqual(['a list of string']);
  });

  it.each([
    ['sever.tries', 'did you mean server?'],
    ['health.stable', 'did you mean update.health.stable?'],
    ['tries', 'did you mean network.tries or server.tries or update.tries?'],
    ['system/boot.conf', 'did you mean boot?'],
    ['boot.conf', 'did you mean boot?'],
    ['controller/ctmpfs.conf', 'did you mean tmpfs?'],
    ['default-runlevel', 'did you mean services?'],
    ['server.trise', 'did you mean server.tries?'],
    ['tmpfs./tmp.sise', 'did you mean tmpfs./tmp.size?'],
    ['', 'there are boot'],
    ['rescue.attempts.deep', 'rescue.attempts has no settings below it'],
  ])('of %s, which there is not, says what was meant', async (path, hint) => {
    const settings = await settingsOf({});
    expect(() => explain(path, settings)).toThrow(
      expect.objectContaining({ code: 'setting-unknown', hint: expect.stringContaining(hint) }),
    );
  });
});
