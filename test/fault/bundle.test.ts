import { describe, expect, it } from 'vitest';
import { boot, EXIT } from '../../src/boot/boot.ts';
import { readKeptBundle } from '../../src/fetch/kept-bundle.ts';
import { find } from '../../src/host/memory/tree.ts';
import type { BootRecord } from '../../src/machine/boot-record.ts';
import { BUNDLES } from '../../src/machine/delivery/take-bundle.ts';
import { BOOT_RECORD, JOURNAL } from '../../src/machine/paths.ts';
import { createBundle, createContent, createFile, type TestBundle, withBundle } from '../fixtures/bundle.ts';
import { cloneDisk, type Disk, userDataDisk } from '../fixtures/disks/disk.ts';
import { type Failure, failingHost } from '../fixtures/hosts/failing.ts';
import { createImage, createServer, TRUSTED_KEY } from '../fixtures/image/image.ts';
import { bootHost, type Machine, SERVER } from '../fixtures/machine.ts';

const IMAGE = createImage({ sizeBytes: 5000 });
/** Both bring /root/both; each has a file of its own in a place that persists. */
const bundleOf = (name: string, sequence: number): TestBundle => {
  const files = [
    createFile(`/root/${name}`),
    createFile('/root/both', { content: name, owner: '7' }),
    createFile('/etc/motd'),
  ];
  return createBundle({ content: createContent(files), sequence });
};
const OLD = bundleOf('old', 1000);
const NEW = bundleOf('new', 2000);

const machineOf = (disk: Disk, bundle?: TestBundle): Machine =>
  bootHost({
    images: [IMAGE],
    disks: [disk],
    ...(bundle && { servers: { [SERVER]: withBundle(bundle, createServer(IMAGE)) } }),
  });

async function bootFailing(
  disk: Disk,
  failure: Failure,
): Promise<{ readonly effects: number; readonly machine: Machine }> {
  const machine = machineOf(disk, NEW);
  const failing = failingHost(machine, failure);
  const append: Machine['files']['append'] = (path, data) =>
    (path === JOURNAL ? machine.files : failing.files).append(path, data);
  await boot({ ...failing, files: { ...failing.files, append } }).catch(() => undefined);
  return { effects: failing.effects, machine };
}

/** The bundle that the disk has now; one that is not whole throws. */
async function keptOn(disk: Disk): Promise<number | undefined> {
  const seen = machineOf(disk);
  await seen.files.mkdir('/look/user-data');
  await seen.exec.run(['mount', '-t', 'ext4', '/dev/vdb', '/look/user-data']);
  return (await readKeptBundle(seen, `/look${BUNDLES}`, [TRUSTED_KEY.publicPem]))?.manifest.sequence;
}

const filesOn = (disk: Disk): readonly string[] => [
  ...find(disk.root, '/persistent/local/root', 'follow', 'open').entries.keys(),
];

const FIRST = userDataDisk();
expect(await boot(machineOf(FIRST, OLD))).toBe(EXIT.handOver);

describe.each<[string, () => Disk, readonly (number | undefined)[]]>([
  ['while a new bundle takes the place of the kept one', () => cloneDisk(FIRST), [1000, 2000]],
  ['while the first bundle is kept', () => userDataDisk(), [undefined, 2000]],
])('%s', (_title, makeDisk, allowed) => {
  it.each(['stop', 'torn'] as const)(
    'the power may go at any time: the one or the other is whole (%s)',
    async (how) => {
      const seen = new Set<number | undefined>();
      for (let at = 1; ; at += 1) {
        const disk = makeDisk();
        const { effects } = await bootFailing(disk, { at, how });
        if (effects < at) break;
        const kept = await keptOn(disk);
        expect(allowed, `at effect ${at}`).toContain(kept);
        seen.add(kept);
        // Without its server the machine is what the kept one says; with it, the new one, and nothing is left of the old.
        const alone = machineOf(cloneDisk(disk));
        if ((await boot(alone)) === EXIT.handOver)
          expect((JSON.parse(await alone.files.readText(BOOT_RECORD)) as BootRecord).bundle?.sequence).toBe(kept);
        expect(await boot(machineOf(disk, NEW)), `at effect ${at}`).toBe(EXIT.handOver);
        expect(await keptOn(disk)).toBe(2000);
        expect(
          filesOn(disk)
            .filter((name) => !name.startsWith('.'))
            .toSorted(),
        ).toEqual(['both', 'new']);
      }
      expect(seen).toEqual(new Set(allowed));
    },
  );

  it('any one thing may fail: the machine boots by one of them, or says what failed', async () => {
    for (let at = 1; ; at += 1) {
      const disk = makeDisk();
      const { effects, machine } = await bootFailing(disk, { at, how: 'error' });
      if (effects < at) break;
      expect(allowed, `at effect ${at}`).toContain(await keptOn(disk));
      expect(await boot(machine), `at effect ${at}`).toBe(EXIT.handOver);
    }
  });
});
