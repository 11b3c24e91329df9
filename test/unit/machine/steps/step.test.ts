import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { linuxHost } from '../../../../src/host/linux/host.ts';
import { mountArgv } from '../../../../src/machine/steps/mounts.ts';
import {
  applyStep,
  type Step,
  type StepOf,
  describe as sentenceOf,
  shellOf,
} from '../../../../src/machine/steps/step.ts';
import { EVERY_KIND } from '../../../fixtures/steps.ts';

const SHA = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

const steps: readonly Step[] = Object.values(EVERY_KIND);

it('says every step in the words of an admin', () => {
  expect(steps.map(sentenceOf).join('\n')).toMatchInlineSnapshot(`
    "directory /sysroot/user-data/tmpfs/tmp
    /run/statectl/upper/var/lib/postgresql/upper belongs to 104:111
    link /run/statectl/bin/statectl to /run/statectl/rt/statectl
    write /sysroot/etc/hostname
    ext4 on /run/statectl/image from /dev/vda2
    copy /run/statectl/image/etc to /sysroot/etc
    /run/initramfs/bin/busybox from /bin/busybox
    set the clock from 1970-01-01 00:00:01 UTC to 2026-11-21 00:00:00 UTC, when this initramfs was built
    ask 10.0.0.1, time.lab what time it is (up to 2 s)
    copy /dev/vda3 to slot b (/dev/vda4)
    make slot b (/dev/vda4) as /dev/vda3 is
    verify the files on /dev/vda3
    load the drivers of the devices that are there
    show what the kernel kept of a crash
    wait for LABEL=my disk (up to 20 s)
    wait for a disk that fits the drive main (up to 20 s)
    drive main: partition virtio-D1: user-data
    drive main: put back the backup table of virtio-D1 from its primary one
    drive main: make virtio-D1 empty
    subvolumes of LABEL=data: @home
    drive main: what virtio-D1 boots this machine with
    load the kernel 6.1.0-45-amd64 of slot b from its disk
    the boot loader boots the kernel 6.1.0-45-amd64 of slot b next, once
    go into the kernel that is loaded
    drive main: ext4 user-data on partition 1 of virtio-D1
    drive main: swap /dev/mapper/user-data, encrypted on partition 1 of virtio-D1 by a key of this boot
    drive main: use the swap user-data on partition 1 of virtio-D1
    drive main: btrfs user-data on virtio-D1 as large as its partition
    check the ext4 on /dev/vda2
    VLAN 7 of eth0 as eth0.7
    set /sys/class/net/bond0/bonding/mode to 802.3ad
    eth0 into bond0
    bring up eth0
    take down eth0
    no address on eth0 any more
    address 10.0.0.7/24 on eth0
    default route by 10.0.0.1 on eth0
    DHCP on eth0 (up to 30 s)
    DHCPv6 on eth0 (up to 30 s)
    IPv6 on eth0 (up to 30 s)
    prove to a:8080 who this machine is
    /home/pi/printer_data/systemd/klipper.env of 1000:1000, since there is none
    the state of voron: database
    accounts: printers
    SSH host key in /run/statectl/ssh
    fetch http://a/root
    note that the system before left the disk of /user-data clean
    note how the system before ended
    note in the cycle journal that slot a is tried
    unpack /run/initramfs/python/ab in /run/statectl/python/paho
    messages of the kernel to 10.0.2.2:6666
    verify /run/initramfs/image/root.squashfs
    measure a:8080, boot lab, b
    ask a:8080, b what this machine is to be
    ask a:8080, c what to boot
    keep the bundle in /run/initramfs/user-data/persistent/statectl/bundle
    /sysroot/etc/moonraker.conf as the bundle has it
    /sysroot/root/.bashrc, which no bundle brings any more: the one of the image
    move /a/root.seed to /a/root
    remove /a/old
    /sysroot/etc is tmpfs, read-write
    switch to /sysroot and run /sbin/init"
  `);
});

it('has for every step the command that does the same by hand', () => {
  expect(steps.map(shellOf).join('\n')).toMatchInlineSnapshot(`
    "mkdir -p -m 1777 /sysroot/user-data/tmpfs/tmp
    chown 104:111 /run/statectl/upper/var/lib/postgresql/upper
    ln -sfT /run/statectl/rt/statectl /run/statectl/bin/statectl
    rm -f /sysroot/etc/hostname && printf %s 'lab 7
    ' > /sysroot/etc/hostname && chmod 0644 /sysroot/etc/hostname
    mount -t ext4 -o ro,noload /dev/vda2 /run/statectl/image
    cp -a /run/statectl/image/etc/. /sysroot/etc/
    mkdir -p /run/initramfs/bin && rm -f /run/initramfs/bin/busybox && cp /bin/busybox /run/initramfs/bin/busybox && chmod 0755 /run/initramfs/bin/busybox
    date -u -s @1795219200
    echo 'only the controller can: ask 10.0.0.1, time.lab what time it is (up to 2 s)'
    echo 'only the controller can: copy /dev/vda3 to slot b (/dev/vda4)'
    echo 'only the controller can: make slot b (/dev/vda4) as /dev/vda3 is'
    echo 'only the controller can: verify the files on /dev/vda3'
    for round in 1 2 3; do find /sys/devices -name modalias -exec cat {} + | sort -u | xargs modprobe -abq; done
    modprobe -abq efi_pstore ramoops; mount -t pstore -o nosuid,nodev,noexec pstore /sys/fs/pstore || echo 'nothing is kept of crashes'
    n=0; until findfs 'LABEL=my disk' || [ $n -ge 20 ]; do sleep 1; n=$((n+1)); done
    echo 'only the controller can: wait for a disk that fits the drive main (up to 20 s)'
    printf %s 'label: gpt
    label-id: e0d56472-938c-871c-816f-737461746563
    unit: sectors
    sector-size: 512
    first-lba: 2048
    last-lba: 2097118

    /dev/p1 : start=2048, size=2093056, type=5354ae10-cafe-8d15-8000-737461746563, uuid=c31399fc-1f05-8880-8038-f01af0dec97e, name="user-data"
    ' | sfdisk --quiet --no-reread --no-tell-kernel --wipe never --wipe-partitions never /dev/disk/by-id/virtio-D1 && partx --update /dev/disk/by-id/virtio-D1
    echo 'only the controller can: drive main: put back the backup table of virtio-D1 from its primary one'
    echo 'only the controller can: drive main: make virtio-D1 empty'
    echo 'only the controller can: subvolumes of LABEL=data: @home'
    echo 'only the controller can: drive main: what virtio-D1 boots this machine with'
    echo 'only the controller can: load the kernel 6.1.0-45-amd64 of slot b from its disk'
    echo 'only the controller can: the boot loader boots the kernel 6.1.0-45-amd64 of slot b next, once'
    echo 'only the controller can: go into the kernel that is loaded'
    mkfs.ext4 -q -F -L user-data /dev/disk/by-id/virtio-D1-part1 && sfdisk --quiet --no-reread --no-tell-kernel --part-type /dev/disk/by-id/virtio-D1 1 0fc63daf-8483-4772-8e79-3d69d8477de4
    echo 'only the controller can: drive main: swap /dev/mapper/user-data, encrypted on partition 1 of virtio-D1 by a key of this boot'
    swapon /dev/disk/by-id/virtio-D1-part1
    mount -t btrfs /dev/disk/by-id/virtio-D1-part1 /mnt && btrfs filesystem resize max /mnt; umount /mnt
    fsck.ext4 -p /dev/vda2 || [ $? -lt 4 ]
    [ -e /sys/class/net/eth0.7 ] || ( ip link add link eth0 name eth0.7 type vlan id 7 )
    echo 802.3ad > /sys/class/net/bond0/bonding/mode
    ip link set dev eth0 master bond0
    ip link set dev eth0 mtu 9000 up
    ip link set dev eth0 down
    ip address flush dev eth0
    ip address replace 10.0.0.7/24 dev eth0
    ip route replace default via 10.0.0.1 dev eth0 proto static
    udhcpc -i eth0 -f -q -n -t 15 -T 2 -s /etc/udhcpc.script -o -O subnet -O router -O dns -O domain -O search -O hostname -O mtu -O ntpsrv -O staticroutes -O msstaticroutes -O routes -x hostname:lab7
    dhcpcd --ipv6only --ia_na --noipv6rs --nodev --oneshot --nobackground --duid=ll --timeout 30 --config /dev/null --script /etc/dhcpcd.script --option dhcp6_name_servers --option dhcp6_domain_search --option dhcp6_sntp_servers eth0
    n=0; until ip -6 -o address show dev eth0 scope global | grep -qv tentative || [ $n -ge 30 ]; do sleep 1; n=$((n+1)); done
    echo 'only the controller can: prove to a:8080 who this machine is'
    echo 'only the controller can: /home/pi/printer_data/systemd/klipper.env of 1000:1000, since there is none'
    echo 'only the controller can: the state of voron: database'
    echo 'only the controller can: accounts: printers'
    ( mkdir -p -m 0711 /run/statectl/ssh && cp -p /user-data/identity/ssh_host_key /run/statectl/ssh && cp -p /user-data/identity/ssh_host_key.pub /run/statectl/ssh && cp -p /user-data/identity/ssh_host_key-cert.pub /run/statectl/ssh ) || echo 'not as it should be: /run/statectl/ssh'
    wget -O /run/initramfs/image/root.squashfs http://a/root && echo 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  /run/initramfs/image/root.squashfs' | sha256sum -c
    echo 'only the controller can: note that the system before left the disk of /user-data clean'
    echo 'only the controller can: note how the system before ended'
    echo 'only the controller can: note in the cycle journal that slot a is tried'
    ( rm -rf /run/statectl/python/paho && mkdir -p -m 0755 /run/statectl/python/paho && tar -zxof /run/initramfs/python/ab -C /run/statectl/python/paho && ( find /run/statectl/python/paho '!' -type f '!' -type d | grep -q . && rm -rf /run/statectl/python/paho && mkdir /run/statectl/python/paho || true ) && chmod -R u=rwX,go=rX /run/statectl/python/paho ) || echo 'not as it should be: /run/statectl/python/paho'
    ( modprobe netconsole && ( [ -d /sys/kernel/config/netconsole ] || mount -t configfs configfs /sys/kernel/config ) && mkdir -p /sys/kernel/config/netconsole/statectl && ( echo 0 > /sys/kernel/config/netconsole/statectl/enabled || true ) && echo eth0 > /sys/kernel/config/netconsole/statectl/dev_name && echo 10.0.2.15 > /sys/kernel/config/netconsole/statectl/local_ip && echo 10.0.2.2 > /sys/kernel/config/netconsole/statectl/remote_ip && echo 6666 > /sys/kernel/config/netconsole/statectl/remote_port && echo 52:55:0a:00:02:02 > /sys/kernel/config/netconsole/statectl/remote_mac && echo 1 > /sys/kernel/config/netconsole/statectl/enabled ) || echo 'not as it should be: /sys/kernel/config/netconsole/statectl'
    echo 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  /run/initramfs/image/root.squashfs' | sha256sum -c
    wget -O - http://a:8080/v1/status; wget -O - https://b/v1/status
    mkdir -p /run/initramfs/bundle; wget -O /run/initramfs/bundle/0.tar.zst 'http://a:8080/v1/bundle?mac=52%3A54%3A00%3A12%3A34%3A56'; wget -O /run/initramfs/bundle/1.tar.zst http://b/v1/bundle; wget -O /run/initramfs/bundle/2.tar.zst http://c/v1/bundle
    wget -O - 'http://a:8080/v1/boot?mac=52%3A54%3A00%3A12%3A34%3A56'; wget -O - 'http://c/v1/boot?mac=52%3A54%3A00%3A12%3A34%3A56'
    echo 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  /run/initramfs/bundle/0.tar.zst' | sha256sum -c && rm -rf /run/initramfs/user-data/persistent/statectl/bundle/new /run/initramfs/user-data/persistent/statectl/bundle/abababababababababababababababababababababababababababababababab && mkdir -p /run/initramfs/user-data/persistent/statectl/bundle/new && tar --zstd -xf /run/initramfs/bundle/0.tar.zst -C /run/initramfs/user-data/persistent/statectl/bundle/new && mv -T /run/initramfs/user-data/persistent/statectl/bundle/new /run/initramfs/user-data/persistent/statectl/bundle/abababababababababababababababababababababababababababababababab && echo abababababababababababababababababababababababababababababababab > /run/initramfs/user-data/persistent/statectl/bundle/current
    ( echo 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  /run/statectl/bundle/ab/files/cd' | sha256sum -c && mkdir -p /sysroot/etc && rm -f /sysroot/etc/moonraker.conf && cp /run/statectl/bundle/ab/files/cd /sysroot/etc/moonraker.conf && chown 0:42 /sysroot/etc/moonraker.conf && chmod 0640 /sysroot/etc/moonraker.conf ) || echo 'not as it should be: /sysroot/etc/moonraker.conf'
    ( rm -f /sysroot/root/.bashrc && cp -a /run/statectl/image/root/.bashrc /sysroot/root/.bashrc ) || echo 'not as it should be: /sysroot/root/.bashrc'
    mv -T /a/root.seed /a/root
    rm -rf /a/old
    grep -qF ' /sysroot/etc tmpfs rw' /proc/mounts
    printf %s 'ROOT=/sysroot
    INIT=/sbin/init
    INIT_ARGUMENTS='\\''single '\\''\\'\\'''\\''a b'\\''\\'\\'''\\'''\\''
    ' > /run/initramfs/switch-root.env"
  `);
});

it.each([
  ['tmpfs', ['size=64M'], 'mount -t tmpfs -o size=64M src /t', 'tmpfs on /t'],
  ['bind', [], 'mount -o bind src /t', 'bind on /t from src'],
  ['remount', ['nosuid', 'nodev'], 'mount -o remount,bind,nosuid,nodev src /t', 'nosuid, nodev on /t'],
  ['move', [], 'mount --move src /t', 'move on /t from src'],
  ['xfs', [], 'mount -t xfs src /t', 'xfs on /t from src'],
])('mounts %s as mount(8) wants it', (type, options, command, sentence) => {
  const step: StepOf<'mount'> = { kind: 'mount', source: 'src', target: '/t', type, options };
  expect(mountArgv(step).join(' ')).toBe(command);
  expect(sentenceOf(step)).toBe(sentence);
});

const scratch = await mkdtemp(join(tmpdir(), 'statectl-steps-'));
afterAll(() => rm(scratch, { recursive: true, force: true }));

// Debian's busybox has no install, no fsck, no cpio -p and no find -delete: a plan with these ends in the rescue shell.
const BUSYBOX = '/bin/busybox';
const applets = existsSync(BUSYBOX) ? execFileSync(BUSYBOX, ['--list'], { encoding: 'utf8' }).trim().split('\n') : [];
/** The programs of the initramfs's shell: ash takes its own before those in PATH. */
const initramfsBin = join(scratch, 'bin');
await mkdir(initramfsBin);
for (const applet of applets) await symlink(BUSYBOX, join(initramfsBin, applet));

it.skipIf(applets.length === 0)('uses only programs that the initramfs has', () => {
  const tools = readFileSync(join(import.meta.dirname, '../../../../initramfs/tools'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('/'))
    .map((line) => line.split(' ')[1] ?? line.split('/').at(-1) ?? '');
  const shell = ['cd', 'exec', 'for', 'do', 'done', 'until', '[', 'n=0', 'n=WORD'];
  const programs = [
    ...steps,
    skeleton('/a', '/b'),
    { ...EVERY_KIND['wait-for-device'], reference: '/dev/vda1' },
  ].flatMap((step) =>
    shellOf(step)
      .replace(/'[^']*'|\$\(\(.*?\)\)/g, 'WORD')
      .split(/(?:&&|\|\||[|;()]|\bdo\b|\buntil\b|-exec|xargs)\s*/)
      .map((command) => command.trim().split(' ')[0] ?? ''),
  );
  expect(programs.filter((program) => program !== '' && ![...applets, ...tools, ...shell].includes(program))).toEqual(
    [],
  );
});

const skeleton = (from: string, to: string): Step => ({ kind: 'copy', from, to, what: 'skeleton' });

const delivered = (from: string, to: string, sha256 = createHash('sha256').update('old').digest('hex')): Step => ({
  kind: 'deliver',
  from,
  to,
  sha256,
  mode: 0o640,
  uid: process.getuid?.() ?? 0,
  gid: process.getgid?.() ?? 0,
});

let worlds = 0;

/** A folder with a file, a private file, a link, a full directory and an empty one. */
async function world(): Promise<string> {
  worlds += 1;
  const dir = join(scratch, String(worlds));
  await mkdir(join(dir, 'full/below'), { recursive: true });
  await mkdir(join(dir, 'empty'));
  await writeFile(join(dir, 'file'), 'old');
  await writeFile(join(dir, 'full/below/private'), 'secret');
  await chmod(join(dir, 'full/below/private'), 0o600);
  await chmod(join(dir, 'full/below'), 0o750);
  await symlink('file', join(dir, 'link'));
  return dir;
}

async function lookAt(dir: string, path = ''): Promise<Record<string, string>> {
  const seen: Record<string, string> = {};
  for (const name of (await readdir(join(dir, path))).sort()) {
    const here = join(path, name);
    const stat = await lstat(join(dir, here));
    const mode = (stat.mode & 0o7777).toString(8);
    if (stat.isSymbolicLink()) seen[here] = `→ ${(await readlink(join(dir, here))).replace(dir, 'DIR')}`;
    else if (stat.isDirectory()) Object.assign(seen, { [here]: `dir ${mode}` }, await lookAt(dir, here));
    else seen[here] = `${mode} ${await readFile(join(dir, here), 'utf8')}`;
  }
  return seen;
}

describe('the command of a step does what the step does', () => {
  const sh = (command: string) =>
    promisify(execFile)(applets.length > 0 ? join(initramfsBin, 'sh') : 'sh', ['-e', '-c', `umask 022; ${command}`], {
      env: { PATH: applets.length > 0 ? initramfsBin : process.env.PATH },
    });
  const boot = { say: () => {}, warn: () => {}, signal: new AbortController().signal };
  const both = async (make: (dir: string) => Step) => {
    const [applied, typed] = [await world(), await world()];
    const outcomes = await Promise.allSettled([applyStep(make(applied), linuxHost(), boot), sh(shellOf(make(typed)))]);
    return {
      outcomes: outcomes.map(({ status }) => status),
      applied: await lookAt(applied),
      typed: await lookAt(typed),
    };
  };

  it.each<[string, (dir: string) => Step]>([
    ['mkdir with parents', (dir) => ({ kind: 'mkdir', path: `${dir}/new/er/est` })],
    ['mkdir with a mode', (dir) => ({ kind: 'mkdir', path: `${dir}/private`, mode: 0o1770 })],
    [
      'mkdir of what is there, which keeps its mode',
      (dir) => ({ kind: 'mkdir', path: `${dir}/full/below`, mode: 0o777 }),
    ],
    ['symlink', (dir) => ({ kind: 'symlink', target: '/a place', path: `${dir}/new` })],
    ['symlink over a link', (dir) => ({ kind: 'symlink', target: '/else', path: `${dir}/link` })],
    ['symlink over a file', (dir) => ({ kind: 'symlink', target: '/else', path: `${dir}/file` })],
    ['write', (dir) => ({ kind: 'write', path: `${dir}/new`, content: 'it\'s "$HOME" \\n %s\n', mode: 0o640 })],
    ['write over a file', (dir) => ({ kind: 'write', path: `${dir}/file`, content: '' })],
    ['write over a link, which is replaced', (dir) => ({ kind: 'write', path: `${dir}/link`, content: 'new' })],
    [
      'write of bytes',
      (dir) => ({
        kind: 'write',
        path: `${dir}/new`,
        content: Buffer.from('bytes\n').toString('base64'),
        encoding: 'base64',
      }),
    ],
    [
      'copy-file',
      (dir) => ({ kind: 'copy-file', from: `${dir}/full/below/private`, to: `${dir}/bin/tool`, mode: 0o755 }),
    ],
    [
      'copy-file over a link',
      (dir) => ({ kind: 'copy-file', from: `${dir}/full/below/private`, to: `${dir}/link`, mode: 0o644 }),
    ],
    ['copy', (dir) => ({ kind: 'copy', from: `${dir}/full`, to: `${dir}/empty`, what: 'everything' })],
    ['copy of a skeleton', (dir) => skeleton(`${dir}/full`, `${dir}/empty`)],
    ['deliver, with parents', (dir) => delivered(`${dir}/file`, `${dir}/new/er`)],
    ['deliver over a link, which is replaced', (dir) => delivered(`${dir}/file`, `${dir}/link`)],
    ['deliver of an altered file, which is left out', (dir) => delivered(`${dir}/link`, `${dir}/new`, SHA)],
    ['deliver over a directory, which stays', (dir) => delivered(`${dir}/file`, `${dir}/full/below`)],
    ['drop', (dir) => ({ kind: 'drop', path: `${dir}/file` })],
    ['drop of what is gone', (dir) => ({ kind: 'drop', path: `${dir}/nothing` })],
    [
      'drop of what the image has too',
      (dir) => ({ kind: 'drop', path: `${dir}/file`, image: `${dir}/full/below/private` }),
    ],
    ['drop of what is a link in the image', (dir) => ({ kind: 'drop', path: `${dir}/file`, image: `${dir}/link` })],
    ['rename of a file', (dir) => ({ kind: 'rename', from: `${dir}/full/below/private`, to: `${dir}/file` })],
    ['rename of a directory over an empty one', (dir) => ({ kind: 'rename', from: `${dir}/full`, to: `${dir}/empty` })],
    ['remove of a directory', (dir) => ({ kind: 'remove', path: `${dir}/full` })],
    ['remove of nothing', (dir) => ({ kind: 'remove', path: `${dir}/nothing` })],
    [
      'owner',
      (dir) => ({ kind: 'owner', path: `${dir}/file`, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }),
    ],
  ])('%s', async (_title, make) => {
    const { outcomes, applied, typed } = await both(make);
    expect(outcomes).toEqual(['fulfilled', 'fulfilled']);
    expect(applied).toEqual(typed);
  });

  it.each<[string, (dir: string) => Step]>([
    ['a link in place of a directory', (dir) => ({ kind: 'symlink', target: '/else', path: `${dir}/full` })],
    ['a file over a directory that is full', (dir) => ({ kind: 'rename', from: `${dir}/empty`, to: `${dir}/full` })],
    ['what is not there', (dir) => ({ kind: 'rename', from: `${dir}/nothing`, to: `${dir}/new` })],
    ['a file with another digest', (dir) => ({ kind: 'verify', path: `${dir}/file`, sha256: SHA, sizeBytes: 3 })],
  ])('and refuses, as the step does, %s', async (_title, make) => {
    const { outcomes, applied, typed } = await both(make);
    expect(outcomes).toEqual(['rejected', 'rejected']);
    expect(applied).toEqual(await lookAt(await world()));
    expect(typed).toEqual(applied);
  });

  it('a skeleton has the directories and links of the original with their modes, and no files', async () => {
    const { applied } = await both((dir) => skeleton(`${dir}/full`, `${dir}/empty`));
    expect(applied).toMatchObject({ 'empty/below': 'dir 750' });
    expect(applied).not.toHaveProperty(['empty/below/private']);
  });
});
