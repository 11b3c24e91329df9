import { expect, it } from 'vitest';
import { boot, EXIT } from '../../src/boot/boot.ts';
import { IN_SYSROOT, USER_DATA_EARLY } from '../../src/boot/roots.ts';
import { machineHost } from '../../src/machine/roots.ts';
import { readKey } from '../../src/slots/cycle-key.ts';
import { readCycle, writeEvidence } from '../../src/slots/evidence.ts';
import { readCopy, reconcile } from '../../src/slots/journal.ts';
import { JOURNAL_FILE, KEY_FILE } from '../../src/slots/look-at-cycles.ts';
import { type Disk, userDataDisk } from '../fixtures/disks/disk.ts';
import { unreadableHost } from '../fixtures/hosts/unreadable.ts';
import { createImage, createServer, type TestImage } from '../fixtures/image/image.ts';
import { bootHost, type Machine, SERVER } from '../fixtures/machine.ts';

const OLD = createImage({ version: '20261120.1', sizeBytes: 20_000 });
const NEW = createImage({ version: '20261121.1', sizeBytes: 20_000 });
const NEWEST = createImage({ version: '20261122.1', sizeBytes: 20_000 });
const IMAGES = '/user-data/persistent/images';
/** As a boot sees it. */
const EARLY = `${USER_DATA_EARLY}/persistent/images`;
const digestIn = ({ manifest }: TestImage) => manifest.root.sha256;

const machineWith = (disk: Disk, image?: TestImage): Machine =>
  bootHost({
    images: [OLD, NEW, NEWEST],
    disks: [disk],
    ...(image && { servers: { [SERVER]: createServer(image) } }),
  });

async function healthy(machine: Machine): Promise<void> {
  const host = machineHost(machine, IN_SYSROOT);
  const { cycle } = await readCycle(host);
  if (!cycle) throw new Error('this boot keeps no cycle');
  await writeEvidence(host, 'started', cycle, { checks: ['root'] });
  await writeEvidence(host, 'stopping', cycle, {});
}

/** Both systems were healthy, the new one last. */
async function twoSystems(): Promise<Disk> {
  const disk = userDataDisk();
  for (const image of [OLD, NEW]) {
    const machine = machineWith(disk, image);
    expect(await boot(machine)).toBe(EXIT.handOver);
    await healthy(machine);
  }
  return disk;
}

async function stateOf(machine: Machine) {
  const host = machineHost(machine, IN_SYSROOT);
  const key = readKey(await host.files.readText(KEY_FILE));
  return reconcile([await readCopy(host, JOURNAL_FILE, key)], key).state;
}

it.each([
  ['its manifest', `${EARLY}/${digestIn(NEW)}/manifest.json`],
  ['its signature', `${EARLY}/${digestIn(NEW)}/manifest.json.sig`],
])(
  'a disk that does not give %s (F8): the other system is booted, the one is told and neither forgotten nor deleted',
  async (_what, path) => {
    const disk = await twoSystems();
    const machine = machineWith(disk);
    expect(await boot(unreadableHost(machine, [path]))).toBe(EXIT.handOver);
    expect(machine.mountedImages).toEqual([digestIn(OLD)]);
    expect(machine.lines.map(({ text }) => text).join('\n')).toContain('UNREADABLE');
    const known = await stateOf(machine);
    expect([known?.a?.digest, known?.b?.digest]).toEqual([digestIn(OLD), digestIn(NEW)]);
    await healthy(machine);
    const again = machineWith(disk);
    expect(await boot(again)).toBe(EXIT.handOver);
    expect((await stateOf(again))?.b).toMatchObject({ digest: digestIn(NEW), state: 'GOOD', healthyCycles: 1 });
  },
);

it('a disk that cannot list its images (F8) forgets no system', async () => {
  const disk = await twoSystems();
  const machine = machineWith(disk);
  await boot(unreadableHost(machine, [EARLY]));
  expect(machine.lines.map(({ text }) => text).join('\n')).toContain('none is forgotten for it');
  const again = machineWith(disk);
  expect(await boot(again)).toBe(EXIT.handOver);
  expect(again.mountedImages).toEqual([digestIn(NEW)]);
});

it('a new image deletes nothing of one that cannot be read (F8)', async () => {
  const disk = await twoSystems();
  const machine = machineWith(disk, NEWEST);
  expect(await boot(unreadableHost(machine, [`${EARLY}/${digestIn(NEW)}/manifest.json`]))).toBe(EXIT.handOver);
  expect(machine.mountedImages).toEqual([digestIn(NEWEST)]);
  expect(await machineHost(machine, IN_SYSROOT).files.list(IMAGES)).toEqual(
    expect.arrayContaining([OLD, NEW, NEWEST].map(digestIn)),
  );
});
