import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Tpm } from '../host.ts';

/** By the kernel's resource manager, which forgets what a program loaded when it is done. */
const DEVICE = '/dev/tpmrm0';
/** TPM_BUFSIZE of the kernel. */
const LARGEST_ANSWER_BYTES = 4096;

/** The TPM 2.0 of this machine (Documentation/security/tpm). */
export const linuxTpm = (device = DEVICE): Tpm => ({
  async open() {
    const handle = await open(device, constants.O_RDWR).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENODEV') return undefined;
      throw error;
    });
    if (!handle) return undefined;
    return {
      async send(command) {
        // One command is one write(2), its answer one read(2).
        await handle.write(command, 0, command.length, null);
        const { buffer, bytesRead } = await handle.read(
          Buffer.alloc(LARGEST_ANSWER_BYTES),
          0,
          LARGEST_ANSWER_BYTES,
          null,
        );
        return buffer.subarray(0, bytesRead);
      },
      [Symbol.asyncDispose]: () => handle.close(),
    };
  },
});
