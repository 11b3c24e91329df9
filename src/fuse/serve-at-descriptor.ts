import { rmSync } from 'node:fs';
import { reasonOf } from '../error.ts';
import type { Account, Console } from '../host/host.ts';
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
  readonly console: Pick<Console, 'line'>;
}

const LOOK_MS = 1_000;

/** Serves the file system that was mounted with this descriptor of /dev/fuse, until it is unmounted or its holder is gone. */
export function serveAtDescriptor(fd: number, { files, spool, account, mark, console }: ServeAt): Promise<void> {
  const end = (error: unknown): never => {
    console.line('error', `the cache is not served any more: ${reasonOf(error)}`);
    // An exit waits for the threads that read from the kernel, which wait for it: a signal alone ends them, and the next one goes on.
    process.kill(process.pid, 'SIGKILL');
    throw error;
  };
  const holder = process.ppid;
  // The next holder mounts it anew, and whoever serves that has the spool for itself. systemd ends this one, OpenRC does not.
  setInterval(() => process.ppid === holder || end(new Error('its holder is gone')), LOOK_MS).unref();
  process.on('uncaughtException', end);
  const serving = serveCache({
    device: fuseDevice(fd),
    real: realFolder(files),
    spool: cacheSpool(spool),
    account,
    ready: () => rmSync(mark, { force: true }),
  });
  return serving.catch(end);
}
