import { expect, it } from 'vitest';
import { boot } from '../../src/boot/boot.ts';
import { type FailingHost, failingHost, Stopped } from '../fixtures/hosts/failing.ts';
import {
  type Around,
  booted,
  cloneDisks,
  type Disks,
  damage,
  emptyDisks,
  filledDisks,
  holds,
  machineOf,
  NEW,
  OLD,
  provedDisks,
  type SlotKind,
  wasHealthy,
} from '../fixtures/slots/partition-machine.ts';

async function oneSystem(kind: SlotKind): Promise<Disks> {
  const disks = emptyDisks();
  await wasHealthy((await booted(disks, { kind, offers: OLD })).machine);
  return disks;
}

async function damagedDisks(kind: SlotKind): Promise<Disks> {
  const disks = await filledDisks(kind);
  damage(disks.b);
  return disks;
}

/** After the cut nothing has an effect any more, the rescue prompt neither. */
async function untilCut(host: FailingHost): Promise<void> {
  await boot(host).catch((error: unknown) => {
    if (!(error instanceof Stopped)) throw error;
  });
}

const OF_SLOTS = /\/slots\/|^write raw|^run (?:mkfs|sync|xargs)|cycle\/(?:journal|key)|remove .*\/images\//;
const TORN = /^(?:write raw|overwrite|run xargs)|--delay-directory-restore/;
const COPYING = /^write raw|--delay-directory-restore/;

interface Situation {
  readonly disks: (kind: SlotKind) => Promise<Disks>;
  readonly around: Around;
  /** What is around the machine after the cut. */
  readonly afterwards: Around;
  /** It is there whatever happens. */
  readonly keeps: (disks: Disks) => boolean;
  /** Once a boot came to its end. */
  readonly ends: (disks: Disks) => boolean;
}

const SITUATIONS: Readonly<Record<string, Situation>> = {
  'a first image is written': {
    disks: async () => emptyDisks(),
    around: { offers: OLD },
    afterwards: { offers: OLD },
    keeps: () => true,
    ends: ({ a }) => holds(a, OLD),
  },
  'a new image is written': {
    disks: oneSystem,
    around: { offers: NEW },
    afterwards: { offers: NEW },
    keeps: ({ a }) => holds(a, OLD),
    ends: ({ b }) => holds(b, NEW),
  },
  'a new image is written, and its server is gone after the cut': {
    disks: oneSystem,
    around: { offers: NEW },
    afterwards: {},
    keeps: ({ a }) => holds(a, OLD),
    ends: () => true,
  },
  'a damaged system is made anew of the backup': {
    disks: damagedDisks,
    around: { corruption: 'clone' },
    afterwards: { corruption: 'clone' },
    keeps: ({ a }) => holds(a, OLD),
    ends: ({ b }) => holds(b, OLD),
  },
  'the backup becomes the system that proved itself': {
    disks: provedDisks,
    around: {},
    afterwards: {},
    keeps: ({ b }) => holds(b, NEW),
    ends: ({ a }) => holds(a, NEW),
  },
};

const KINDS = ['partition', 'tree'] as const;
const CASES = KINDS.flatMap((kind) =>
  Object.entries(SITUATIONS).map(([title, about]) => [title, kind, about] as const),
);

it.each(CASES)(
  'F2: the power may go at every effect of a boot in which %s (%s): the next boots a whole system, and ends what was begun',
  async (_title, kind, { disks: before, around, afterwards, keeps, ends }) => {
    const whole = await before(kind);
    let stops = 0;
    const all = failingHost(machineOf(cloneDisks(whole), { kind, ...around }), {
      at: Number.POSITIVE_INFINITY,
      how: 'stop',
    });
    await boot(all);
    for (const how of ['stop', 'torn'] as const)
      for (const [index, asked] of all.asked.entries()) {
        // What concerns slots is a part of some hundred effects, and what is not appended is whole or not there.
        if (how === 'torn' ? !TORN.test(asked) : !OF_SLOTS.test(asked) && index % 60 !== 0) continue;
        const at = index + 1;
        const disks = cloneDisks(whole);
        await untilCut(failingHost(machineOf(disks, { kind, ...around }), { at, how }));
        stops += 1;
        const place = `${how} at ${at}, ${asked}`;
        expect({ place, keeps: keeps(disks) }).toEqual({ place, keeps: true });
        const { version, machine } = await booted(disks, { kind, ...afterwards });
        const mounted = machine.mounts.find(({ target }) => target.endsWith('/image'))?.source ?? '';
        const disk = Object.values(disks).find(({ name }) => mounted === `/dev/${name}`);
        const isWhole = holds(disk, version === NEW.manifest.version ? NEW : OLD);
        expect({ place, mounted, isWhole }).toEqual({ place, mounted, isWhole: true });
        expect({ place, keeps: keeps(disks), ends: ends(disks) }).toEqual({ place, keeps: true, ends: true });
      }
    expect(stops).toBeGreaterThan(15);
  },
);

it.each(KINDS)(
  'F6: a copy of the backup that is cut twice is not tried a third time: the backup is booted (%s)',
  async (kind) => {
    const disks = await damagedDisks(kind);
    const cut = async (corruption: 'clone') => {
      const find = failingHost(machineOf(cloneDisks(disks), { kind, corruption }), { at: 1e6, how: 'stop' });
      await boot(find);
      const at = find.asked.findIndex((each) => COPYING.test(each)) + 1;
      if (at === 0) return false;
      await untilCut(failingHost(machineOf(disks, { kind, corruption }), { at, how: 'torn' }));
      return true;
    };
    expect([await cut('clone'), await cut('clone'), await cut('clone')]).toEqual([true, true, false]);
    const { slot, version } = await booted(disks, { kind, corruption: 'clone' });
    expect([slot, version, holds(disks.a, OLD)]).toEqual(['a', OLD.manifest.version, true]);
  },
);

it('F8: a partition that cannot be written costs no boot: the backup is booted, or the image from RAM', async () => {
  for (const [make, around, version] of [
    [damagedDisks, { corruption: 'clone' }, OLD],
    [oneSystem, { offers: NEW }, OLD],
    [async () => emptyDisks(), { offers: NEW }, NEW],
    [provedDisks, {}, NEW],
  ] as const) {
    const disks = await make('partition');
    const machine = machineOf(disks, around);
    const broken = {
      ...machine,
      openRaw: async (...[path, access]: Parameters<typeof machine.openRaw>) => {
        const raw = await machine.openRaw(path, access);
        const write = async () => Promise.reject(Object.assign(new Error('EIO: i/o error, write'), { code: 'EIO' }));
        return { ...raw, sizeBytes: raw.sizeBytes, write };
      },
    };
    expect(await boot(broken)).toBe(0);
    expect(machine.mountedImages).toEqual([version.manifest.root.sha256]);
  }
});

it('F8: a partition that cannot be read costs no boot: the other system is booted', async () => {
  const disks = await filledDisks();
  const machine = machineOf(disks, { corruption: 'bailout' });
  const broken = {
    ...machine,
    openRaw: async (...[path, access]: Parameters<typeof machine.openRaw>) => {
      const raw = await machine.openRaw(path, access);
      const read = async () => Promise.reject(Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' }));
      return { ...raw, sizeBytes: raw.sizeBytes, ...(path === '/dev/vdc2' && { read }) };
    },
  };
  expect(await boot(broken)).toBe(0);
  expect(machine.mountedImages).toEqual([OLD.manifest.root.sha256]);
});

it.each<[string, (argv: readonly string[]) => boolean]>([
  ['no file system can be made on', ([program]) => program === 'mkfs.ext4'],
  ['cannot be mounted to be written', (argv) => argv[0] === 'mount' && argv.at(-1)?.endsWith('/slots/to') === true],
  ['has no room', (argv) => COPYING.test(argv.join(' '))],
  ['cannot be let go', (argv) => argv[0] === 'umount' && argv.at(-1)?.endsWith('/slots/to') === true],
])('F8, F9: a tree that %s costs no boot: the backup is booted, or the image from RAM', async (_what, fails) => {
  for (const [make, around, version] of [
    [damagedDisks, { corruption: 'clone' }, OLD],
    [oneSystem, { offers: NEW }, OLD],
    [async () => emptyDisks(), { offers: NEW }, NEW],
    [provedDisks, {}, NEW],
  ] as const) {
    const disks = await make('tree');
    // A file system that is damaged, so that a new one is wanted.
    for (const disk of [disks.a, disks.b]) if (!holds(disk, OLD) && !holds(disk, NEW)) disk.raw?.data.fill(0);
    const machine = machineOf(disks, { kind: 'tree', ...around });
    const run: typeof machine.exec.run = async (argv, options) =>
      fails(argv)
        ? { exitCode: 1, stdout: '', stderr: 'tar: Wrote only 512 of 10240 bytes' }
        : await machine.exec.run(argv, options);
    expect(await boot({ ...machine, exec: { run } })).toBe(0);
    const read = await machine.files.readText('/sysroot/run/statectl/image/etc/version').catch(() => '');
    expect(read || (await machine.files.readText('/run/statectl/image/etc/version'))).toBe(version.manifest.version);
  }
});

it('F8: a tree that cannot be read costs no boot: the other system is booted', async () => {
  const disks = await filledDisks('tree');
  const machine = machineOf(disks, { kind: 'tree', corruption: 'bailout' });
  const run: typeof machine.exec.run = async (argv, options) =>
    argv[0] === 'mount' && argv.includes('/dev/vdc2')
      ? { exitCode: 32, stdout: '', stderr: 'mount: can’t read superblock on /dev/vdc2' }
      : await machine.exec.run(argv, options);
  expect(await boot({ ...machine, exec: { run } })).toBe(0);
  expect(machine.mounts.find(({ target }) => target.endsWith('/image'))?.source).toBe('/dev/vdc1');
});
