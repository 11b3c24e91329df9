import { describe, expect, it } from 'vitest';
import type { Seed } from '../../../src/host/memory/seed.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import type { Facts } from '../../../src/machine/facts/facts.ts';
import type { InstallFacts } from '../../../src/machine/facts/system-facts.ts';
import { IMAGE_MOUNT } from '../../../src/machine/paths.ts';
import { findServices } from '../../../src/machine/services/find-services.ts';
import { planServices } from '../../../src/machine/services/service-steps.ts';
import { shellOf } from '../../../src/machine/steps/step.ts';
import { loadFiles, SHIPPED_FILES } from '../../fixtures/config.ts';
import { createFacts } from '../../fixtures/facts.ts';

type Tree = Readonly<Record<string, Seed>>;
interface Setup {
  readonly manager?: InstallFacts['serviceManager'];
  /** Of /etc as it persists. */
  readonly kept?: Tree;
  readonly delivery?: Facts['bundle']['delivery'];
  readonly target?: string;
}

/** The steps as commands, without the folders that they make, and what was told. */
async function plan(image: Tree, services: Readonly<Record<string, string>>, setup: Setup = {}) {
  const { manager = 'systemd', kept = {}, delivery, target } = setup;
  const text = JSON.stringify({ services, ...(target && { target }) });
  const config = await loadFiles({ ...SHIPPED_FILES, 'controller/services/default-runlevel': text });
  const facts = { ...createFacts(), config, bundle: { ...(delivery && { delivery }) } };
  const below = (root: string, tree: Tree) => Object.entries(tree).map(([path, seed]) => [root + path, seed] as const);
  const files = Object.fromEntries([...below(IMAGE_MOUNT, image), ...below('', kept)]);
  const warnings: string[] = [];
  const serviceManager = setup.manager === undefined && 'manager' in setup ? {} : { serviceManager: manager };
  const found = await findServices(memoryHost({ files }), facts, serviceManager, {
    warn: (line) => void warnings.push(line),
  });
  const install = { ...(facts.system.install as InstallFacts), ...serviceManager, ...found };
  const steps = planServices(facts, install)
    .filter(({ kind }) => kind !== 'mkdir')
    .map((step) =>
      shellOf(step).replaceAll('/etc/systemd/system/', 'ETC/').replaceAll('/usr/lib/systemd/system/', 'USR/'),
    );
  return { steps, warnings };
}

const USR = '/usr/lib/systemd/system';
const ETC = '/etc/systemd/system';
const unit = (install: string): string =>
  `[Unit]\nDescription=x\n[Service]\nExecStart=/x\n${install && `[Install]\n${install}\n`}`;
const to = (target: string) => ({ target });

/** As Debian and Fedora enable it. */
const RESOLVED: Tree = {
  [`${USR}/systemd-resolved.service`]: unit('WantedBy=sysinit.target\nAlias=dbus-org.freedesktop.resolve1.service'),
  [`${ETC}/sysinit.target.wants/systemd-resolved.service`]: to(`${USR}/systemd-resolved.service`),
  [`${ETC}/dbus-org.freedesktop.resolve1.service`]: to(`${USR}/systemd-resolved.service`),
};

describe('a unit that is disabled', () => {
  it('is wanted by no target any more, and has no alias by which it is called', async () => {
    expect(await plan(RESOLVED, { 'systemd-resolved': 'disabled' })).toEqual({
      steps: [
        'rm -rf ETC/dbus-org.freedesktop.resolve1.service',
        'rm -rf ETC/sysinit.target.wants/systemd-resolved.service',
      ],
      warnings: [],
    });
  });

  it('may be named by its alias, and is what the alias leads to', async () => {
    const image = {
      '/lib': to('usr/lib'),
      [`${USR}/lightdm.service`]: unit('Alias=display-manager.service'),
      [`${ETC}/display-manager.service`]: to('/lib/systemd/system/lightdm.service'),
      [`${ETC}/graphical.target.requires/lightdm.service`]: to('/lib/systemd/system/lightdm.service'),
    };
    for (const name of ['display-manager', 'lightdm.service'])
      expect(await plan(image, { [name]: 'disabled' })).toEqual({
        steps: ['rm -rf ETC/display-manager.service', 'rm -rf ETC/graphical.target.requires/lightdm.service'],
        warnings: [],
      });
    expect((await plan(image, { 'display-manager': 'masked' })).steps).toEqual([
      'ln -sfT /dev/null ETC/display-manager.service',
      'ln -sfT /dev/null ETC/lightdm.service',
    ]);
  });

  const GETTY: Tree = {
    [`${USR}/getty@.service`]: unit('WantedBy=getty.target\nDefaultInstance=tty1'),
    [`${USR}/serial-getty@.service`]: unit('WantedBy=getty.target'),
    [`${ETC}/getty.target.wants/getty@tty1.service`]: to(`${USR}/getty@.service`),
    [`${ETC}/getty.target.wants/getty@tty2.service`]: to(`${USR}/getty@.service`),
  };

  it('may be an instance of a template, or all of them', async () => {
    expect((await plan(GETTY, { 'getty@tty1': 'disabled' })).steps).toEqual([
      'rm -rf ETC/getty.target.wants/getty@tty1.service',
    ]);
    expect((await plan(GETTY, { 'getty@': 'disabled' })).steps).toHaveLength(2);
    expect((await plan(GETTY, { 'serial-getty@ttyS0': 'disabled' })).warnings).toEqual([
      'services: serial-getty@ttyS0.service is started by a generator of systemd, whatever is linked: `masked` keeps it off',
    ]);
  });

  it('takes its socket along, and says so where another one starts it', async () => {
    const image = (also: string) => ({
      [`${USR}/cups.service`]: unit(`WantedBy=multi-user.target\n${also}`),
      [`${USR}/cups.socket`]: unit('WantedBy=sockets.target'),
      [`${ETC}/sockets.target.wants/cups.socket`]: to(`${USR}/cups.socket`),
      [`${ETC}/multi-user.target.wants/cups.service`]: to(`${USR}/cups.service`),
    });
    const both = ['rm -rf ETC/multi-user.target.wants/cups.service', 'rm -rf ETC/sockets.target.wants/cups.socket'];
    expect(await plan(image('Also=cups.socket'), { cups: 'disabled' })).toEqual({ steps: both, warnings: [] });
    expect(await plan(image(''), { cups: 'disabled' })).toEqual({
      steps: both.slice(0, 1),
      warnings: [
        'services: cups.service is disabled, but cups.socket is not, and starts it: disable that too, or mask the service',
      ],
    });
    expect(await plan(image(''), { cups: 'disabled', 'cups.socket': 'disabled' })).toEqual({
      steps: both,
      warnings: [],
    });
    expect((await plan(image('Also=cups.socket'), { cups: 'disabled', 'cups.socket': 'enabled' })).steps).toEqual([
      ...both.slice(0, 1),
      'ln -sfT USR/cups.socket ETC/sockets.target.wants/cups.socket',
    ]);
  });

  it('is hidden where the image itself wants it, outside of /etc', async () => {
    const image = {
      [`${USR}/systemd-update-utmp.service`]: unit(''),
      [`${USR}/sysinit.target.wants/systemd-update-utmp.service`]: to('../systemd-update-utmp.service'),
    };
    expect(await plan(image, { 'systemd-update-utmp': 'disabled' })).toEqual({
      steps: ['ln -sfT /dev/null ETC/sysinit.target.wants/systemd-update-utmp.service'],
      warnings: [],
    });
    const hidden = { [`${ETC}/sysinit.target.wants/systemd-update-utmp.service`]: to('/dev/null') };
    expect((await plan({ ...image, ...hidden }, { 'systemd-update-utmp': 'enabled' })).steps).toEqual([
      'rm -rf ETC/sysinit.target.wants/systemd-update-utmp.service',
    ]);
  });

  it('that is static goes on running when others need it, which is told', async () => {
    expect(await plan({ [`${USR}/polkit.service`]: unit('') }, { polkit: 'disabled' })).toEqual({
      steps: [],
      warnings: ['services: polkit.service is static: other units start it when they need it; `masked` keeps it off'],
    });
  });

  it('was perhaps enabled by an earlier boot, in an /etc that persists', async () => {
    const kept = { [`${ETC}/timers.target.wants/fstrim.timer`]: to(`${USR}/fstrim.timer`) };
    expect(
      (
        await plan(
          { [`${USR}/fstrim.timer`]: unit('WantedBy=timers.target') },
          { 'fstrim.timer': 'disabled' },
          { kept },
        )
      ).steps,
    ).toEqual(['rm -rf ETC/timers.target.wants/fstrim.timer']);
  });

  it('may be a script of sysvinit, by its links or beside them', async () => {
    const image = {
      '/etc/init.d/rc.local': '#!/bin/sh',
      '/etc/rc2.d/S03rc.local': to('../init.d/rc.local'),
      '/etc/rc6.d/K01rc.local': to('../init.d/rc.local'),
    };
    for (const setup of [{ manager: 'systemd' }, { manager: undefined }] as const)
      expect(await plan(image, { 'rc.local': 'disabled' }, setup)).toEqual({
        steps: ['rm -rf /etc/rc2.d/S03rc.local'],
        warnings: [],
      });
    expect((await plan({ '/etc/init.d/nbd': '' }, { nbd: 'enabled' })).steps).toHaveLength(4);
  });
});

describe('a unit that is enabled', () => {
  it('is wanted where it says, and called as it says, in the file of the system', async () => {
    const image = {
      [`${USR}/klipper@.service`]: unit(
        '# comment\nWantedBy=printers-%i.target \\\n  multi-user.target\nRequiredBy=%p.target\nAlias=printer-%i.service',
      ),
    };
    expect((await plan(image, { 'klipper@one': 'enabled' })).steps).toEqual(
      [
        'printers-one.target.wants/klipper@one.service',
        'multi-user.target.wants/klipper@one.service',
        'klipper.target.requires/klipper@one.service',
        'printer-one.service',
      ].map((path) => `ln -sfT USR/klipper@.service ETC/${path}`),
    );
    expect((await plan(image, { 'klipper@': 'enabled' })).warnings).toEqual([
      expect.stringContaining('name an instance of it'),
    ]);
  });

  it.each([
    ['in quotes', `WantedBy="x.target" 'y.target'`],
    ['over several lines with a comment between', 'WantedBy=x.target \\\n# not z.target\n  ; nor this\n  y.target'],
  ])('is wanted where it says %s', async (_title, install) => {
    const { steps } = await plan({ [`${USR}/a.service`]: unit(install) }, { a: 'enabled' });
    expect(steps).toEqual(['x', 'y'].map((by) => expect.stringContaining(`ETC/${by}.target.wants/a.service`)));
  });

  it('that says nothing is wanted by the usual target of its kind', async () => {
    const image = { [`${USR}/a.timer`]: unit(''), '/usr/local/lib/systemd/system/b.service': unit('') };
    expect((await plan(image, { 'a.timer': 'enabled', b: 'enabled' })).steps).toEqual([
      'ln -sfT USR/a.timer ETC/timers.target.wants/a.timer',
      'ln -sfT /usr/local/lib/systemd/system/b.service ETC/multi-user.target.wants/b.service',
    ]);
  });

  it('may be one that config.d brings', async () => {
    const delivery = {
      ...{ dropped: [], listedBefore: [], listed: [] },
      files: [
        {
          from: '/run/statectl/baked/files/1',
          to: `${ETC}/klipper.service`,
          sha256: '',
          mode: 0o644,
          uid: 0,
          gid: 0,
        },
      ],
      contents: { '/run/statectl/baked/files/1': unit('WantedBy=print.target') },
    };
    expect(await plan({}, { klipper: 'enabled' }, { delivery })).toEqual({
      steps: ['ln -sfT ETC/klipper.service ETC/print.target.wants/klipper.service'],
      warnings: [],
    });
  });

  it('loses the mask that the image has', async () => {
    const image = { [`${USR}/a.service`]: unit('WantedBy=multi-user.target'), [`${ETC}/a.service`]: to('/dev/null') };
    expect((await plan(image, { a: 'enabled' })).steps).toEqual([
      'rm -rf ETC/a.service',
      'ln -sfT USR/a.service ETC/multi-user.target.wants/a.service',
    ]);
  });
});

describe('a name that the system does not know', () => {
  it.each(['enabled', 'disabled'])('is told, with what was meant, and is not %s', async (state) => {
    expect(await plan(RESOLVED, { 'systemd-resolvd': state })).toEqual({
      steps: [],
      warnings: [
        `services: systemd-resolvd is not ${state}: the system has no unit systemd-resolvd.service; did you mean systemd-resolved.service?`,
      ],
    });
  });

  it('is masked all the same, which is told', async () => {
    expect(await plan(RESOLVED, { later: 'masked' })).toEqual({
      steps: ['ln -sfT /dev/null ETC/later.service'],
      warnings: ['services: later is masked, but the system has no unit later.service'],
    });
  });

  it('is told of OpenRC, of a system without any service manager, and of a target', async () => {
    expect((await plan({}, { sshd: 'enabled' }, { manager: 'openrc' })).warnings).toEqual([
      'services: sshd is not enabled: the system has no /etc/init.d/sshd',
    ]);
    expect((await plan({}, { sshd: 'disabled' }, { manager: undefined })).warnings).toHaveLength(1);
    expect(await plan({}, {}, { target: 'prin' })).toEqual({
      steps: [],
      warnings: ['services: the system has no prin.target: its own default target is booted'],
    });
  });

  it('is not that of the agent, nor of what a generator makes', async () => {
    expect(await plan({}, { 'statectl-agent': 'disabled', 'tmp.mount': 'masked' })).toEqual({
      steps: ['ln -sfT /dev/null ETC/tmp.mount'],
      warnings: [],
    });
  });
});

it('a service of OpenRC is started by the runlevel that is booted, and taken out of all that have it', async () => {
  const image = {
    ...{ '/etc/init.d/sshd': '', '/etc/init.d/cronie': '', '/etc/init.d/metalog': '' },
    ...{
      '/etc/runlevels/boot/cronie': to('/etc/init.d/cronie'),
      '/etc/runlevels/nonetwork/cronie': to('/etc/init.d/cronie'),
    },
    '/etc/runlevels/default/metalog': to('/etc/init.d/metalog'),
  };
  const services = { sshd: 'enabled', cronie: 'masked', metalog: 'disabled' };
  expect(await plan(image, services, { manager: 'openrc', target: 'print' })).toEqual({
    steps: [
      'ln -sfT /etc/init.d/sshd /etc/runlevels/print/sshd',
      'rm -rf /etc/runlevels/boot/cronie',
      'rm -rf /etc/runlevels/nonetwork/cronie',
      'rm -rf /etc/runlevels/default/metalog',
    ],
    warnings: [],
  });
});

it('the target that is booted is the one of the image', async () => {
  expect((await plan({ [`${USR}/print.target`]: '[Unit]\n' }, {}, { target: 'print' })).steps).toEqual([
    'ln -sfT USR/print.target ETC/default.target',
  ]);
});
