import { reasonOf } from '../../error.ts';
import { bootNext, loadKernel, type OtherKernel } from '../loader/other-kernel.ts';
import { type WriteLoader, writeLoader } from '../loader/write-loader.ts';
import { kind } from './kind.ts';
import { Leaving } from './leaving.ts';

/** Boot loaders on disks of this machine. */
export const loader = {
  // It looks first, and does nothing where all is there: what it would do, nobody knows before.
  'write-loader': kind<WriteLoader>({
    describe: ({ disk: { drive, id } }) => `drive ${drive}: what ${id} boots this machine with`,
    async apply(step, host, task) {
      try {
        await writeLoader(host, step, task);
      } catch (error) {
        task.signal.throwIfAborted();
        task.warn(`DEGRADED: ${reasonOf(error)}`);
      }
    },
  }),
  'load-kernel': kind<OtherKernel>({
    describe: ({ slot, release, way }) =>
      `${way === 'kexec' ? 'load' : 'verify'} the kernel ${release} of slot ${slot} from its disk`,
    apply: (step, host) => loadKernel(host, step),
  }),
  'boot-next': kind<OtherKernel>({
    describe: ({ slot, release }) => `the boot loader boots the kernel ${release} of slot ${slot} next, once`,
    apply: (step, host, task) => bootNext(host, step, task),
  }),
  leave: kind<{ readonly how: Leaving['how'] }>({
    describe: ({ how }) => (how === 'kexec' ? 'go into the kernel that is loaded' : 'reboot'),
    async apply({ how }) {
      throw new Leaving(how);
    },
  }),
};
