import { StatectlError } from '../../error.ts';
import { printableLine } from '../../printable.ts';
import type { Origin } from '../tree/tree.ts';

/** One fault of config.d: where it is, what is wrong, what was expected. Lines and columns count from 1. */
export interface ConfigFault {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export const formatFault = ({ file, line, column, message }: ConfigFault): string =>
  printableLine(`${file}:${line}:${column} ${message}`);

export const faultAt = ({ file, line, column }: Omit<Origin, 'layer'>, message: string): ConfigFault => ({
  file,
  line,
  column,
  message,
});

/** All faults at once, each once. */
export const configInvalid = (
  faults: readonly ConfigFault[],
  hint = 'correct the lines above and build or boot again; nothing was changed',
): StatectlError => new StatectlError('config-invalid', [...new Set(faults.map(formatFault))].join('\n'), { hint });
