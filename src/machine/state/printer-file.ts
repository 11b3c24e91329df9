import { dirname } from 'node:path';
import { reasonOf } from '../../error.ts';
import type { Account, Host } from '../../host/host.ts';
import type { TaskContext } from '../../host/task-context.ts';

import { makeOwnedFolder, writeOwnedFile } from './owned-file.ts';

/** Step `printer-file`: a small file of a printer's user, which is made where none is. */
export interface PrinterFile extends Account {
  readonly path: string;
  readonly content: string;
}

/** A link of theirs leads root nowhere. What cannot be is told, and stops no boot. */
export async function makePrinterFile(
  { path, content, uid, gid }: PrinterFile,
  host: Pick<Host, 'files' | 'exec'>,
  { warn, signal }: Pick<TaskContext, 'warn' | 'signal'>,
): Promise<void> {
  try {
    if (await host.files.stat(path)) return;
    await makeOwnedFolder(host, dirname(path), { uid, gid });
    await writeOwnedFile(host, path, Buffer.from(content), { uid, gid, mode: 0o644 });
  } catch (error) {
    signal.throwIfAborted();
    warn(`${path} is not made: ${reasonOf(error)}`);
  }
}
