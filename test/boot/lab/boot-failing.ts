import type { DiskFile } from '../../fixtures/vm/disk.ts';
import { bootMachine, type Machine, type MachineOptions } from './machine.ts';

/** A machine that does not find its root, and the one disk that it should have been. */
export const bootFailing = (disk: DiskFile, options: MachineOptions = {}): Promise<Machine> =>
  bootMachine({
    disks: [{ ...disk, temporary: true }],
    memoryMiB: 512,
    expects: 'trouble',
    panic: '',
    ...options,
    cmdline: `root=LABEL=nowhere rootdelay=1 ${options.cmdline ?? ''}`,
  });
