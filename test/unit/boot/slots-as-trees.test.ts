import { describe, expect, it } from 'vitest';
import { boot } from '../../../src/boot/boot.ts';
import { plant } from '../../../src/host/memory/seed.ts';
import { find } from '../../../src/host/memory/tree.ts';
import { type Disk, rawPartition } from '../../fixtures/disks/disk.ts';
import { hasExt4 } from '../../fixtures/slots/memory-trees.ts';
import {
  booted as bootedAs,
  damage,
  emptyDisks,
  filledDisks as filledAs,
  holds,
  machineOf,
  NEW,
  OLD,
  provedDisks,
  wasHealthy,
} from '../../fixtures/slots/partition-machine.ts';

type Booted = typeof bootedAs;
const booted: Booted = (disks, around) => bootedAs(disks, { kind: 'tree', ...around });
const filledDisks = () => filledAs('tree');

const textsOf = ({ lines }: { readonly lines: readonly { readonly text: string }[] }) =>
  lines.map(({ text }) => text).join('\n');
const rootOf = ({ mounts }: Awaited<ReturnType<Booted>>['machine']) => {
  const { source, type, options } = mounts.find(({ target }) => target.endsWith('/image')) ?? {};
  return { source, type, isReadOnly: options?.includes('ro') };
};

describe('a machine whose slots are trees', () => {
  it('unpacks the first image in slot a, and boots it from there when its server is gone', async () => {
    const disks = emptyDisks();
    const first = await booted(disks, { offers: OLD });
    expect([first.version, first.slot, holds(disks.a, OLD)]).toEqual([OLD.manifest.version, 'a', true]);
    expect(rootOf(first.machine)).toEqual({ source: '/dev/vdc1', type: 'ext4', isReadOnly: true });
    expect(first.record.root).toMatchObject({ type: 'ext4', verified: true });
    expect(first.journal?.a).toMatchObject({ state: 'FRESH', digest: OLD.manifest.root.sha256 });
    await wasHealthy(first.machine);
    const again = await booted(disks);
    expect([again.version, again.slot, again.record.cycle?.before?.verdict]).toEqual([
      OLD.manifest.version,
      'a',
      'HEALTHY',
    ]);
    expect(rootOf(again.machine)).toEqual(rootOf(first.machine));
    expect(textsOf(again.machine)).not.toMatch(/unpack|NO CYCLE/);
  });

  it('unpacks a new image in the slot that is worth less, and keeps nothing of it in the store', async () => {
    const disks = await filledDisks();
    expect([holds(disks.a, OLD), holds(disks.b, NEW)]).toEqual([true, true]);
    const { version, slot, journal, machine } = await booted(disks);
    expect([version, slot]).toEqual([NEW.manifest.version, 'b']);
    expect(journal?.b).toMatchObject({ state: 'GOOD', healthyCycles: 1 });
    expect(await machine.files.list('/sysroot/user-data/persistent/images').catch(() => [])).toEqual([]);
  });

  it('mends the tree that is there, without a new file system', async () => {
    const disks = await filledDisks();
    damage(disks.b);
    const { machine } = await booted(disks, { offers: NEW });
    expect([holds(disks.b, NEW), machine.commands.filter((command) => command.startsWith('mkfs'))]).toEqual([true, []]);
  });

  it.each([
    { corruption: 'bailout', version: OLD.manifest.version, slot: 'a', b: false },
    { corruption: 'clone', version: OLD.manifest.version, slot: 'b', b: true },
    { corruption: 'auto', version: OLD.manifest.version, slot: 'b', b: true },
  ] as const)('answers damage of the active tree by $corruption', async ({ corruption, version, slot, b }) => {
    const disks = await filledDisks();
    damage(disks.b);
    const after = await booted(disks, { corruption });
    expect([after.version, after.slot, holds(disks.b, OLD), holds(disks.a, OLD)]).toEqual([version, slot, b, true]);
  });

  it.each<[string, (disk: Disk) => void]>([
    ['a file that is another', damage],
    ['a file too many', ({ root }) => void plant(root, '/etc/cron.d/own', '* * * * * root sh', 0)],
    ['a file that is gone', ({ root }) => void find(root, '/usr/bin', 'follow', 'open').entries.delete('tool')],
    [
      'rights that are others',
      ({ root }) => Object.assign(find(root, '/usr/bin/tool', 'follow', 'open'), { mode: 0o4755 }),
    ],
    ['a file system that is none any more', ({ raw }) => void raw?.data.fill(0, 0, 4096)],
  ])('never boots a tree with %s: it is mended from its server', async (_what, spoil) => {
    const disks = await filledDisks();
    spoil(disks.b);
    const alone = await booted({ ...disks, state: disks.state }, { corruption: 'bailout' });
    expect([alone.slot, alone.version]).toEqual(['a', OLD.manifest.version]);
    const fetched = await booted(disks, { offers: NEW });
    expect([fetched.slot, fetched.version, holds(disks.b, NEW)]).toEqual(['b', NEW.manifest.version, true]);
  });

  it.each(['bailout', 'clone', 'auto'] as const)(
    'copies nothing from a backup that is damaged as well (%s), and boots neither',
    async (corruption) => {
      const disks = await filledDisks();
      damage(disks.a);
      damage(disks.b);
      const machine = machineOf(disks, { kind: 'tree', corruption });
      expect(await boot(machine)).not.toBe(0);
      expect(textsOf(machine)).toContain('no system of this machine may be booted');
    },
  );

  it('makes the backup the tree that proved itself', async () => {
    const disks = await provedDisks('tree');
    const { slot, journal } = await booted(disks);
    expect([slot, holds(disks.a, NEW), holds(disks.b, NEW)]).toEqual(['b', true, true]);
    expect(journal?.a).toMatchObject({ state: 'FRESH', digest: NEW.manifest.root.sha256 });
  });

  it('formats no partition that is nobody of ours: the image is booted from RAM', async () => {
    const foreign = Buffer.alloc(3 << 20);
    foreign.write('LABELONE', 512);
    const disks = { ...emptyDisks(), a: rawPartition('vdc1', 'slot-a', foreign) };
    const { machine, version } = await booted(disks, { offers: OLD });
    expect([version, disks.a.raw?.data.equals(foreign)]).toEqual([OLD.manifest.version, true]);
    expect(textsOf(machine)).toContain('/dev/vdc1 is not touched');
  });
});

describe('slots that become trees', () => {
  it('boots an image that a partition has as it is, until the next one comes', async () => {
    const disks = await filledAs('partition');
    const before = await booted(disks);
    expect([before.version, before.slot, holds(disks.b, NEW)]).toEqual([NEW.manifest.version, 'b', true]);
    await wasHealthy(before.machine);
    const after = await booted(disks, { offers: OLD });
    expect([after.version, after.slot, hasExt4(disks.a)]).toEqual([OLD.manifest.version, 'a', false]);
  });

  it('boots an image that the store has without a list of its files, and no server is needed for it', async () => {
    const disks = emptyDisks();
    await wasHealthy((await booted(disks, { offers: OLD, kind: 'file' })).machine);
    const { version, slot } = await booted(disks);
    expect([version, slot, hasExt4(disks.a)]).toEqual([OLD.manifest.version, undefined, false]);
  });

  it('writes images to them again where they are no trees any more', async () => {
    const disks = await filledDisks();
    const kept = await bootedAs(disks, { kind: 'partition' });
    expect([kept.version, kept.slot, rootOf(kept.machine).type]).toEqual([NEW.manifest.version, 'b', 'ext4']);
  });

  it('tells an initramfs without the tools for it, and boots from RAM', async () => {
    const disks = emptyDisks();
    const machine = machineOf(disks, { kind: 'tree', offers: OLD });
    await machine.files.remove('/run/initramfs/sets');
    expect(await boot(machine)).toBe(0);
    expect(textsOf(machine)).toContain('this initramfs lacks the tool set tree');
    expect(hasExt4(disks.a)).toBe(false);
  });
});
