import { rmSync } from 'node:fs';
import type { Account } from '../host/host.ts';
import { fuseDevice } from './device.ts';
import { realFolder } from './real-folder.ts';
import { serveCache } from './serve-cache.ts';
import { cacheSpool } from './spool.ts';

export interface ServeAt {
  /** The folder that is shown, where it can be reached. */
  readonly files: string;
  readonly spool: string;
  readonly account: Account;
  /** Removed when it is shown. */
  readonly mark: string;
}

/** Serves the file system that was mounted with this descriptor of /dev/fuse, until it is unmounted. */
export const serveAtDescriptor = (fd: number, { files, spool, account, mark }: ServeAt): Promise<void> =>
  serveCache({
    device: fuseDevice(fd),
    real: realFolder(files),
    spool: cacheSpool(spool),
    account,
    ready: () => rmSync(mark, { force: true }),
  });
