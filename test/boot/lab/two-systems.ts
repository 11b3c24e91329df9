import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SLOTS, type Slot } from '../../../src/slots/cycle-state.ts';
import { type DiskFile, makeDisk } from '../../fixtures/vm/disk.ts';
import { makeKeptTree } from '../../fixtures/vm/images/kept-system.ts';
import { makeTinyImage } from '../../fixtures/vm/images/tiny-system.ts';
import { bootMachine, type Machine, type MachineOptions } from './machine.ts';

/** A machine with two systems on its disk, which nobody but that disk gives anything: it has no network card. */
export interface TwoSystems extends AsyncDisposable {
  readonly disk: DiskFile;
  /** On that disk, the image of each. */
  readonly images: Readonly<Record<Slot, string>>;
  boot(options?: MachineOptions): Promise<Machine>;
  /** Whose image it mounted; after it was handed over. */
  booted(vm: Machine): Slot | undefined;
}

/** Slot a has `tiny a`, which runs first, slot b `tiny b`. */
export async function twoSystems(): Promise<TwoSystems> {
  const dir = await mkdtemp(join(tmpdir(), 'statectl-two-systems-'));
  const images: { [Each in Slot]?: string } = {};
  const folder = join(dir, 'user-data/persistent/images');
  for (const slot of SLOTS) {
    const [tree, image] = [join(dir, `tree-${slot}`), join(dir, `image-${slot}`)];
    await makeKeptTree(tree, slot);
    const { root } = await makeTinyImage(tree, image, slot);
    await mkdir(join(folder, root.sha256), { recursive: true });
    for (const name of ['manifest.json', 'manifest.json.sig', 'root.squashfs'])
      await rename(join(image, name), join(folder, root.sha256, name));
    images[slot] = `/persistent/images/${root.sha256}/root.squashfs`;
    if (slot === 'a') await writeFile(join(folder, 'current'), `${root.sha256}\n`);
  }
  const disk = await makeDisk({ type: 'ext4', label: 'user-data', sizeMiB: 128, tree: join(dir, 'user-data') });
  await rm(dir, { recursive: true });
  const known = images as TwoSystems['images'];
  return {
    disk,
    images: known,
    boot: ({ cmdline = '', ...options } = {}) =>
      bootMachine({
        ...{ disks: [disk], nics: [], memoryMiB: 512, ...options },
        cmdline: `statectl.set=update.health.stable=1s statectl.set=update.corruption=bailout ${cmdline}`,
      }),
    booted: ({ events }) =>
      SLOTS.find((slot) =>
        events.some(
          (event) => event.event === 'step' && event.phase === 'mount' && event.command.includes(known[slot]),
        ),
      ),
    [Symbol.asyncDispose]: () => disk[Symbol.asyncDispose](),
  };
}

const STARTED = '/user-data/persistent/statectl/cycle/started.json';

/** Until its health is good, and the disk says so. */
export const started = (vm: Machine): Promise<string> => vm.shell(`until test -s ${STARTED}; do sleep 0.2; done`);

/** As a person at its console does it. */
export async function rebooted(vm: Machine): Promise<void> {
  vm.type('reboot\n');
  if ((await vm.ended()) !== 'guest-reset') throw new Error('it did not reboot');
}
