import { expect, it } from 'vitest';
import { boot, EXIT } from '../../../src/boot/boot.ts';
import { IN_SYSROOT } from '../../../src/boot/roots.ts';
import type { Seed } from '../../../src/host/memory/seed.ts';
import { plant } from '../../../src/host/memory/seed.ts';
import { BOOT_RECORD } from '../../../src/machine/paths.ts';
import { machineHost } from '../../../src/machine/roots.ts';
import { readCycle, writeEvidence } from '../../../src/slots/evidence.ts';
import { JOURNAL_FILE, KEY_FILE } from '../../../src/slots/look-at-cycles.ts';
import { type Disk, userDataDisk } from '../../fixtures/disks/disk.ts';
import { createImage, createServer, type TestImage } from '../../fixtures/image/image.ts';
import { bootHost, type Machine, type MachineOptions, SERVER } from '../../fixtures/machine.ts';

const OLD = createImage({ version: '20261120.1', sizeBytes: 20_000 });
const NEW = createImage({ version: '20261121.1', sizeBytes: 20_000 });
const IMAGES = [OLD, NEW];
const served = (image: TestImage): MachineOptions => ({ images: IMAGES, servers: { [SERVER]: createServer(image) } });
const ALONE: MachineOptions = { images: IMAGES };

async function booted(disks: readonly Disk[], options: MachineOptions): Promise<Machine> {
  const machine = bootHost({ ...options, disks });
  expect({ exit: await boot(machine), said: machine.lines.at(-2)?.text }).toMatchObject({ exit: EXIT.handOver });
  return machine;
}
const running = (machine: Machine) => machineHost(machine, IN_SYSROOT);
const recordOf = async (machine: Machine) => JSON.parse(await machine.files.readText(BOOT_RECORD));
const digestIn = ({ manifest }: TestImage) => manifest.root.sha256;

/** What the agent and the way down leave. */
async function ends(machine: Machine, how: 'healthy' | 'failed' | 'cut'): Promise<void> {
  const host = running(machine);
  const { cycle } = await readCycle(host);
  if (!cycle || how === 'cut') return;
  if (how === 'failed') return writeEvidence(host, 'failed', cycle, { check: 'service klipper', reason: 'it is dead' });
  await writeEvidence(host, 'started', cycle, { checks: ['root'] });
  await writeEvidence(host, 'stopping', cycle, {});
}

it('a healthy cycle is known by the next boot, which advances the flag and tells the running system of its own', async () => {
  const disks = [userDataDisk()];
  const first = await booted(disks, served(OLD));
  expect(await readCycle(running(first))).toMatchObject({
    cycle: { cycle: 1, slot: 'a', windowMs: 360_000, tries: 2 },
  });
  await ends(first, 'healthy');
  const second = await booted(disks, ALONE);
  expect((await recordOf(second)).cycle).toEqual({
    cycle: 2,
    slot: 'a',
    before: { cycle: 1, slot: 'a', verdict: 'HEALTHY', why: 'it started, and stopped in order' },
    healthyCycles: { a: 1 },
  });
  const flag = JSON.parse(
    await running(second).files.readText(`/user-data/persistent/images/${digestIn(OLD)}/bootflag.json`),
  );
  expect(flag).toMatchObject({ v: 1, slot: 'a', image: digestIn(OLD), cycle: 1, healthyCycles: 1 });
  expect(await readCycle(running(second))).toMatchObject({
    // Nothing else is there: a health that fails keeps it up.
    cycle: { cycle: 2, tries: 3, verdict: 'HEALTHY', act: false },
  });
});

it('a cycle costs at most eight writes, the evidence of the running system with it', async () => {
  const disks = [userDataDisk()];
  for (let cycle = 1; cycle <= 3; cycle += 1) {
    const machine = bootHost({ ...ALONE, ...(cycle === 1 && served(OLD)), disks });
    let writes = 0;
    const counts = (path: string) => {
      if (/\/persistent\/(statectl\/cycle|images\/[^/]*\/bootflag|images\/current)/.test(path)) writes += 1;
    };
    const { write, overwrite } = machine.files;
    const files: Machine['files'] = {
      ...machine.files,
      write: (path, data, options) => {
        counts(path);
        return write(path, data, options);
      },
      overwrite: (path, start, data) => {
        counts(path);
        return overwrite(path, start, data);
      },
    };
    expect(await boot({ ...machine, files })).toBe(EXIT.handOver);
    // Flag, journal and key; the first has the pointer to its image too. Then two signs of life, STARTED and STOPPING.
    expect(writes).toBe(cycle === 1 ? 4 : 3);
    await ends(machine, 'healthy');
  }
});

it('a new image that fails twice is left for the one before, and not installed again', async () => {
  const disks = [userDataDisk()];
  await ends(await booted(disks, served(OLD)), 'healthy');
  for (let tried = 0; tried < 2; tried += 1) {
    const machine = await booted(disks, served(NEW));
    expect(machine.mountedImages).toEqual([digestIn(NEW)]);
    await ends(machine, 'failed');
  }
  for (const options of [served(NEW), ALONE, served(NEW)]) {
    const machine = await booted(disks, options);
    expect(machine.mountedImages).toEqual([digestIn(OLD)]);
    await ends(machine, 'healthy');
  }
});

it('an image on trial that was cut off is tried again without its server', async () => {
  const disks = [userDataDisk()];
  await ends(await booted(disks, served(OLD)), 'healthy');
  await ends(await booted(disks, served(NEW)), 'cut');
  expect((await booted(disks, ALONE)).mountedImages).toEqual([digestIn(NEW)]);
});

it('an image that is damaged is left for the other, in the same boot', async () => {
  const disks = [userDataDisk()];
  await ends(await booted(disks, served(OLD)), 'healthy');
  const machine = await booted(disks, served(NEW));
  await ends(machine, 'healthy');
  const file = `/user-data/persistent/images/${digestIn(NEW)}/root.squashfs`;
  await running(machine).files.overwrite(file, 77, Buffer.from('x'));
  const again = await booted(disks, ALONE);
  expect(again.mountedImages).toEqual([digestIn(OLD)]);
  expect((await recordOf(again)).cycle).toMatchObject({ slot: 'a', before: { slot: 'b', verdict: 'HEALTHY' } });
  // And it is fetched anew, once a server has it.
  await ends(again, 'healthy');
  expect((await booted(disks, served(NEW))).mountedImages).toEqual([digestIn(NEW)]);
});

it('a boot that a person goes on with is the same attempt', async () => {
  const disks = [userDataDisk()];
  await ends(await booted(disks, served(OLD)), 'healthy');
  const machine = await booted(disks, ALONE);
  expect(await boot(machine, { from: 'slot' })).toBe(EXIT.handOver);
  expect((await recordOf(machine)).cycle).toMatchObject({ cycle: 2, slot: 'a' });
});

it('a machine without a disk, that keeps no copy, or has no agent to say that it started, keeps no cycle', async () => {
  for (const [disks, config] of [
    [[], {}],
    [[userDataDisk()], { 'system/boot.conf': 'keepCopy: false\n' }],
    [[userDataDisk()], { 'controller/server/server.info.conf': 'agent: off\n' }],
  ] as const) {
    const machine = await booted(disks, { ...served(OLD), config });
    expect(await readCycle(running(machine))).toEqual({});
    expect((await recordOf(machine)).cycle).toBeUndefined();
  }
});

const HOSTILE: Readonly<Record<string, Seed>> = {
  'a folder': { type: 'dir' },
  'a pipe': { type: 'fifo' },
  'a link to itself': { target: 'journal' },
  noise: Buffer.alloc(8192, 7),
  'a huge file': Buffer.alloc(1 << 20),
};

it.each(Object.entries(HOSTILE))(
  '%s in the place of journal, key or flag stops no boot, and the next cycles count',
  async (_what, seed) => {
    for (const path of [JOURNAL_FILE, KEY_FILE, `/user-data/persistent/images/${digestIn(OLD)}/bootflag.json`]) {
      const disks = [userDataDisk()];
      await ends(await booted(disks, served(OLD)), 'healthy');
      const onDisk = path.slice('/user-data'.length);
      const [disk] = disks;
      if (disk) {
        const folder = onDisk.slice(0, onDisk.lastIndexOf('/'));
        const name = onDisk.slice(folder.length + 1);
        let at = disk.root;
        for (const part of folder.split('/').filter(Boolean)) at = at.entries.get(part) ?? at;
        at.entries.delete(name);
        plant(disk.root, onDisk, seed, 0);
      }
      const machine = await booted(disks, ALONE);
      expect(machine.mountedImages).toEqual([digestIn(OLD)]);
      await ends(machine, 'healthy');
      const { cycle } = await recordOf(await booted(disks, ALONE));
      expect(cycle).toMatchObject({ slot: 'a', before: { verdict: 'HEALTHY' } });
    }
  },
);

it('a disk that takes no journal boots all the same, loudly, and nobody leaves evidence', async () => {
  const disks = [userDataDisk()];
  await ends(await booted(disks, served(OLD)), 'healthy');
  const machine = bootHost({ ...ALONE, disks });
  const refuse = async (): Promise<never> => {
    throw Object.assign(new Error('EROFS: read-only file system'), { code: 'EROFS' });
  };
  const files: Machine['files'] = { ...machine.files, overwrite: refuse };
  expect(await boot({ ...machine, files })).toBe(EXIT.handOver);
  expect(machine.lines.filter(({ level }) => level === 'warning').map(({ text }) => text)).toContainEqual(
    expect.stringContaining('NO CYCLE IS COUNTED in this boot'),
  );
  expect(await readCycle(running(machine))).toEqual({});
  // What the cycle before left is there still, and judged by the boot that can write.
  expect((await recordOf(await booted(disks, ALONE))).cycle.before).toMatchObject({ cycle: 1, verdict: 'HEALTHY' });
});
