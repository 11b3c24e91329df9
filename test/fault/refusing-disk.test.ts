import { expect, it } from 'vitest';
import { boot, EXIT } from '../../src/boot/boot.ts';
import { IN_SYSROOT, USER_DATA_EARLY } from '../../src/boot/roots.ts';
import { BOOT_RECORD } from '../../src/machine/paths.ts';
import { machineHost } from '../../src/machine/roots.ts';
import { readCycle, writeEvidence } from '../../src/slots/evidence.ts';
import { cloneDisk, type Disk, userDataDisk } from '../fixtures/disks/disk.ts';
import { refusingHost } from '../fixtures/hosts/refusing.ts';
import { createImage, createServer, type TestImage } from '../fixtures/image/image.ts';
import { bootHost, type Machine, type MachineOptions, SERVER } from '../fixtures/machine.ts';

const OLD = createImage({ version: '20261120.1', sizeBytes: 20_000 });
const NEW = createImage({ version: '20261121.1', sizeBytes: 20_000 });
const IMAGES = [OLD, NEW];
const served = (image: TestImage): MachineOptions => ({ images: IMAGES, servers: { [SERVER]: createServer(image) } });
const ALONE: MachineOptions = { images: IMAGES };

async function booted(disk: Disk, options: MachineOptions): Promise<Machine> {
  const machine = bootHost({ ...options, disks: [disk] });
  expect({ exit: await boot(machine), said: machine.lines.at(-2)?.text }).toMatchObject({ exit: EXIT.handOver });
  return machine;
}

/** The system that was booted ended so; a boot that counts nothing has no cycle, and its system says nothing. */
async function ends(machine: Machine, how: 'healthy' | 'failed'): Promise<void> {
  const host = machineHost(machine, IN_SYSROOT);
  const { cycle } = await readCycle(host);
  if (!cycle) throw new Error('this boot keeps no cycle');
  if (how === 'failed') return writeEvidence(host, 'failed', cycle, { check: 'service klipper', reason: 'it is dead' });
  await writeEvidence(host, 'started', cycle, { checks: ['root'] });
  await writeEvidence(host, 'stopping', cycle, {});
}

const recordOf = async (machine: Machine) => JSON.parse(await machine.files.readText(BOOT_RECORD));

it.each([
  ['F10: became read-only', 'EROFS', 'a healthy cycle', ['healthy'], NEW, 'HEALTHY'],
  ['F10: became read-only', 'EROFS', 'the last failed start', ['failed', 'failed'], OLD, 'FAILED_START'],
  ['F9: is full', 'ENOSPC', 'a healthy cycle', ['healthy'], NEW, 'HEALTHY'],
  ['F9: is full', 'ENOSPC', 'the last failed start', ['failed', 'failed'], OLD, 'FAILED_START'],
] as const)(
  'a disk that %s at any effect of a boot (%s) after %s: the right system is booted, it is told, and the next boot with a good disk judges rightly',
  async (_what, code, _title, ending, mounts, verdict) => {
    const whole = userDataDisk();
    await ends(await booted(whole, served(OLD)), 'healthy');
    for (const how of ending) await ends(await booted(whole, served(NEW)), how);
    const cycle = 1 + ending.length;
    let [tried, uncounted] = [0, 0];
    for (let from = 1; ; from += 1) {
      const disk = cloneDisk(whole);
      const machine = bootHost({ ...ALONE, disks: [disk] });
      const refusing = refusingHost(machine, { below: [USER_DATA_EARLY, IN_SYSROOT.userData], from, code });
      const exit = await boot(refusing);
      const told = machine.lines.filter(({ level }) => level !== 'info').map(({ text }) => text);
      expect({ from, exit, told }).toMatchObject({ from, exit: EXIT.handOver });
      if (refusing.asked < from) break;
      tried += 1;
      expect({ from, mounted: machine.mountedImages }).toEqual({ from, mounted: [mounts.manifest.root.sha256] });
      const counted = (await recordOf(machine)).cycle?.number !== undefined;
      if (!counted) uncounted += 1;
      expect({ from, isTold: told.some((text) => text.includes(code)) }).toEqual({
        from,
        isTold: refusing.refused > 0,
      });
      const again = await booted(disk, ALONE);
      const { cycle: judged, ...before } = (await recordOf(again)).cycle.before;
      expect({ from, ...before }).toMatchObject({ from, verdict: judged === cycle ? verdict : 'INTERRUPTED' });
      expect({ from, mounted: again.mountedImages }).toEqual({ from, mounted: [mounts.manifest.root.sha256] });
    }
    expect(tried).toBeGreaterThan(4);
    expect(uncounted).toBeGreaterThan(0);
  },
);

it.each([
  ['F10: becomes read-only', 'EROFS'],
  ['F9: is full', 'ENOSPC'],
] as const)(
  'a disk that %s at any effect of a boot with a new image (%s) costs no boot: it is that of the new image, or of the one before, which stays whole',
  async (_what, code) => {
    const whole = userDataDisk();
    await ends(await booted(whole, served(OLD)), 'healthy');
    let refusals = 0;
    for (let from = 1; ; from += 1) {
      const disk = cloneDisk(whole);
      const machine = bootHost({ ...served(NEW), disks: [disk] });
      const refusing = refusingHost(machine, { below: [USER_DATA_EARLY, IN_SYSROOT.userData], from, code });
      const exit = await boot(refusing);
      expect({ from, exit }).toEqual({ from, exit: EXIT.handOver });
      // What booted yesterday boots today; whoever wants the new one reads why it was not booted.
      const [mounted] = machine.mountedImages;
      const isTold = machine.lines.some(({ level, text }) => level !== 'info' && text.includes(code));
      const isOld = mounted === OLD.manifest.root.sha256;
      expect({ from, isRight: mounted === NEW.manifest.root.sha256 || (isOld && isTold) }).toEqual({
        from,
        isRight: true,
      });
      if (refusing.asked < from) break;
      if (refusing.refused > 0) refusals += 1;
      const alone = await booted(disk, ALONE);
      expect(IMAGES.map(({ manifest }) => manifest.root.sha256)).toContain(alone.mountedImages[0]);
    }
    expect(refusals).toBeGreaterThan(4);
  },
);
