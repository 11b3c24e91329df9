import { describe, expect, it } from 'vitest';
import { boot, EXIT } from '../../../src/boot/boot.ts';
import { planAll } from '../../../src/boot/plan-all.ts';
import { STORY } from '../../../src/boot/story.ts';
import type { Server } from '../../../src/host/memory/http.ts';
import type { BootRecord } from '../../../src/machine/boot-record.ts';
import type { Facts } from '../../../src/machine/facts/facts.ts';
import { BOOT_RECORD, FACTS, JOURNAL, REPORT, SWITCH_FILE } from '../../../src/machine/paths.ts';
import { describe as sentenceOf, shellOf } from '../../../src/machine/steps/step.ts';
import { createDisk, userDataDisk } from '../../fixtures/disks/disk.ts';
import { createImage, createServer, DEBIAN_TREE, FOREIGN_KEY } from '../../fixtures/image/image.ts';
import { bootHost, type Machine, type MachineOptions, SERVER } from '../../fixtures/machine.ts';

const IMAGE = createImage();
const NEWER = createImage({ version: '20261121.1' });
const NEWEST = createImage({ version: '20261123.1' });
const SERVED: MachineOptions = { images: [IMAGE, NEWER, NEWEST], servers: { [SERVER]: createServer(IMAGE) } };
const ALONE: MachineOptions = { images: [IMAGE, NEWER, NEWEST] };

const text = (machine: Machine) => machine.lines.map((line) => `${line.level} ${line.text}`).join('\n');
const json = async <T>(machine: Machine, path: string): Promise<T> => JSON.parse(await machine.files.readText(path));
const journal = async ({ files }: Machine): Promise<Record<string, unknown>[]> =>
  (await files.readText(JOURNAL))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
const targets = ({ mounts }: Machine) => mounts.map(({ target }) => target);

/** The machine after a boot that must hand over. */
async function booted(options: MachineOptions): Promise<Machine> {
  const machine = bootHost(options);
  expect({ exit: await boot(machine), said: text(machine) }).toMatchObject({ exit: EXIT.handOver });
  return machine;
}

describe('a machine without a disk', () => {
  it('boots the image of its server from RAM, and everything writable is RAM', async () => {
    const machine = await booted(SERVED);
    expect(machine.mountedImages).toEqual([IMAGE.manifest.root.sha256]);
    expect(machine.mounts.map(({ target, type }) => `${target} ${type}`)).toMatchInlineSnapshot(`
      [
        "/run/initramfs/image tmpfs",
        "/run/statectl/image squashfs",
        "/sysroot bind",
        "/sysroot/user-data tmpfs",
        "/sysroot/etc tmpfs",
        "/sysroot/home bind",
        "/sysroot/media bind",
        "/sysroot/mnt bind",
        "/sysroot/root bind",
        "/sysroot/tmp tmpfs",
        "/sysroot/usr/tmp tmpfs",
        "/run/statectl/upper/var tmpfs",
        "/sysroot/var overlay",
        "/sysroot/var/tmp tmpfs",
      ]
    `);
    expect(await machine.files.readText(SWITCH_FILE)).toBe("ROOT=/sysroot\nINIT=/sbin/init\nINIT_ARGUMENTS=''\n");
  });

  it('has the files of the image where they can be changed', async () => {
    const { files } = await booted(SERVED);
    expect(await files.readText('/sysroot/root/.bashrc')).toBe('# root\n');
    expect((await files.stat('/sysroot/root'))?.mode).toBe(0o700);
    await files.write('/sysroot/var/lib/dpkg/status', 'changed');
    expect(await files.readText('/run/statectl/image/var/lib/dpkg/status')).toBe('Package: base-files\n');
    await expect(files.write('/sysroot/usr/new', 'x')).rejects.toMatchObject({ code: 'EROFS' });
  });

  it('leaves a record of what it booted', async () => {
    const machine = await booted(SERVED);
    expect(await json<BootRecord>(machine, BOOT_RECORD)).toMatchObject({
      source: 'fetched',
      root: { type: 'squashfs', verified: true },
      image: { name: 'lab', version: '20261120.1', sha256: IMAGE.manifest.root.sha256 },
      server: SERVER,
      init: '/sbin/init',
      bootMs: 3000,
      leases: [{ device: 'eth0', address: '10.0.2.15' }],
      warnings: ['no disk for /user-data (LABEL=user-data): nothing persists on this machine'],
    });
    expect((await journal(machine)).at(-1)).toMatchObject({ event: 'handed-over', init: '/sbin/init' });
  });

  it('keeps its facts to itself: they hold the hash of the rescue password', async () => {
    const { files } = await booted(SERVED);
    expect((await files.stat(FACTS))?.mode).toBe(0o600);
  });
});

describe('a machine with a disk', () => {
  it('keeps a copy, boots it again without fetching, and boots it when no server is there', async () => {
    const disks = [userDataDisk()];
    await booted({ ...SERVED, disks });
    const second = await booted({ ...SERVED, disks });
    expect(await json(second, BOOT_RECORD)).toMatchObject({ source: 'copy', server: SERVER });
    const third = await booted({ ...ALONE, disks });
    expect(await json(third, BOOT_RECORD)).toMatchObject({ source: 'copy', root: { verified: true } });
    expect(third.clock.uptimeMs()).toBeLessThanOrEqual(13_000);
  });

  it('boots its copy within network.wait when not even DHCP answers', async () => {
    const disks = [userDataDisk()];
    await booted({ ...SERVED, disks });
    const machine = await booted({ ...ALONE, disks, lease: 'none' });
    expect(machine.clock.uptimeMs()).toBeLessThanOrEqual(10_000);
  });

  it('follows the server to a new image, keeps the old one as the other system, and drops the one before', async () => {
    const disks = [userDataDisk()];
    await booted({ ...SERVED, disks });
    const images = async (servers: ReturnType<typeof createServer>) =>
      (await booted({ ...SERVED, servers, disks })).files.list('/sysroot/user-data/persistent/images');
    const [old, newer, newest] = [IMAGE, NEWER, NEWEST].map(({ manifest }) => manifest.root.sha256);
    expect(await images(createServer(NEWER))).toEqual([old, newer, 'current'].sort());
    expect(await images(createServer(NEWEST))).toEqual([newer, newest, 'current'].sort());
  });

  it("boots yesterday's copy when the new image does not come, or is not what was signed", async () => {
    for (const root of [{ status: 500 }, { status: 200, body: Buffer.alloc(IMAGE.root.length) }]) {
      const disks = [userDataDisk()];
      await booted({ ...SERVED, disks });
      const machine = await booted({ ...ALONE, disks, servers: { [SERVER]: createServer(NEWER, root) } });
      expect(machine.mountedImages).toEqual([IMAGE.manifest.root.sha256]);
    }
  });

  it("boots yesterday's copy when the server's image needs another kernel", async () => {
    const disks = [userDataDisk()];
    await booted({ ...SERVED, disks });
    const machine = await booted({
      ...ALONE,
      disks,
      servers: createServer(createImage({ version: '2', kernelRelease: '6.12.0-1-amd64' })),
    });
    expect(machine.mountedImages).toEqual([IMAGE.manifest.root.sha256]);
    expect(text(machine)).toContain('built for 6.12.0-1-amd64: trying another way');
  });

  it('fetches a damaged copy anew', async () => {
    const disks = [userDataDisk()];
    const before = await booted({ ...SERVED, disks });
    const file = `/sysroot/user-data/persistent/images/${IMAGE.manifest.root.sha256}/root.squashfs`;
    await before.files.overwrite(file, 500, Buffer.from('x'));
    const altered = await booted({ ...SERVED, disks });
    expect(text(altered)).toContain(`the signed manifest says ${IMAGE.manifest.root.sha256}: trying another way`);
    expect(altered.mountedImages).toEqual([IMAGE.manifest.root.sha256]);
    await altered.files.append(file, 'x');
    const longer = await booted({ ...SERVED, disks });
    expect(text(longer)).toContain('root.squashfs is damaged: the signed manifest says 100000 bytes');
    expect(longer.mountedImages).toEqual([IMAGE.manifest.root.sha256]);
  });

  it('does not boot a damaged copy without a server', async () => {
    const disks = [userDataDisk()];
    const before = await booted({ ...SERVED, disks });
    await before.files.write(
      `/sysroot/user-data/persistent/images/${IMAGE.manifest.root.sha256}/root.squashfs`,
      Buffer.from(IMAGE.root).fill(0, 7, 8),
    );
    const machine = bootHost({ ...ALONE, disks });
    expect(await boot(machine)).toBe(EXIT.rescue);
    expect(machine.mountedImages).toEqual([]);
    expect(text(machine)).toContain('error update: ');
  });

  it('keeps what is written to persistent places, and gets the files of the image there only once', async () => {
    const disks = [userDataDisk()];
    const { files } = await booted({ ...SERVED, disks });
    await files.write('/sysroot/root/.bashrc', '# mine\n');
    await files.write('/sysroot/home/data', 'mine');
    const again = await booted({ ...SERVED, disks });
    expect(await again.files.readText('/sysroot/root/.bashrc')).toBe('# mine\n');
    expect(await again.files.readText('/sysroot/home/data')).toBe('mine');
  });

  it('never copies files of the image into a directory of another disk', async () => {
    const data = createDisk({ name: 'vdc', label: 'data', files: { '/home/.bashrc': '# mine\n' } });
    const config = {
      'system/fstab.conf': '/srv: { source: LABEL=data }\n',
      'system/overlays.conf': '/home: { kind: bind, source: /srv/home }\n',
    };
    const tree = { ...DEBIAN_TREE, '/srv': { type: 'dir' as const }, '/home/.bashrc': "# the image's\n" };
    const image = createImage({ tree });
    const { files } = await booted({ images: [image], servers: createServer(image), disks: [data], config });
    expect(await files.readText('/sysroot/home/.bashrc')).toBe('# mine\n');
  });

  it('keeps its machine-id', async () => {
    const disks = [userDataDisk()];
    const idOf = (machine: Machine) => machine.files.readText('/sysroot/etc/machine-id');
    const first = await idOf(await booted({ ...SERVED, disks }));
    // Another mainboard.
    const files = { '/sys/class/dmi/id/product_uuid': 'ffee0000-0042-3510-8054-b4c04f4d5a31\n' };
    expect(await idOf(await booted({ ...SERVED, disks, files }))).toBe(first);
    expect(await idOf(await booted({ ...SERVED, files }))).not.toBe(first);
  });

  it('lets other users into the directories of its disk, but not into those of statectl', async () => {
    const { files } = await booted({ ...SERVED, disks: [userDataDisk()] });
    const mode = async (path: string) => (await files.stat(`/sysroot/user-data/${path}`))?.mode;
    expect(
      await Promise.all(['persistent', 'persistent/local', 'persistent/local/root', 'persistent/statectl'].map(mode)),
    ).toEqual([0o755, 0o755, 0o700, 0o700]);
  });

  it('forgets the reboots that failed once it booted, whether or not its plan can be kept', async () => {
    const attempts = '/persistent/statectl/attempts';
    const kept = await booted({ ...SERVED, disks: [userDataDisk({ [attempts]: '4\n' })] });
    const notKept = await booted({
      ...SERVED,
      disks: [userDataDisk({ [attempts]: '4\n' })],
      config: { 'system/boot.conf': 'keepCopy: false\n' },
    });
    for (const { files } of [kept, notKept]) expect(await files.stat(`/sysroot/user-data${attempts}`)).toBeUndefined();
  });
});

describe('a local root', () => {
  const system = () => createDisk({ name: 'vda1', label: 'system', files: DEBIAN_TREE });

  it('boots without network, as found', async () => {
    const machine = await booted({
      commandLine: 'root=LABEL=system ro init=/sbin/init single',
      disks: [system(), userDataDisk()],
    });
    expect(machine.commands.filter((command) => /^(ip|udhcpc)/.test(command))).toEqual([]);
    expect(machine.mounts.find(({ target }) => target === '/run/statectl/image')?.options).toEqual(['ro', 'noload']);
    expect(await json(machine, BOOT_RECORD)).toMatchObject({
      source: 'partition',
      root: { type: 'ext4', from: '/dev/vda1', verified: false },
    });
    expect(await machine.files.readText(SWITCH_FILE)).toContain('INIT_ARGUMENTS=single');
  });

  it('that lacks mount points gets them from a skeleton, and nothing is written to it', async () => {
    const { '/usr/tmp': _tmp, '/user-data': _data, ...tree } = DEBIAN_TREE;
    const disk = createDisk({ name: 'vda1', label: 'system', files: tree });
    const machine = await booted({ commandLine: 'root=LABEL=system', disks: [disk] });
    expect(targets(machine)).toEqual(
      expect.arrayContaining(['/run/initramfs/skeleton', '/sysroot/usr/tmp', '/sysroot/user-data']),
    );
    expect([...disk.root.entries.keys()]).not.toContain('user-data');
  });

  it('that comes late is waited for', async () => {
    const machine = await booted({ commandLine: 'root=LABEL=system', disks: [{ ...system(), afterMs: 7_000 }] });
    expect(machine.clock.uptimeMs()).toBe(7_000);
  });
});

describe('the plan that prints is the plan that ran', () => {
  const withoutCopy = { config: { 'system/boot.conf': 'keepCopy: false\n' } };
  const fancy = {
    'system/overlays.conf':
      '/etc: { kind: overlay, upper: persistent }\n/var: { kind: tmpfs, skeleton: true }\n/srv/data: { kind: overlay }\n/home: { kind: bind, source: /user-data/home, options: [nosuid] }\n',
    'system/fstab.conf':
      '/user-data: { source: LABEL=user-data }\n/var/cache: { source: LABEL=cache, missing: ignore }\n',
  };
  const disks = () => [userDataDisk(), createDisk({ name: 'vdc', label: 'cache' })];
  const prepared = async () => {
    const kept = [userDataDisk()];
    await booted({ ...SERVED, disks: kept });
    return kept;
  };

  it.each<[string, () => MachineOptions | Promise<MachineOptions>]>([
    ['from a server', () => SERVED],
    ['from a server onto a disk', () => ({ ...SERVED, disks: [userDataDisk()] })],
    ['from a server past a disk', () => ({ ...SERVED, ...withoutCopy, disks: [userDataDisk()] })],
    ['from a copy', async () => ({ ...ALONE, disks: await prepared() })],
    [
      'from a partition',
      () => ({
        commandLine: 'root=/dev/vda1 rootflags=data=journal',
        disks: [createDisk({ name: 'vda1', files: DEBIAN_TREE }), userDataDisk()],
      }),
    ],
    [
      'with a static address',
      () => ({ ...SERVED, commandLine: `ip=10.0.0.7::10.0.0.1:24:lab7:eth0:none:10.0.0.2 statectl.server=${SERVER}` }),
    ],
    ['with places of every kind', () => ({ ...SERVED, disks: disks(), config: fancy })],
  ])('%s', async (_title, options) => {
    const machine = await booted(await options());
    const ran = (await journal(machine))
      .filter(({ event }) => event === 'step')
      .map(({ phase, step, command }) => ({ phase, step, command }));
    const facts = await json<Facts>(machine, FACTS);
    const planned = planAll(STORY, deepFrozen(facts)).map(({ phase, step }) => ({
      phase,
      step: sentenceOf(step),
      command: shellOf(step),
    }));
    expect(planned).toEqual(ran);
    expect(planned.length).toBeGreaterThan(20);
  });

  it('and planning again gives the same plan', async () => {
    const facts = await json<Facts>(await booted({ ...SERVED, disks: disks(), config: fancy }), FACTS);
    expect(planAll(STORY, facts)).toEqual(planAll(STORY, structuredClone(facts)));
  });
});

/** Planners that changed what they were given would throw. */
function deepFrozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) for (const field of Object.values(value)) deepFrozen(field);
  return Object.freeze(value);
}

describe('a boot that fails', () => {
  it('says what, why and what to do, keeps a report, and ends in the rescue prompt', async () => {
    const machine = bootHost({ ...ALONE, commandLine: 'quiet' });
    expect(await boot(machine)).toBe(EXIT.rescue);
    expect(machine.lines.slice(-2).map(({ level, text: line }) => `${level} ${line}`)).toEqual([
      'error bundle: no server is known: neither config.d nor the kernel command line names one',
      'error → add statectl.server=http://HOST:PORT to the kernel command line, or name one in controller/server/server.info.conf',
    ]);
    expect(await machine.files.readText('/run/initramfs/failure')).toMatch(
      /failed in its phase "bundle" \(no-server\)\n.*no server is known.*\n→ add statectl\.server=.*\n/,
    );
    expect(await machine.files.stat(SWITCH_FILE)).toBeUndefined();
    expect((await journal(machine)).slice(-2)).toMatchObject([
      { event: 'failed', phase: 'bundle', code: 'no-server' },
      { event: 'rescue' },
    ]);
  });

  it('keeps a report without secrets, which only root may read', async () => {
    const secrets =
      'rd.iscsi.password=hunter2 statectl.token=abcdef0123456789 statectl.server=http://bob:hunter2@boot.lab:8080';
    const config = {
      'controller/rescue.conf': 'access: "$6$saltsalt$Wqz9mJ1yq0gX8kTz3bFvN2pLr5sD7hC4eA6uI8oP0yTnMx"\n',
    };
    const machine = bootHost({ ...ALONE, commandLine: secrets, config });
    expect(await boot(machine)).toBe(EXIT.rescue);
    const report = await machine.files.readText(REPORT);
    for (const part of ['server-unreachable', 'keepCopy', 'phase-started', 'dmesg']) expect(report).toContain(part);
    const everything = [
      report,
      text(machine),
      await machine.files.readText(JOURNAL),
      await machine.files.readText('/run/initramfs/failure'),
    ].join('\n');
    for (const secret of ['hunter2', 'abcdef0123456789', 'Wqz9mJ1yq0gX8k']) expect(everything).not.toContain(secret);
    expect((await machine.files.stat(REPORT))?.mode).toBe(0o600);
  });

  it('is reported even where the programs of the report are missing', async () => {
    const gone = () => {
      throw new Error('no such program');
    };
    const machine = bootHost({ ...ALONE, programs: { cat: gone, dmesg: gone } });
    expect(await boot(machine)).toBe(EXIT.rescue);
    expect(await machine.files.readText(REPORT)).toContain('# dmesg\nno such program');
  });

  it('never mounts an image that nobody signed', async () => {
    const foreign = createImage({ key: FOREIGN_KEY });
    const machine = bootHost({ images: [foreign], servers: createServer(foreign) });
    expect(await boot(machine)).toBe(EXIT.rescue);
    expect(machine.mountedImages).toEqual([]);
    expect(text(machine)).toContain('none of the 1 trusted keys signed');
  });

  it('can be tried again, and it is as if it were the first time', async () => {
    let up = false;
    const server: Server = (request) => (up ? createServer(IMAGE)(request) : 'refused');
    const machine = bootHost({ ...ALONE, servers: server, disks: [userDataDisk()] });
    expect(await boot(machine)).toBe(EXIT.rescue);
    expect(targets(machine)).toEqual(['/run/initramfs/user-data']);
    up = true;
    expect({ exit: await boot(machine), said: text(machine) }).toMatchObject({ exit: EXIT.handOver });
  });

  it('can go on from the phase that failed, when what was wrong is right', async () => {
    const tree = { ...DEBIAN_TREE, '/usr/lib/systemd/systemd': 'not a program' };
    const image = createImage({ tree });
    const disks = [userDataDisk()];
    const machine = bootHost({ images: [image], servers: createServer(image), disks });
    expect(await boot(machine)).toBe(EXIT.rescue);
    expect(text(machine)).toContain('error handover: the root has no executable');
    const said = machine.lines.length;
    for (const from of ['update', 'mount', 'install'] as const) expect(await boot(machine, { from })).toBe(EXIT.rescue);
    expect(machine.lines.slice(said).map(({ text: line }) => line)).not.toContainEqual(
      expect.stringMatching(/cannot clear|is busy|already mounted/),
    );
    expect(new Set(targets(machine)).size).toBe(targets(machine).length);
    expect(machine.lines.at(-2)?.text).toContain('the root has no executable');
    expect(await boot(machine)).toBe(EXIT.rescue);
    expect(machine.lines.at(-2)?.text).toContain('the root has no executable');
  });

  it('counts its phases on when it goes on', async () => {
    const machine = await booted(SERVED);
    const said = machine.lines.length;
    expect(await boot(machine, { from: 'install' })).toBe(EXIT.handOver);
    expect(machine.lines[said]?.text).toMatch(/^install \(9\/10\): /);
  });

  it.each([
    ['gone', '{"half'],
    ['of another version', '{"commandLine":[{"origin":"/proc/cmdline","text":"quiet"}]}'],
  ])('begins anew when it should go on but its facts are %s', async (_title, facts) => {
    const machine = await booted(SERVED);
    await machine.files.write(FACTS, facts);
    expect(await boot(machine, { from: 'install' })).toBe(EXIT.handOver);
    expect(text(machine)).toContain('facts of the interrupted boot cannot be read');
  });
});

describe('a person at the console', () => {
  it('gets the rescue prompt with statectl.rescue, before anything is done', async () => {
    const machine = bootHost({ ...SERVED, commandLine: 'statectl.rescue' });
    expect(await boot(machine)).toBe(EXIT.rescue);
    expect(machine.commands.filter((command) => command.startsWith('mount'))).toEqual([]);
    expect(text(machine)).toContain('statectl rescue continue');
  });

  it('stops before phases with statectl.break, and the boot goes on when the shell is left', async () => {
    const machine = await booted({ ...SERVED, commandLine: `statectl.server=${SERVER} statectl.break=mount rd.break` });
    const shells = machine.commands.flatMap((command, index) => (command.includes('rescue-shell') ? [index] : []));
    expect(shells).toHaveLength(2);
    expect(machine.commands.findIndex((command) => command.startsWith('mount -t squashfs'))).toBeGreaterThan(
      shells[0]!,
    );
    expect((await journal(machine)).filter(({ event }) => event === 'break').map(({ phase }) => phase)).toEqual([
      'mount',
      'handover',
    ]);
  });

  it('is told which phases there are when there is none of that name', async () => {
    const machine = await booted({ ...SERVED, commandLine: `statectl.server=${SERVER} statectl.break=mnt` });
    expect(text(machine)).toMatch(/statectl\.break=mnt: no such phase; there are cmdline, config/);
  });

  it('is told which argument is misspelt', async () => {
    const machine = await booted({ ...SERVED, commandLine: `statectl.server=${SERVER} statectl.imgae=lab` });
    expect(text(machine)).toContain(
      'warning cmdline (1/10): /proc/cmdline: unknown kernel argument statectl.imgae: did you mean statectl.image?',
    );
  });

  it('may leave the http:// of a server out', async () => {
    await booted({ ...SERVED, commandLine: 'statectl.server=boot.lab:8080' });
  });
});
