import { describe, expect, it } from 'vitest';
import { APPLIED, type AppliedRecord } from '../../../src/agent/apply/applied-record.ts';
import type { Edits } from '../../../src/agent/apply/plan-files.ts';
import { readKeptBundle } from '../../../src/fetch/kept-bundle.ts';
import { BUNDLES } from '../../../src/machine/delivery/take-bundle.ts';
import { createBundle, createContent, createFile, createSigner, withBundle } from '../../fixtures/bundle.ts';
import { userDataDisk } from '../../fixtures/disks/disk.ts';
import { createKey, TRUSTED_KEY } from '../../fixtures/image/image.ts';
import { type RunningMachine, runningMachine } from '../../fixtures/running-machine.ts';

const motd = (content: string) => createFile('/etc/motd', { content });
const edits = (policy: Edits) => ({ config: { etc: { edits: policy } } });
const record = async ({ host }: RunningMachine): Promise<AppliedRecord> =>
  JSON.parse(await host.files.readText(APPLIED));
const said = ({ machine }: RunningMachine, pattern: RegExp) => machine.lines.filter(({ text }) => pattern.test(text));
const services = ({ machine }: RunningMachine) => machine.commands.filter((line) => line.startsWith('systemctl'));

describe('a file of a new bundle', () => {
  it('is written without a reboot; one that is equal is not touched', async () => {
    const running = await runningMachine({ files: [motd('one'), createFile('/etc/same')] });
    const before = await running.host.files.stat('/etc/same');
    await running.host.clock.sleep(1000);
    running.serve({
      files: [motd('two'), createFile('/etc/same'), createFile('/etc/new/x', { mode: 0o640, owner: 'klipper' })],
    });
    expect(await running.refresh()).toEqual({
      state: 'applied',
      applied: ['/etc/motd', '/etc/new/x'],
      needsReboot: [],
      keptLocal: [],
    });
    expect([await running.read('/etc/motd'), await running.read('/etc/new/x')]).toEqual(['two', '# /etc/new/x\n']);
    expect(await running.host.files.stat('/etc/new/x')).toMatchObject({ mode: 0o640, uid: 998 });
    expect((await running.host.files.stat('/etc/same'))?.mtimeMs).toBe(before?.mtimeMs);
    expect(await running.refresh()).toMatchObject({ state: 'unchanged', applied: [] });
    expect(services(running)).toEqual([]);
  });

  it('gets another mode or owner although its content is the same', async () => {
    const running = await runningMachine({ files: [motd('one')] });
    running.serve({
      files: [createFile('/etc/motd', { content: 'one', mode: 0o600, owner: 'klipper', group: 'dialout' })],
    });
    expect(await running.refresh()).toMatchObject({ applied: ['/etc/motd'] });
    expect(await running.host.files.stat('/etc/motd')).toMatchObject({ mode: 0o600, uid: 998, gid: 20 });
  });

  it('that is dropped goes, and what the image has there shows again', async () => {
    const tree = { '/etc/issue': { data: 'of the image', mode: 0o604 }, '/etc/localtime': { target: '../usr/UTC' } };
    const paths = ['/etc/issue', '/etc/localtime', '/etc/motd'];
    const running = await runningMachine({ tree, files: paths.map((path) => createFile(path)) });
    running.serve({});
    expect(await running.refresh()).toMatchObject({ state: 'applied', applied: paths });
    expect([await running.read('/etc/issue'), await running.read('/etc/motd')]).toEqual(['of the image', 'ENOENT']);
    expect((await running.host.files.stat('/etc/issue'))?.mode).toBe(0o604);
    expect(await running.host.files.readlink('/etc/localtime')).toBe('../usr/UTC');
    expect(await running.host.files.list('/etc')).not.toContain('localtime.statectl-new');
  });

  it('comes and goes again and again', async () => {
    const running = await runningMachine();
    for (const content of ['one', undefined, 'two', 'three', undefined]) {
      running.serve({ files: content ? [motd(content)] : [] });
      expect(await running.refresh()).toMatchObject({ state: 'applied', applied: ['/etc/motd'], keptLocal: [] });
      expect(await running.read('/etc/motd')).toBe(content ?? 'ENOENT');
    }
  });

  it('that cannot be written is told once, waits for a reboot, and stops no other', async () => {
    const running = await runningMachine();
    running.serve({ files: [createFile('/usr/lib/x'), motd('two')] });
    for (const state of ['applied', 'unchanged']) expect(await running.refresh()).toMatchObject({ state });
    expect(said(running, /^\/usr\/lib\/x of the bundle is not delivered: that place is read-only/)).toHaveLength(1);
    expect(await running.read('/etc/motd')).toBe('two');
  });

  it('on a disk is known to the next boot, which takes it away when it is dropped', async () => {
    const disk = userDataDisk();
    const running = await runningMachine({ disks: [disk] });
    running.serve({ files: [createFile('/root/kept')] });
    expect(await running.refresh()).toMatchObject({ applied: ['/root/kept'] });
    expect(await running.read(`${BUNDLES}/delivered`)).toBe('/root/kept\n');
    const again = await runningMachine({ disks: [disk], sequence: 2000 });
    expect(await again.read('/root/kept')).toBe('ENOENT');
  });
});

describe('a file that somebody edited', () => {
  const edited = async (policy: Edits, next: string | undefined) => {
    const running = await runningMachine({ files: [motd('one')], ...edits(policy) });
    await running.host.files.write('/etc/motd', 'by hand');
    running.serve({ files: next === undefined ? [] : [motd(next)], ...edits(policy) });
    const { applied, keptLocal } = await running.refresh();
    return { now: await running.read('/etc/motd'), applied, keptLocal, told: said(running, /edited by hand/).length };
  };

  it.each<[Edits, string | undefined, string, readonly string[]]>([
    ['report', 'two', 'by hand', ['/etc/motd']],
    ['report', undefined, 'by hand', ['/etc/motd']],
    ['report', 'one', 'by hand', ['/etc/motd']],
    ['keep', 'two', 'by hand', []],
    ['keep', undefined, 'by hand', []],
    ['overwrite', 'two', 'two', []],
    ['overwrite', undefined, 'ENOENT', []],
    ['overwrite', 'one', 'one', []],
  ])('with edits: %s and %s in config.d is %s', async (policy, next, now, keptLocal) => {
    const isLeft = now === 'by hand';
    expect(await edited(policy, next)).toEqual({
      now,
      keptLocal,
      applied: isLeft ? [] : ['/etc/motd'],
      told: keptLocal.length,
    });
  });

  it('is told once, stays known as long as it is so, and is ours again when it is as config.d has it', async () => {
    const running = await runningMachine({ files: [motd('one')] });
    await running.host.files.chmod('/etc/motd', 0o600);
    running.serve({ files: [motd('two')] });
    for (let time = 0; time < 3; time += 1) expect(await running.refresh()).toMatchObject({ keptLocal: ['/etc/motd'] });
    expect(said(running, /edited by hand/)).toHaveLength(1);
    await running.host.files.write('/etc/motd', 'two');
    expect(await running.refresh()).toMatchObject({ keptLocal: [] });
    running.serve({ files: [motd('three')] });
    expect(await running.refresh()).toMatchObject({ applied: ['/etc/motd'], keptLocal: [] });
  });

  it('counts also when config.d brings it now, unless it is the one of the image', async () => {
    const running = await runningMachine({ tree: { '/etc/issue': 'image', '/etc/other': 'image' } });
    await running.host.files.write('/etc/issue', 'by hand');
    running.serve({ files: [createFile('/etc/issue'), createFile('/etc/other')] });
    expect(await running.refresh()).toMatchObject({ applied: ['/etc/other'], keptLocal: ['/etc/issue'] });
  });

  it('and made a folder of is left in any case: nobody knows what is in it', async () => {
    const running = await runningMachine({ files: [motd('one')], ...edits('overwrite') });
    await running.host.files.remove('/etc/motd');
    await running.host.files.mkdir('/etc/motd/of-a-person');
    running.serve(edits('overwrite'));
    expect(await running.refresh()).toMatchObject({ applied: [] });
    expect(await running.host.files.stat('/etc/motd/of-a-person')).toBeDefined();
  });
});

describe('settings', () => {
  it('of names, logins and logs are written as the boot writes them', async () => {
    const running = await runningMachine();
    const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHZ0';
    const config = {
      etc: { hosts: { '192.168.7.2': ['files.lab'] }, timezone: 'Europe/Berlin' },
      ssh: { userAuthorities: [key], principals: { root: ['admins'] } },
    };
    running.serve({ config });
    expect((await running.refresh()).applied.toSorted()).toEqual([
      '/etc/hosts',
      '/etc/localtime',
      '/etc/ssh/sshd_config.d/10-statectl.conf',
      '/etc/timezone',
      '/run/statectl/logins/principals/root',
      '/run/statectl/logins/user_authorities',
    ]);
    expect(await running.read('/etc/hosts')).toContain('192.168.7.2 files.lab\n');
    expect(await running.read('/run/statectl/logins/principals/root')).toBe('admins\n');
    // It reads its settings again; no session ends.
    expect(services(running)).toEqual(['systemctl try-reload-or-restart ssh.service']);
    running.serve({ config: { ...config, ssh: { userAuthorities: [key] } } });
    expect((await running.refresh()).applied).toContain('/run/statectl/logins/principals/root');
    expect(await running.read('/run/statectl/logins/principals/root')).toBe('ENOENT');
  });

  it('that only a boot can bring into effect are named, and go from the list when they are as booted again', async () => {
    const running = await runningMachine({ tree: { '/etc/systemd/system': { type: 'dir' } } });
    const config = {
      boot: { image: 'other', keepCopy: false, modules: { load: ['loop'], never: [] } },
      network: { waitMs: 1, interfaces: { eth0: {} } } as never,
      tmpfs: {},
      services: { services: { 'klipper.service': 'masked' as const } },
      etc: { hostname: 'other' },
    };
    running.serve({ config });
    const { needsReboot, applied } = await running.refresh();
    expect(needsReboot.toSorted()).toEqual([
      'boot.image',
      'boot.modules.load',
      'etc.hostname',
      'network.interfaces.eth0',
      'services.services."klipper.service"',
      'tmpfs./tmp',
      'tmpfs./usr/tmp',
      'tmpfs./var/tmp',
    ]);
    // The kernel's modules are the boot's; that nothing starts klipper any more counts now.
    expect(applied.toSorted()).toEqual(['/etc/hostname', '/etc/hosts', '/etc/systemd/system/klipper.service']);
    expect(services(running)).toEqual(['systemctl daemon-reload']);
    expect((await record(running)).needsReboot.map(({ path }) => path)).toEqual(needsReboot);
    running.serve({});
    expect(await running.refresh()).toMatchObject({ state: 'applied', needsReboot: [] });
    expect(await running.read('/etc/hostname')).toBe('print01\n');
  });

  it('bring accounts, and take them away again with their groups; those of the image stay', async () => {
    const user = { groups: ['dialout'], authorizedKeys: [], sudo: true };
    const running = await runningMachine({ config: { users: { users: { klipper: { ...user, shell: '/bin/zsh' } } } } });
    running.serve({ config: { users: { users: { mia: user }, groups: { lab: { gid: 4000 } } } } });
    expect(await running.refresh()).toMatchObject({ applied: ['accounts', '/etc/sudoers.d/statectl'] });
    const passwd = await running.read('/etc/passwd');
    expect(passwd).toContain('\nmia:x:1000:1000::/home/mia:/bin/bash\n');
    expect(passwd).toContain('\nklipper:x:998:998::/:/bin/sh\n');
    expect(await running.read('/etc/group')).toMatch(/^dialout:x:20:klipper,mia$/m);
    expect(await running.read('/etc/sudoers.d/statectl')).toBe('mia ALL=(ALL:ALL) ALL\n');
    running.serve({});
    expect(await running.refresh()).toMatchObject({ applied: ['accounts', '/etc/sudoers.d/statectl'] });
    expect(await running.read('/etc/passwd')).not.toContain('mia');
    expect(await running.read('/etc/group')).toBe('root:x:0:\ndialout:x:20:klipper\nklipper:x:998:\n');
    expect(await running.refresh()).toMatchObject({ state: 'unchanged', applied: [] });
  });
});

describe('a server', () => {
  it('whose bundle says something else than files is heard too: secrets are fetched by another part', async () => {
    const running = await runningMachine();
    running.serve({ config: { identity: { names: ['print01.lab'] } } });
    expect(await running.refresh()).toMatchObject({ state: 'applied', applied: [], needsReboot: [] });
    expect(await running.refresh()).toMatchObject({ state: 'unchanged' });
  });

  it('whose bundle is newer has it kept for the next boot', async () => {
    const disk = userDataDisk();
    const running = await runningMachine({ files: [motd('one')], disks: [disk] });
    running.serve({ files: [motd('two')] });
    await running.refresh();
    const kept = await readKeptBundle(running.host, BUNDLES, [TRUSTED_KEY.publicPem]);
    expect(kept?.manifest.sequence).toBe((await record(running)).bundle?.sequence);
  });

  it.each([
    ['an older one', () => createBundle({ sequence: 1, content: createContent([motd('evil')]) }), /older than/],
    [
      'one that nobody trusts',
      () => createBundle({ sequence: 5000, signer: createSigner('2026-11-02T00:00:00.000Z', createKey()) }),
      /is refused/,
    ],
    [
      'that of another machine',
      () => createBundle({ sequence: 5000, machine: { mac: '52:54:00:99:99:99', arch: 'x86_64' } }),
      /it is for a machine with mac/,
    ],
  ])('that sends %s changes nothing', async (_title, make, reason) => {
    const running = await runningMachine({ files: [motd('one')] });
    running.serve(withBundle(make(), () => ({ status: 404 })));
    expect(await running.refresh()).toMatchObject({
      state: 'refused',
      applied: [],
      reason: expect.stringMatching(reason),
    });
    expect(await running.read('/etc/motd')).toBe('one');
  });

  it.each([
    ['refuses connections', () => 'refused' as const],
    ['is silent', () => 'silent' as const],
    ['is too busy', () => ({ status: 503, headers: { 'retry-after': '30' } })],
    ['is broken', () => ({ status: 500 })],
  ])('that %s is away; what was begun is completed all the same', async (_title, server) => {
    const running = await runningMachine({ files: [motd('one')] });
    running.serve(server);
    expect(await running.refresh()).toMatchObject({ state: 'unreachable', applied: [], reason: expect.any(String) });
    await running.host.files.remove('/etc/motd');
    const begun = { ...(await record(running)), applying: { '/etc/motd': { kind: 'absent' } } };
    await running.host.files.write(APPLIED, JSON.stringify(begun));
    expect(await running.refresh()).toMatchObject({ state: 'unreachable', applied: ['/etc/motd'] });
    expect(await running.read('/etc/motd')).toBe('one');
  });

  it('that does not answer is not asked again at once: the agent comes back by itself', async () => {
    const running = await runningMachine({ files: [motd('one')] });
    let asked = 0;
    running.serve(() => {
      asked += 1;
      return 'refused';
    });
    expect(await running.refresh()).toMatchObject({ state: 'unreachable' });
    expect(asked).toBe(1);
  });

  it('that has no config.d has no settings for the machine, and none of them is as the server has it', async () => {
    const running = await runningMachine({ bundle: 'none' });
    expect(await running.refresh()).toMatchObject({ state: 'none', applied: [] });
  });

  it('that stops to know the machine leaves it as it is', async () => {
    const running = await runningMachine({ files: [motd('one')] });
    running.serve(() => ({ status: 404 }));
    expect(await running.refresh()).toMatchObject({ state: 'refused', applied: [] });
    expect(await running.read('/etc/motd')).toBe('one');
  });
});
