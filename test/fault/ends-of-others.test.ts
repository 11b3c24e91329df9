import { expect, it } from 'vitest';
import { boot, EXIT } from '../../src/boot/boot.ts';
import { IN_SYSROOT } from '../../src/boot/roots.ts';
import { BOOT_RECORD } from '../../src/machine/paths.ts';
import { machineHost } from '../../src/machine/roots.ts';
import { readCycle, writeEvidence } from '../../src/slots/evidence.ts';
import { cloneDisk, type Disk, userDataDisk } from '../fixtures/disks/disk.ts';
import { failingHost, Stopped } from '../fixtures/hosts/failing.ts';
import { createImage, createServer } from '../fixtures/image/image.ts';
import { bootHost, type Machine, SERVER } from '../fixtures/machine.ts';

const IMAGE = createImage({ version: '20261120.1', sizeBytes: 20_000 });
const RECORD = '/sys/fs/pstore/dmesg-erst-1';
const PANIC = 'Panic#1 Part1\n<0>[ 9.1] Kernel panic - not syncing: of a boot\n';

const machineWith = (disk: Disk): Machine => bootHost({ images: [IMAGE], disks: [disk] });

async function panicked(machine: Machine): Promise<Machine> {
  await machine.files.mkdir('/sys/fs/pstore');
  await machine.files.write(RECORD, PANIC);
  return machine;
}

/** Its system started, and was cut off. */
async function startedAndCut(): Promise<Disk> {
  const disk = userDataDisk();
  const machine = bootHost({ images: [IMAGE], disks: [disk], servers: { [SERVER]: createServer(IMAGE) } });
  expect(await boot(machine)).toBe(EXIT.handOver);
  const host = machineHost(machine, IN_SYSROOT);
  const { cycle } = await readCycle(host);
  if (!cycle) throw new Error('this boot keeps no cycle');
  await writeEvidence(host, 'started', cycle, { checks: ['root'] });
  return disk;
}

/** A boot that the power ends right before this effect. */
async function cutEarly(disk: Disk, before: RegExp, prepare = async (machine: Machine) => machine): Promise<void> {
  const probe = failingHost(await prepare(machineWith(cloneDisk(disk))), { at: 1e6, how: 'stop' });
  await boot(probe);
  const at = probe.asked.findIndex((effect) => before.test(effect)) + 1;
  expect(at).toBeGreaterThan(0);
  await boot(failingHost(await prepare(machineWith(disk)), { at, how: 'stop' })).catch((error: unknown) => {
    if (!(error instanceof Stopped)) throw error;
  });
}

async function verdictOf(machine: Machine): Promise<string> {
  expect(await boot(machine)).toBe(EXIT.handOver);
  return JSON.parse(await machine.files.readText(BOOT_RECORD)).cycle.before.verdict;
}

it('a panic of a boot that came to no cycle is not that of the system before it, which was cut off', async () => {
  const disk = await startedAndCut();
  await cutEarly(disk, /cycle\/journal/);
  expect(await verdictOf(await panicked(machineWith(disk)))).toBe('UNCLEAN_STOP');
});

it('nor is it told of the next one, where the power went before its record was kept', async () => {
  const disk = await startedAndCut();
  await cutEarly(disk, /cycle\/journal/);
  await cutEarly(disk, /pstore-kept/, panicked);
  expect(await verdictOf(await panicked(machineWith(disk)))).toBe('INTERRUPTED');
});

it('its own panic stays its verdict, though the boot that saw it was cut and the store is empty then', async () => {
  const disk = await startedAndCut();
  await cutEarly(disk, /cycle\/journal/, panicked);
  expect(await verdictOf(machineWith(disk))).toBe('CRASHED');
});
