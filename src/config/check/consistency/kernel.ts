import type { Config } from '../../config.ts';
import type { Inconsistency } from './inconsistency.ts';

/** What would be served beside a kernel that nobody named. */
export const kernelFaults = ({ boot }: Config): readonly Inconsistency[] =>
  boot.initrd !== undefined && boot.kernel === undefined
    ? [{ path: ['boot', 'initrd'], message: 'these are the initrds of boot.kernel, which is not said' }]
    : [];
