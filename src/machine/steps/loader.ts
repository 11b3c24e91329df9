import { reasonOf } from '../../error.ts';
import { type WriteLoader, writeLoader } from '../loader/write-loader.ts';
import { kind } from './kind.ts';

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
};
