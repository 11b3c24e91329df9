import { expect, it } from 'vitest';
import { boot, EXIT } from '../../src/boot/boot.ts';
import { IN_SYSROOT } from '../../src/boot/roots.ts';
import { BOOT_RECORD } from '../../src/machine/paths.ts';
import { machineHost } from '../../src/machine/roots.ts';
import { readCycle, writeEvidence } from '../../src/slots/evidence.ts';
import { cloneDisk, type Disk, userDataDisk } from '../fixtures/disks/disk.ts';
import { failingHost, Stopped } from '../fixtures/hosts/failing.ts';
import { createImage, createServer, type TestImage } from '../fixtures/image/image.ts';
import { bootHost, type Machine, type MachineOptions, SERVER } from '../fixtures/machine.ts';

const OLD = createImage({ version: '20261120.1', sizeBytes: 20_000 });
const NEW = createImage({ version: '20261121.1', sizeBytes: 20_000 });
const IMAGES = [OLD, NEW];
const served = (image: TestImage): MachineOptions => ({ images: IMAGES, servers: { [SERVER]: createServer(image) } });
const ALONE: MachineOptions = { images: IMAGES };

type How = 'healthy' | 'failed';

async function booted(disks: readonly Disk[], options: MachineOptions): Promise<Machine> {
  const machine = bootHost({ ...options, disks });
  expect({ exit: await boot(machine), said: machine.lines.at(-2)?.text }).toMatchObject({ exit: EXIT.handOver });
  return machine;
}

async function ends(machine: Machine, how: How): Promise<void> {
  const host = machineHost(machine, IN_SYSROOT);
  const { cycle } = await readCycle(host);
  if (!cycle) throw new Error('this boot keeps no cycle');
  if (how === 'failed') return writeEvidence(host, 'failed', cycle, { check: 'service klipper', reason: 'it is dead' });
  await writeEvidence(host, 'started', cycle, { checks: ['root'] });
  await writeEvidence(host, 'stopping', cycle, {});
}

/** A disk with both systems, after these cycles of the new one. */
async function diskAfter(cycles: readonly How[]): Promise<Disk> {
  const disk = userDataDisk();
  await ends(await booted([disk], served(OLD)), 'healthy');
  for (const how of cycles) await ends(await booted([disk], served(NEW)), how);
  return disk;
}

/** The verdicts that the next boots give, from the power cut on. */
const SITUATIONS: Readonly<
  Record<string, { readonly after: readonly How[]; readonly mounts: TestImage; readonly verdict: string }>
> = {
  'a healthy cycle of the new image': { after: ['healthy'], mounts: NEW, verdict: 'HEALTHY' },
  'the first failed start of the new image': { after: ['failed'], mounts: NEW, verdict: 'FAILED_START' },
  'the last failed start of the new image': { after: ['failed', 'failed'], mounts: OLD, verdict: 'FAILED_START' },
};

it.each(Object.entries(SITUATIONS))(
  'the power may go at every effect of a boot after %s: it is judged once, and rightly, and the right system is booted',
  async (_title, { after, mounts, verdict }) => {
    const whole = await diskAfter(after);
    const cycle = 1 + after.length;
    let stops = 0;
    for (const how of ['stop', 'torn'] as const)
      for (let at = 1; ; at += 1) {
        const disk = cloneDisk(whole);
        const machine = bootHost({ ...ALONE, disks: [disk] });
        const failing = failingHost(machine, { at, how });
        const stopped = await boot(failing).then(
          () => false,
          (error) => error instanceof Stopped,
        );
        if (failing.effects < at) break;
        // What concerns the cycle is a few of some hundred effects.
        if (!/cycle|bootflag|current/.test(failing.asked[at - 1] ?? '') && at % 10 !== 0) continue;
        stops += 1;
        const place = `${how} at ${at}, ${failing.asked[at - 1]}`;
        const again = await booted([disk], ALONE);
        const record = JSON.parse(await again.files.readText(BOOT_RECORD));
        const { cycle: judged, ...before } = record.cycle.before;
        // Either the verdict was not durable, and is given again; or it was, and the start that was cut off is judged.
        const wasDurable = judged !== cycle;
        expect({ place, ...before }).toMatchObject({ place, verdict: wasDurable ? 'INTERRUPTED' : verdict });
        expect({ place, mounted: again.mountedImages }).toEqual({ place, mounted: [mounts.manifest.root.sha256] });
        // The statectl before, which knows of no journal, boots the same.
        const current = (await again.files.readText(`${IN_SYSROOT.userData}/persistent/images/current`)).trim();
        expect({ place, current }).toEqual({ place, current: mounts.manifest.root.sha256 });
        expect({ place, stopped: stopped || failing.effects >= at }).toEqual({ place, stopped: true });
      }
    expect(stops).toBeGreaterThan(20);
  },
);

/** ext4 as it says whether it was left in order: `s_state`, and no log to play. */
function superblock(how: 'clean' | 'in use'): Buffer {
  const bytes = Buffer.alloc(4096);
  bytes.writeUInt16LE(1, 1024 + 0x3a);
  bytes.writeUInt32LE(how === 'clean' ? 0 : 4, 1024 + 0x60);
  return bytes;
}

it('a healthy cycle stays one, though the boot after it was cut while it waited for a server, with its disk mounted', async () => {
  const whole = await diskAfter(['healthy']);
  const cut = async (at: number) => {
    const disk = cloneDisk(whole);
    const machine = bootHost({ ...ALONE, disks: [disk] });
    await machine.files.mkdir('/dev');
    await machine.files.write('/dev/vdb', superblock('clean'));
    const failing = failingHost(machine, { at, how: 'stop' });
    await boot(failing).catch((error: unknown) => {
      if (!(error instanceof Stopped)) throw error;
    });
    const again = bootHost({ ...ALONE, disks: [disk] });
    await again.files.mkdir('/dev');
    await again.files.write('/dev/vdb', superblock('in use'));
    expect(await boot(again)).toBe(EXIT.handOver);
    const { cycle } = JSON.parse(await again.files.readText(BOOT_RECORD));
    return { asked: failing.asked, verdict: cycle.before.verdict };
  };
  const { asked } = await cut(1e6);
  const placeOf = (effect: RegExp) => asked.findIndex((each) => effect.test(each)) + 1;
  const [noted, judged] = [placeOf(/rename .*closed/) + 1, placeOf(/cycle\/journal/)];
  for (const at of [noted, Math.floor((noted + judged) / 2), judged])
    expect({ at, ...(await cut(at)) }).toMatchObject({ at, verdict: 'HEALTHY' });
});
