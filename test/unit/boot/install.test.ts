import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { handover } from '../../../src/boot/phases/handover.ts';
import { install } from '../../../src/boot/phases/install.ts';
import { IN_SYSROOT } from '../../../src/boot/roots.ts';
import type { Seed } from '../../../src/host/memory/seed.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import type { Facts } from '../../../src/machine/facts/facts.ts';
import type { InstallFacts } from '../../../src/machine/facts/system-facts.ts';
import { machineId } from '../../../src/machine/install/machine-id.ts';
import { planInstall, planLiveFiles } from '../../../src/machine/install/plan-install.ts';
import { IMAGE_MOUNT } from '../../../src/machine/paths.ts';
import { machineHost } from '../../../src/machine/roots.ts';
import { shellOf } from '../../../src/machine/steps/step.ts';
import { switchFileText } from '../../../src/machine/steps/switch-file.ts';
import { createFacts, createInterface, createMachineFacts, USER_DATA_DISK } from '../../fixtures/facts.ts';

describe('the machine-id', () => {
  const nobody = { ...createMachineFacts(), uuid: undefined };
  const idOf = (changes: Parameters<typeof createFacts>[0], kept = '') => machineId(createFacts(changes), kept);

  it('is the one that was kept', () => {
    expect(idOf({}, 'ab'.repeat(16))).toEqual({ machineId: 'ab'.repeat(16), machineIdOrigin: 'persistent' });
  });

  it.each(['', 'ab', 'AB'.repeat(16), `${'ab'.repeat(16)} `])(
    'is not "%s", which a torn or foreign file may hold',
    (kept) => {
      expect(idOf({}, kept)).toMatchObject({
        machineId: expect.stringMatching(/^[0-9a-f]{32}$/),
        machineIdOrigin: 'derived',
      });
    },
  );

  it('is the same at every boot of a machine without a disk, and another one on another machine', () => {
    const ids = [
      createMachineFacts(),
      createMachineFacts({ serial: 'A' }),
      { ...nobody, serial: 'A' },
      { ...nobody, serial: 'B' },
      createMachineFacts({ uuid: 'ffee' }),
    ].map((machine) => idOf({ machine }).machineId);
    expect(idOf({ machine: createMachineFacts() }).machineId).toBe(ids[0]);
    expect(new Set(ids).size).toBe(4);
  });

  it('does not follow the order in which drivers find the interfaces', () => {
    const [one, two] = [
      createInterface({ name: 'eth0', mac: '02:00:00:00:00:01' }),
      createInterface({ name: 'eth1', mac: '02:00:00:00:00:02' }),
    ];
    const swapped = [
      { ...two, name: 'eth0' },
      { ...one, name: 'eth1' },
    ];
    expect(idOf({ machine: nobody, network: { interfaces: [one, two] } })).toEqual(
      idOf({ machine: nobody, network: { interfaces: swapped } }),
    );
    expect(idOf({ machine: nobody, network: { interfaces: [one] } }).machineIdOrigin).toBe('derived');
  });

  it('is chance only where nothing names the machine', () => {
    const wireless = [createInterface({ wireless: true })];
    const ids = [1, 2].map(() => idOf({ machine: nobody, network: { interfaces: wireless } }));
    expect(ids.map(({ machineIdOrigin }) => machineIdOrigin)).toEqual(['random', 'random']);
    expect(ids[0]?.machineId).not.toBe(ids[1]?.machineId);
  });

  const writes = (changes: Parameters<typeof createFacts>[0]) =>
    planInstall(createFacts(changes)).flatMap((step) =>
      step.kind === 'write' && step.path.endsWith('machine-id') ? [step.path] : [],
    );
  const known = createFacts().system.install!;

  it('is written into the system, and kept where something persists', () => {
    expect(writes({})).toEqual(['/etc/machine-id']);
    expect(writes({ root: { blocks: [USER_DATA_DISK] } })).toEqual([
      '/etc/machine-id',
      '/user-data/persistent/statectl/machine-id',
    ]);
    expect(
      writes({ root: { blocks: [USER_DATA_DISK] }, system: { install: { ...known, machineIdOrigin: 'persistent' } } }),
    ).toEqual(['/etc/machine-id']);
  });

  it('is not written into an /etc that is read-only', () => {
    expect(writes({ config: { overlays: {} } })).toEqual([]);
  });
});

describe('the runlevel of OpenRC that config.d names', () => {
  const steps = (target: string | undefined, changes: Partial<InstallFacts> = {}) => {
    const facts = createFacts();
    const services = { ...facts.config.services, ...(target && { target }) };
    const known = { ...(facts.system.install as InstallFacts), serviceManager: 'openrc' as const, ...changes };
    return { ...facts, config: { ...facts.config, services }, system: { install: known } };
  };
  const entered = (facts: Facts) =>
    planInstall(facts).filter((step) => 'path' in step && /runlevels\/print|krunlevel/.test(step.path));

  it('is entered instead of the default one, at the boot alone', () => {
    expect(entered(steps('print'))).toEqual([
      { kind: 'mkdir', path: '/etc/runlevels/print', mode: 0o755 },
      { kind: 'write', path: '/run/openrc/krunlevel', content: 'print\n' },
    ]);
    // A runlevel that is entered later, "off" among them, would be replaced by it.
    expect(planLiveFiles(steps('print')).map(shellOf).join('\n')).not.toContain('krunlevel');
  });

  it('is no matter of an image that names its own, and none of systemd', () => {
    expect(entered(steps(undefined))).toEqual([]);
    expect(entered(steps('print', { serviceManager: 'systemd' }))).toEqual([]);
  });
});

describe('what the image has is looked up', () => {
  const look = async (tree: Record<string, Seed>) => {
    const files = Object.fromEntries(Object.entries(tree).map(([path, seed]) => [IMAGE_MOUNT + path, seed]));
    const boot = { say: () => {}, warn: () => {}, signal: new AbortController().signal };
    return (
      await install.rounds
        .find(({ plan }) => plan === planInstall)
        ?.gather?.(machineHost(memoryHost({ files }), IN_SYSROOT), createFacts(), boot)
    )?.system?.install;
  };

  it.each(['/usr/sbin/sshd', '/usr/bin/sshd', '/usr/local/sbin/sshd'])(
    'and %s without a key gets one',
    async (sshd) => {
      expect(await look({ [sshd]: '' })).toMatchObject({ hasSshd: true, needsHostKey: true });
      expect(await look({ '/usr/bin/true': '' })).toMatchObject({ hasSshd: false, needsHostKey: false });
    },
  );

  it.each(['/usr/share/base', '../usr/share/base'])(
    'and its hosts and hostname are those that links to %s lead to',
    async (to) => {
      const tree = {
        '/usr/share/base/hosts': '10.0.0.9 files\n',
        '/usr/share/base/hostname': '# of the maker\n\ngolden\n',
        '/etc/hosts': { target: `${to}/hosts` },
        '/etc/hostname': { target: `${to}/hostname` },
      };
      expect(await look(tree)).toMatchObject({ hosts: '10.0.0.9 files\n', imageHostname: 'golden' });
    },
  );

  it('and an agent that no service can start is told of', async () => {
    const warnings = async (tree: Record<string, Seed>, overlays = createFacts().config.overlays) => {
      const files = Object.fromEntries(Object.entries(tree).map(([path, seed]) => [IMAGE_MOUNT + path, seed]));
      const facts = createFacts({ config: { overlays } });
      const wanted = { ...facts.config, server: { ...facts.config.server, agent: 'on' as const } };
      const told: string[] = [];
      const boot = {
        say: () => {},
        warn: (text: string) => void told.push(text),
        signal: new AbortController().signal,
      };
      await install.rounds
        .find(({ plan }) => plan === planInstall)
        ?.gather?.(machineHost(memoryHost({ files }), IN_SYSROOT), { ...facts, config: wanted }, boot);
      return told;
    };
    expect(await warnings({})).toEqual(['no agent: the image has neither systemd nor OpenRC']);
    expect(await warnings({ '/sbin/openrc-run': '' }, {})).toEqual([
      'no agent: /etc is read-only (system/overlays.conf), and OpenRC looks for services nowhere else',
    ]);
    expect(await warnings({ '/sbin/openrc-run': '' })).toEqual([]);
    expect(await warnings({ '/usr/lib/systemd/systemd': '' }, {})).toEqual([]);
  });

  it('networkd, ifupdown and resolv.conf', async () => {
    expect(await look({})).toMatchObject({
      usesNetworkd: false,
      usesIfupdown: false,
      hasResolvConf: 'missing',
    });
    expect(await look({ '/usr/sbin/ifup': '', '/etc/resolv.conf': '' })).toMatchObject({
      usesIfupdown: true,
      hasResolvConf: 'file',
    });
    const wanted = '/etc/systemd/system/multi-user.target.wants/systemd-networkd.service';
    expect(
      await look({
        [wanted]: { target: 'x' },
        '/etc/resolv.conf': { target: '/run/systemd/resolve/stub-resolv.conf' },
      }),
    ).toMatchObject({ usesNetworkd: true, hasResolvConf: 'symlink' });
  });
});

it('puts the way down where the system finds it', () => {
  const copies = (install.rounds[0]?.plan?.(createFacts()) ?? []).filter(({ kind }) => kind === 'copy-file');
  expect(copies).toEqual([
    { kind: 'copy-file', from: '/bin/busybox', to: '/run/initramfs/bin/busybox', mode: 0o755 },
    { kind: 'copy-file', from: '/etc/shutdown', to: '/run/initramfs/shutdown', mode: 0o755 },
    { kind: 'copy-file', from: '/etc/stopping', to: '/run/initramfs/stopping', mode: 0o755 },
    { kind: 'copy-file', from: '/etc/way-down.sh', to: '/run/initramfs/way-down.sh', mode: 0o644 },
  ]);
});

describe('the init', () => {
  const program: Seed = { data: 'ELF', mode: 0o755 };
  const find = async (tree: Record<string, Seed>, commandLine = '') => {
    const warned: string[] = [];
    const host = memoryHost({
      files: Object.fromEntries(Object.entries(tree).map(([path, seed]) => [`/sysroot${path}`, seed])),
    });
    const boot = {
      say: () => {},
      warn: (text: string) => void warned.push(text),
      signal: new AbortController().signal,
    };
    const found = await handover.rounds[0]?.gather?.(machineHost(host, IN_SYSROOT), createFacts({ commandLine }), boot);
    return { warned, ...found?.root?.init };
  };

  it('is found as the kernel finds it, through links that lead inside the root', async () => {
    expect(await find({ '/sbin/init': program })).toMatchObject({ path: '/sbin/init' });
    expect(
      await find({
        '/sbin': { target: '/usr/sbin' },
        '/usr/sbin/init': { target: '/lib/systemd/systemd' },
        '/lib/systemd/systemd': program,
      }),
    ).toMatchObject({ path: '/sbin/init' });
    expect(await find({ '/sbin/init': { target: '/nowhere' }, '/bin/init': program })).toMatchObject({
      path: '/bin/init',
    });
  });

  it('must be a program: a plain file or a directory will not run', async () => {
    const none = { code: 'init-missing', hint: expect.stringContaining('init=PATH') };
    await expect(find({ '/sbin/init': 'text', '/etc/init': { type: 'dir' } })).rejects.toMatchObject(none);
    await expect(find({ '/sbin/init': { target: '/sbin/init' } })).rejects.toMatchObject(none);
  });

  it('is the shell when there is nothing else, with a warning', async () => {
    expect(await find({ '/bin/sh': program })).toMatchObject({
      path: '/bin/sh',
      warned: ['the image has no init: handing over to its shell'],
    });
  });

  it('is the one that init= names, and no other', async () => {
    expect(await find({ '/bin/sh': program, '/sbin/init': program }, 'init=/bin/sh single')).toMatchObject({
      path: '/bin/sh',
      arguments: ['single'],
      warned: [],
    });
    await expect(find({ '/sbin/init': program }, 'init=/bin/bash')).rejects.toMatchObject({
      code: 'init-missing',
      message: 'the root has no executable /bin/bash',
    });
  });

  it('is told to /init in words that ash reads back as they were', () => {
    const words = ['single', "it's", 'a  b', '$HOME', '`id`', '"', '\\', '', '*', 'ü'];
    const text = switchFileText({ root: '/sys root', init: '/sbin/init', arguments: words });
    // As hand_over() of /init does.
    const script = `${text}\neval "set -- $INIT_ARGUMENTS"; printf '%s\\n' "$ROOT" "$INIT" "$@"`;
    expect(execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\n').slice(0, -1)).toEqual([
      '/sys root',
      '/sbin/init',
      ...words,
    ]);
  });
});
