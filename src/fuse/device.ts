/** /dev/fuse by node:fs and not by the Files port: one read(2) is one request, one write(2) is one answer. */
import { read, write, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { FRAME_BYTES } from './wire/request.ts';

/** The kernel's side of a file system that is mounted. */
export interface FuseDevice {
  /** Each request, in a buffer that is used again after `hear`; ends when it is unmounted. */
  serve(hear: (frame: Buffer) => void): Promise<void>;
  /** One that nobody waits for any more goes nowhere. */
  answer(reply: Buffer): void;
  /** May wait for somebody who waits for us: it is done beside all else. Gives whether the kernel took it. */
  notify(notice: Buffer): Promise<boolean>;
}

/** Requests that are read at a time: while one is answered the next comes. */
const READERS = 2;

/** What read(2) says of one that was taken back, or of a signal: the next comes. */
const AGAIN = new Set(['ENOENT', 'EINTR', 'EAGAIN']);

/** `fd`: of /dev/fuse, which the file system was mounted with. */
export function fuseDevice(fd: number): FuseDevice {
  const readOnce = promisify(read);
  const writeOnce = promisify(write);
  async function reader(hear: (frame: Buffer) => void): Promise<void> {
    const frame = Buffer.alloc(FRAME_BYTES);
    for (;;)
      try {
        const { bytesRead } = await readOnce(fd, frame, 0, frame.length, null);
        hear(frame.subarray(0, bytesRead));
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'ENODEV') return;
        if (code === undefined || !AGAIN.has(code)) throw error;
      }
  }
  return {
    async serve(hear) {
      await Promise.all(Array.from({ length: READERS }, () => reader(hear)));
    },
    answer(reply) {
      try {
        writeSync(fd, reply);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code !== 'ENOENT' && code !== 'ENODEV') throw error;
      }
    },
    notify: (notice) =>
      writeOnce(fd, notice, 0, notice.length, null).then(
        () => true,
        () => false,
      ),
  };
}
