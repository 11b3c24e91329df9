import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { memoryHost } from '../../../src/host/memory.ts';
import { readEvidence } from '../../../src/slots/evidence.ts';
import { canGoDown, WayDownRig } from '../../fixtures/way-down-rig.ts';

// The scripts themselves, under busybox, with real disks: what is promised to whoever switches a machine off.

/** Below a root that is a file of the disk, as a copy of an image is. */
const ROOT_ON_DISK = `mkdir -p old/user-data tree/mnt tree/user-data
dd if=/dev/zero of=oldroot/user-data/root.img bs=1M count=8 2>/dev/null
mkfs.ext4 -q -F oldroot/user-data/root.img
own oldroot/user-data/root.img
mount --move oldroot/user-data tree/user-data
mount $device oldroot
mkdir -p oldroot/user-data
mount -o remount,ro oldroot
mount --move tree/user-data oldroot/user-data`;

/** The runtime, whose programs write down how they were called; DRBD has a volume. */
const RUNTIME = `mkdir -p run/initramfs/rt/bin
for program in kexec drbdsetup dmsetup; do : >run/initramfs/rt/bin/$program; done
cat >run/initramfs/rt/ld.so <<"END"
#!/bin/sh
program=\${3##*/}; shift 3
[ "$1" != events2 ] || { echo "exists device name:voron-gcode volume:0 minor:4 disk:UpToDate"; exit; }
[ "$1" != down ] || rmdir /sys/block/drbd4
[ "$1" != remove ] || rm -r /sys/block/dm-0
echo "$program $*" >>/witness
END
chmod 755 run/initramfs/rt/ld.so`;

describe.skipIf(!canGoDown()).concurrent('the way down', () => {
  it('leaves the disk clean, with nothing on it that is in use, and reboots', async () => {
    using machine = new WayDownRig();
    expect(await machine.run({})).toBe('rebooted');
    expect(await machine.stateOf('disk')).toBe('clean');
    expect(await machine.loops()).toEqual([]);
    expect(await machine.read('/persistent/file')).toBe('kept');
    expect(await machine.read('/persistent/logs/down.log')).toMatch(
      /reboot: the disks of the system that ran\n.*all but \/aside\/user-data is unmounted$/,
    );
  });

  it.each([
    ['that it was writable is known', ': >run/initramfs/down.writable', /all but \/aside\/user-data is unmounted$/],
    ['it never was, and is not written to', ':', /^$/],
  ])('writes its log on a disk that systemd made read-only because it was in use: %s', async (_what, mark, log) => {
    using machine = new WayDownRig();
    expect(await machine.run({ before: `${mark}; mount -o remount,ro oldroot/user-data` })).toBe('rebooted');
    expect(await machine.read('/persistent/logs/down.log')).toMatch(log);
    expect(await machine.stateOf('disk')).toBe('clean');
  });

  it('switches off where that was asked for', async () => {
    using machine = new WayDownRig();
    expect(await machine.run({ run: 'exec /shutdown poweroff' })).toBe('powered off');
    expect(await machine.stateOf('disk')).toBe('clean');
  });

  it('ends who does not end when asked to, or is stopped, and names who that was', async () => {
    using machine = new WayDownRig();
    const before = `(trap '' TERM; exec sleep 1001) >oldroot/user-data/open & (cd oldroot/user-data; exec sleep 1002) & kill -STOP $!`;
    expect(await machine.run({ before })).toBe('rebooted');
    expect(machine.log).toMatch(/did not end when asked to: \d+\(sleep\)$/m);
    expect(await machine.stateOf('disk')).toBe('clean');
    expect(await machine.loops()).toEqual([]);
  });

  it('ends who serves a disk only when what it could unmount without is unmounted', async () => {
    using machine = new WayDownRig();
    // It says when it is told to end, and what is mounted then.
    const before = `own "$ROOT/other"; mount $device oldroot/mnt
mkfifo idle
cat >server <<"END"
exec 3<>idle
trap 'grep -c oldroot/mnt /proc/mounts >>witness; exit' TERM
while :; do read -t 1 -u 3; done
END
bash -c 'exec -a @server bash server' >oldroot/user-data/open &
sleep 0.5`;
    expect(await machine.run({ before })).toBe('rebooted');
    expect(machine.witness).toBe('0\n');
    expect(await machine.stateOf('disk')).toBe('clean');
    expect(machine.log).not.toContain('still in use');
  });

  it('takes apart what lies one on the other: btrfs in a file of the disk, with what is mounted in it', async () => {
    using machine = new WayDownRig();
    const before = `truncate -s 120M oldroot/user-data/file; mkfs.btrfs -q oldroot/user-data/file
own oldroot/user-data/file; mkdir oldroot/user-data/btrfs; mount $device oldroot/user-data/btrfs
mkdir oldroot/user-data/btrfs/mnt; own "$ROOT/other"; mount $device oldroot/user-data/btrfs/mnt
echo text >oldroot/user-data/btrfs/mnt/text`;
    expect(await machine.run({ before })).toBe('rebooted');
    expect(await machine.loops()).toEqual([]);
    expect(await machine.stateOf('disk')).toBe('clean');
    expect(await machine.stateOf('other')).toBe('clean');
    expect(machine.log).not.toContain('still in use');
  });

  it('leaves no disk dirty whose file the old root is', async () => {
    using machine = new WayDownRig();
    expect(await machine.run({ before: ROOT_ON_DISK })).toBe('rebooted');
    expect(await machine.loops()).toEqual([]);
    expect(await machine.stateOf('disk')).toBe('clean');
    expect(machine.log).not.toContain('still in use');
    expect(await machine.read('/persistent/logs/down.log')).toContain('all but /aside/user-data');
  });

  it.each(['a b', 'a 1', 'tab\\there', 'back\\\\slash', '-f', 'new\\nline'])(
    'unmounts what is mounted on %j',
    async (name) => {
      using machine = new WayDownRig();
      const before = `folder=$(printf -- '${name}x'); folder="oldroot/user-data/\${folder%x}"
mkdir "$folder"; own "$ROOT/other"; mount $device "$folder"; echo text >"$folder/text"`;
      expect(await machine.run({ before })).toBe('rebooted');
      expect(await machine.stateOf('other')).toBe('clean');
      expect(await machine.stateOf('disk')).toBe('clean');
      expect(machine.log).not.toContain('still in use');
    },
  );

  it('makes a disk read-only that something beyond its reach uses, and says what', async () => {
    using machine = new WayDownRig();
    // The first process, which nobody ends.
    const before = 'exec 8<oldroot/user-data/persistent/file';
    expect(await machine.run({ before, run: '/shutdown reboot 8<&-; exit 1' })).toBe('rebooted');
    expect(machine.log).toMatch(/\/dev\/loop\d+ is still in use by 1 \(.*\) : made read-only$/m);
    expect(await machine.stateOf('disk')).toBe('clean');
  });

  it('lets go of volumes and of what device-mapper has, by the programs of the runtime', async () => {
    using machine = new WayDownRig();
    const before = `${RUNTIME}; mkdir -p sys/block/drbd4 sys/block/dm-0/dm; echo 'scratch one' >sys/block/dm-0/dm/name`;
    expect(await machine.run({ before })).toBe('rebooted');
    expect(machine.witness.split('\n')).toEqual([
      'drbdsetup secondary voron-gcode',
      'drbdsetup down voron-gcode',
      'dmsetup remove --noudevsync --noudevrules scratch one',
      '',
    ]);
  });

  it('stops an array of md as mdadm does, by what the kernel has for it', async () => {
    using machine = new WayDownRig();
    const before = `mkdir -p sys/block/md0/md; : >sys/block/md0/md/array_state; echo active >witness
mount --bind "$ROOT/witness" sys/block/md0/md/array_state`;
    expect(await machine.run({ before })).toBe('rebooted');
    expect(machine.witness).toBe('clear\n');
  });

  describe('into another kernel', () => {
    const run = 'exec /shutdown kexec';

    it('is by the kexec of the runtime, which is tried before anything is unmounted', async () => {
      using machine = new WayDownRig();
      // Where systemd leaves it: in the old root's /run, of which the new one has what is mounted in it not.
      const before = `mkdir -p run/initramfs/rt oldroot/run; mount --bind run oldroot/run
mount -t tmpfs tmpfs oldroot/run/initramfs/rt
(cd oldroot; ${RUNTIME}); echo 1 >sys/kernel/kexec_loaded`;
      // The stub comes back, as kexec(8) does where the kernel refuses.
      expect(await machine.run({ run, before })).toBe('rebooted');
      expect(machine.witness).toBe('kexec --version\nkexec -e -x -y\n');
      expect(await machine.stateOf('disk')).toBe('clean');
    });

    it('is a reboot where none is loaded, and that is told', async () => {
      using machine = new WayDownRig();
      expect(await machine.run({ run, before: RUNTIME })).toBe('rebooted');
      expect(machine.witness).toBe('');
      expect(machine.log).toContain('no kernel is loaded for kexec');
    });
  });
});

/** The system's own folder, as the boot left it; its way down is run by a shell of the system, which goes on afterwards. */
const STOPPING = '/bin/sh /run/initramfs/stopping';
const CYCLE = '{ "cycle": 17, "slot": "a", "bootId": "x", "windowMs": 300000 }';
const keepsCycles = (text = CYCLE) => `printf %s '${text}' >run/statectl/cycle.json`;

describe.skipIf(!canGoDown()).concurrent('the way down of a system that does not go by /run/initramfs/shutdown', () => {
  const disk = 'user-data';
  const run = (words: string, after = 'cat /proc/mounts >/witness') => `${STOPPING} ${words}; ${after}; exit 3`;

  it('leaves disks clean, also what lies on them, and lets the system end itself', async () => {
    using machine = new WayDownRig();
    const before = `truncate -s 16M user-data/file; mkfs.ext4 -q user-data/file; own user-data/file; mount $device oldroot/mnt
mkdir -p home; mount --bind user-data home; own "$ROOT/other"; mkdir var; mount $device var
(trap '' TERM; exec sleep 1003) >user-data/open &`;
    expect(await machine.run({ disk, before, run: run('disks reboot') })).toBe('3: ');
    expect(await machine.stateOf('disk')).toBe('clean');
    expect(await machine.stateOf('other')).toBe('clean');
    // What the system's scripts live in is there for those that come.
    const mounted = machine.witness.split('\n').map((line) => line.split(' ').slice(1, 4).join(' '));
    expect(mounted).toContainEqual(expect.stringMatching(/^\/var ext4 ro,/));
    expect(mounted.join('\n')).not.toMatch(/^\/(home|oldroot\/mnt) /m);
    expect(await machine.read('/persistent/logs/down.log')).toMatch(/reboot: the disks of this system\n/);
  });

  it('leaves evidence for the verdict of the next boot, of this cycle and this boot', async () => {
    using machine = new WayDownRig();
    expect(await machine.run({ disk, before: keepsCycles(), run: run('evidence', ':') })).toBe('3: ');
    const file = '/persistent/statectl/cycle/stopping.json';
    // As the next boot reads it.
    const next = memoryHost({ files: { [`/user-data${file}`]: await machine.read(file) } });
    const boot = { cycle: 17, bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() };
    const { evidence, faults } = await readEvidence(next, boot);
    expect(faults).toEqual([]);
    expect(Math.abs(Date.now() - (evidence.stopping?.atMs ?? 0))).toBeLessThan(60_000);
  });

  it.each([
    ['keeps no cycle', ''],
    ['has a cycle that says nothing', keepsCycles('{}')],
    ['has no disk', `${keepsCycles()}; umount user-data`],
    ['has its disk read-only', `${keepsCycles()}; mount -o remount,ro user-data`],
  ])('leaves none on a machine that %s', async (_why, before) => {
    using machine = new WayDownRig();
    expect(await machine.run({ disk, before, run: run('evidence', 'ls -R /user-data >/witness') })).toBe('3: ');
    expect(machine.witness).not.toContain('stopping.json');
  });

  it('takes back its own evidence when the system goes on, and no other', async () => {
    using machine = new WayDownRig();
    const list = 'ls -A /user-data/persistent/statectl/cycle >>/witness; echo - >>/witness';
    const words = [
      `${STOPPING} evidence; ${list}; ${STOPPING} withdraw; ${list}`,
      `${STOPPING} evidence; sed -i s/bootId.*/another/ /user-data/persistent/statectl/cycle/stopping.json`,
      `${STOPPING} withdraw; ${list}; exit 3`,
    ];
    expect(await machine.run({ disk, before: keepsCycles(), run: words.join('; ') })).toBe('3: ');
    expect(machine.witness).toBe('stopping.json\n-\n-\nstopping.json\n-\n');
  });

  it('makes its programs executable where /run forbids them, for systemd too', async () => {
    using machine = new WayDownRig();
    const before = `${keepsCycles()}; mount --rbind run run; mount -o remount,bind,noexec run
cp "$(command -v mount)" bin; cp -r /lib /lib64 . 2>/dev/null || true`;
    const after = 'test -x /run/initramfs/shutdown && ls /user-data/persistent/statectl/cycle >/witness';
    expect(await machine.run({ disk, before, run: run('evidence', after) })).toBe('3: ');
    expect(machine.witness).toBe('stopping.json\n');
  });

  it('bounds a script of the system that waits for ever', async () => {
    using machine = new WayDownRig();
    const before = `printf '#!/bin/sh\\necho "$1" >>/witness; exec sleep 1004' >script; chmod 755 script`;
    const commandLine = 'rd.shutdown.timeout.umount=0';
    expect(await machine.run({ disk, before, commandLine, run: run('within /script stop', ':') })).toBe('3: ');
    expect(machine.witness).toBe('stop\n');
    expect(machine.log).toContain('gave up /script stop after 10 s');
  });

  it('goes into the kernel that is loaded where the system has no kexec(8) of its own', async () => {
    using machine = new WayDownRig();
    const before = `${RUNTIME}; echo 1 >sys/kernel/kexec_loaded`;
    // The stub comes back, as kexec(8) does where the kernel refuses.
    expect(await machine.run({ disk, before, run: run('disks reboot', ':') })).toBe('rebooted');
    expect(machine.witness).toBe('kexec -e -x -y\n');
    using other = new WayDownRig();
    const own = `${before}; mkdir -p etc/init.d; printf '#!/bin/sh\\n' >etc/init.d/kexec; chmod 755 etc/init.d/kexec`;
    expect(await other.run({ disk, before: own, run: run('disks reboot', ':') })).toBe('3: ');
    expect(other.witness).toBe('');
  });
});

// Not beside the others: sync(2) waits for all disks.
describe.skipIf(!canGoDown())('the way down of a machine with a disk that does not answer', () => {
  it('gives up what never lets go of its disk after the limit, says so, and leaves the other disks clean', async () => {
    using machine = new WayDownRig();
    const outside = 'own "$ROOT/other"; hang $device oldroot/mnt';
    expect(await machine.run({ outside, commandLine: 'rd.shutdown.timeout.umount=2' })).toBe('rebooted');
    expect(machine.log).toMatch(/gave up to unmount \/oldroot\/mnt \(\/dev\/loop\d+, fuseblk\) after 2 s$/m);
    expect(await machine.stateOf('disk')).toBe('clean');
    expect(await machine.read('/persistent/logs/down.log')).toContain('gave up to unmount /oldroot/mnt');
  });

  it('ends the machine itself where a disk does not answer: the sync(2) of reboot(8) would wait for it', async () => {
    using machine = new WayDownRig();
    const outside = 'own "$ROOT/other"; mkdir mnt; hang $device mnt';
    const commandLine = 'rd.shutdown.timeout.umount=1';
    expect(await machine.run({ disk: 'user-data', outside, commandLine, run: `${STOPPING} disks poweroff` })).toBe(
      'powered off',
    );
    expect(machine.log).toMatch(/gave up to unmount \/mnt \(\/dev\/loop\d+, fuseblk\) after 1 s$/m);
    expect(await machine.stateOf('disk')).toBe('clean');
  });
});
