import { isUtf8 } from 'node:buffer';
import type { Host } from '../host/host.ts';
import { type ConfigFault, faultAt } from './fault.ts';
import { LARGEST_FILE_BYTES } from './yaml-file.ts';

/** The text of a file of config.d; undefined where there is none, or nothing that can be read as text: that is a fault. */
export async function readText(
  { files }: Pick<Host, 'files'>,
  dir: string,
  file: string,
  faults: ConfigFault[],
): Promise<string | undefined> {
  const fail = (message: string): undefined => {
    faults.push(faultAt({ file, line: 1, column: 1 }, message));
  };
  const stat = await files.stat(`${dir}/${file}`);
  if (stat === undefined) return undefined;
  if (stat.type === 'dir') return fail('is a folder: it must be a file');
  // A FIFO would be waited for without end. Links are followed: only the history, which gives files away, refuses them.
  if (stat.type !== 'file' && stat.type !== 'symlink') return fail(`is a ${stat.type}: config.d holds files`);
  if (stat.sizeBytes > LARGEST_FILE_BYTES) return fail(`larger than ${LARGEST_FILE_BYTES >> 20} MiB`);
  const bytes = await files.read(`${dir}/${file}`);
  return isUtf8(bytes) ? bytes.toString('utf8') : fail('is not UTF-8 text');
}
