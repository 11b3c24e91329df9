import { describe, expect, it } from 'vitest';
import { boot, EXIT } from '../../../src/boot/boot.ts';
import { rawPartition } from '../../fixtures/disks/disk.ts';
import {
  booted,
  type Corruption,
  damage,
  emptyDisks,
  failed,
  filledDisks,
  holds,
  machineOf,
  NEW,
  OLD,
  provedDisks,
  wasHealthy,
} from '../../fixtures/slots/partition-machine.ts';

/** Longer than what is looked at of both ends. */
const SLOT_BYTES = 3 << 20;

const textsOf = ({ lines }: { readonly lines: readonly { readonly text: string }[] }) =>
  lines.map(({ text }) => text).join('\n');

describe('a machine whose slots are partitions', () => {
  it('writes the first image to slot a, and boots it from there when its server is gone', async () => {
    const disks = emptyDisks();
    const first = await booted(disks, { offers: OLD });
    expect([first.version, first.slot, holds(disks.a, OLD)]).toEqual([OLD.manifest.version, 'a', true]);
    expect(first.journal?.a).toMatchObject({ state: 'FRESH', digest: OLD.manifest.root.sha256 });
    expect(first.machine.mounts.find(({ target }) => target.endsWith('/image'))).toMatchObject({ source: '/dev/vdc1' });
    await wasHealthy(first.machine);
    const again = await booted(disks);
    expect([again.version, again.slot, again.record.cycle?.before?.verdict]).toEqual([
      OLD.manifest.version,
      'a',
      'HEALTHY',
    ]);
  });

  it('writes a new image over the slot that is worth less, and keeps the one that was healthy', async () => {
    const disks = await filledDisks();
    expect([holds(disks.a, OLD), holds(disks.b, NEW)]).toEqual([true, true]);
    const { version, slot, journal } = await booted(disks);
    expect([version, slot]).toEqual([NEW.manifest.version, 'b']);
    expect(journal?.b).toMatchObject({ state: 'GOOD', healthyCycles: 1 });
  });

  it('keeps nothing of an image in the store once it is on its partition', async () => {
    const disks = await filledDisks();
    const { machine } = await booted(disks);
    expect(await machine.files.list('/sysroot/user-data/persistent/images').catch(() => [])).toEqual([]);
  });

  it('goes back to the backup where the new system fails its tries', async () => {
    const disks = emptyDisks();
    await wasHealthy((await booted(disks, { offers: OLD })).machine);
    for (const _try of [1, 2]) await failed((await booted(disks, { offers: NEW })).machine);
    const { version, slot, journal } = await booted(disks, { offers: NEW });
    expect([version, slot, journal?.b?.state]).toEqual([OLD.manifest.version, 'a', 'BAD']);
  });

  it.each([
    { corruption: 'bailout', version: OLD.manifest.version, slot: 'a', b: false },
    { corruption: 'clone', version: OLD.manifest.version, slot: 'b', b: true },
    { corruption: 'auto', version: OLD.manifest.version, slot: 'b', b: true },
  ] as const)('answers damage of the active slot by $corruption', async ({ corruption, version, slot, b }) => {
    const disks = await filledDisks();
    damage(disks.b);
    const after = await booted(disks, { corruption });
    expect([after.version, after.slot, holds(disks.b, OLD), holds(disks.a, OLD)]).toEqual([version, slot, b, true]);
  });

  it('fetches a damaged system again where a server has it', async () => {
    const disks = await filledDisks();
    damage(disks.b);
    const { version, slot } = await booted(disks, { offers: NEW });
    expect([version, slot, holds(disks.b, NEW)]).toEqual([NEW.manifest.version, 'b', true]);
  });

  it.each(['bailout', 'clone', 'auto'] as const)(
    'never copies a backup that is damaged as well (%s), and writes nothing',
    async (corruption: Corruption) => {
      const disks = await filledDisks();
      damage(disks.a);
      damage(disks.b);
      const before = [disks.a, disks.b].map(({ raw }) => Buffer.from(raw?.data ?? ''));
      const machine = machineOf(disks, { corruption });
      expect(await boot(machine)).not.toBe(EXIT.handOver);
      expect([disks.a, disks.b].map(({ raw }) => raw?.data)).toEqual(before);
    },
  );

  it.each([
    ['ext', Buffer.from('\x53\xef', 'latin1'), 1080],
    ['data of no known kind', Buffer.from('my tax papers'), 20_000],
    // Of metadata 1.0: it begins 8 KiB before the end.
    ['a member of a RAID', Buffer.from('\xfc\x4e\x2b\xa9', 'latin1'), SLOT_BYTES - 8192],
    ['data of no known kind', Buffer.from('the last page'), SLOT_BYTES - 4096],
  ])('touches no partition with %s that is nobody of ours: the image is booted from RAM', async (what, bytes, at) => {
    const empty = Buffer.alloc(SLOT_BYTES);
    bytes.copy(empty, at);
    const disks = { ...emptyDisks(), a: rawPartition('vdc1', 'slot-a', empty) };
    const before = Buffer.from(disks.a.raw?.data ?? '');
    const { machine, version } = await booted(disks, { offers: OLD });
    expect(version).toBe(OLD.manifest.version);
    expect(disks.a.raw?.data.equals(before)).toBe(true);
    expect(textsOf(machine)).toContain(`/dev/vdc1 is not touched: it has ${what}`);
  });

  it('installs no new image where the partition of the backup is missing, and boots the one that is there', async () => {
    const { state, b } = await filledDisks();
    const { machine, version, slot } = await booted({ state, b }, { offers: OLD });
    expect([version, slot, holds(b, NEW)]).toEqual([NEW.manifest.version, 'b', true]);
    expect(textsOf(machine)).toContain('the partition PARTLABEL=slot-a is not there');
  });

  it('installs no new image where the partition of the backup was never there', async () => {
    const { b: _never, ...disks } = emptyDisks();
    await wasHealthy((await booted(disks, { offers: OLD })).machine);
    const { version, slot } = await booted(disks, { offers: NEW });
    expect([version, slot, holds(disks.a, OLD)]).toEqual([OLD.manifest.version, 'a', true]);
  });

  it('boots what an earlier layout had in the store where its partitions are somebody else’s, without a server', async () => {
    const foreign = Buffer.alloc(SLOT_BYTES);
    foreign.write('LABELONE', 512);
    const disks = {
      ...emptyDisks(),
      a: rawPartition('vdc1', 'slot-a', foreign),
      b: rawPartition('vdc2', 'slot-b', foreign),
    };
    await wasHealthy((await booted(disks, { offers: OLD, kind: 'file' })).machine);
    const { version } = await booted(disks);
    expect([version, disks.a.raw?.data.equals(foreign)]).toEqual([OLD.manifest.version, true]);
  });

  it('takes what an earlier layout had in the store to its partition, without a server', async () => {
    const disks = emptyDisks();
    await wasHealthy((await booted(disks, { offers: OLD, kind: 'file' })).machine);
    const { version, slot } = await booted(disks);
    expect([version, slot, holds(disks.a, OLD)]).toEqual([OLD.manifest.version, 'a', true]);
    expect((await booted(disks)).version).toBe(OLD.manifest.version);
  });

  it('makes the system the backup, too, that was healthy three times and for a day, and no other', async () => {
    const disks = await filledDisks();
    await wasHealthy((await booted(disks)).machine);
    await wasHealthy((await booted(disks)).machine);
    const soon = await booted(disks);
    expect([soon.journal?.b?.healthyCycles, holds(disks.a, OLD)]).toEqual([3, true]);
    const proved = await provedDisks();
    const { slot, journal, machine } = await booted(proved);
    expect([slot, holds(proved.a, NEW), holds(proved.b, NEW)]).toEqual(['b', true, true]);
    expect(journal?.a).toMatchObject({ state: 'FRESH', digest: NEW.manifest.root.sha256 });
    await wasHealthy(machine);
    const next = await booted(proved);
    expect([next.slot, textsOf(next.machine).includes('copy /dev/')]).toEqual(['b', false]);
    damage(proved.b);
    const mended = await booted(proved, { corruption: 'bailout' });
    expect([mended.slot, mended.version]).toEqual(['a', NEW.manifest.version]);
  });

  it('leaves the backup as it is where the system that proved itself is damaged now', async () => {
    const disks = await provedDisks();
    damage(disks.b);
    const { slot } = await booted(disks, { corruption: 'bailout' });
    expect([slot, holds(disks.a, OLD)]).toEqual(['a', true]);
  });
});
