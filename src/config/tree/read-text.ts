import { isUtf8 } from 'node:buffer';
import { setImmediate } from 'node:timers/promises';
import { entryOf } from '../../entry-of.ts';
import type { Host } from '../../host/host.ts';
import { type ConfigFault, faultAt } from '../check/fault.ts';
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
  // Links are followed: only the history, which gives files away, refuses them.
  if (stat.type !== 'file' && stat.type !== 'symlink') return fail(`is a ${stat.type}: config.d holds files`);
  const read = await readPlain(files, `${dir}/${file}`);
  if (typeof read === 'string') return fail(read);
  return isUtf8(read) ? read.toString('utf8') : fail('is not UTF-8 text');
}

/** What a file cannot be read for, as a fault has it. */
const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'cannot be read by whom config.d belongs to: permission denied',
  EFBIG: `larger than ${LARGEST_FILE_BYTES >> 20} MiB`,
  EINVAL: 'leads to what is no file',
  EISDIR: 'leads to a folder: it must be a file',
  ELOOP: 'is a link that goes round in a circle',
  ENOENT: 'leads nowhere',
  ENOTDIR: 'leads nowhere',
};

/** The bytes of a file of config.d, or why there are none. A pipe or a device behind a link is not waited for. */
export async function readPlain(files: Pick<Host['files'], 'readRegular'>, path: string): Promise<Buffer | string> {
  try {
    // Who serves others meanwhile comes to it between two files.
    await setImmediate();
    return (await files.readRegular(path, LARGEST_FILE_BYTES)).bytes;
  } catch (error) {
    const reason = entryOf(REASONS, String((error as { code?: unknown }).code));
    if (reason === undefined) throw error;
    return reason;
  }
}
