import type { BootRecord } from '../../../src/machine/boot-record.ts';
import { makeDisk } from '../../fixtures/vm/disk.ts';
import { initramfsWith, initramfsWithFlippedByte } from '../../fixtures/vm/images/initramfs.ts';
import { bootMachine, type Machine, type MachineOptions } from './machine.ts';
import { type ServedImages, serveImages } from './serve-images.ts';

/** A machine with a disk for what persists, and little patience with its server. */
export interface KeepingMachine extends AsyncDisposable {
  readonly server: ServedImages;
  /** Where the machine keeps the image that it fetched. */
  readonly copy: string;
  /** An initramfs whose controller cannot run. */
  readonly damagedInitramfs: string;
  /** Always the same machine; a test ends it as a power cut does. */
  boot(options?: MachineOptions): Promise<Machine>;
  recordOf(vm: Machine): Promise<BootRecord>;
}

export async function keepingMachine(): Promise<KeepingMachine> {
  await using made = new AsyncDisposableStack();
  const server = made.use(await serveImages('tiny'));
  const disk = made.use(await makeDisk({ type: 'ext4', label: 'user-data', sizeMiB: 256 }));
  const impatient = made.use(
    await initramfsWith({
      'config.d/controller/cnetwork.conf': 'wait: 2s\n',
      'config.d/controller/cserver.info.conf': 'tries: 2\nstall: 1s\n',
    }),
  );
  const damaged = made.use(await initramfsWithFlippedByte('runtime.squashfs'));
  const kept = made.move();
  return {
    server,
    copy: `/user-data/persistent/images/${server.manifest.root.sha256}/root.squashfs`,
    damagedInitramfs: damaged.file,
    boot: (options = {}) =>
      bootMachine({ disks: [disk], server, initramfs: impatient.file, memoryMiB: 512, ...options }),
    recordOf: async (vm) => JSON.parse(await vm.read('/run/statectl/boot.json')) as BootRecord,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
