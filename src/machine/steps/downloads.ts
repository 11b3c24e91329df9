import { reasonOf } from '../../error.ts';
import { fetchVerified } from '../../fetch/download.ts';
import { verifyFile } from '../../fetch/verify-file.ts';
import type { DownloadLimits } from '../../host/http/download-limits.ts';
import { shellLine, shellQuote } from '../../host/shell-line.ts';
import { verifyImage } from '../../slots/copy/raw-image.ts';
import { type Unpack, unpackArchive, unpackCommands } from '../packages/unpack-archive.ts';
import { kind, onPath } from './kind.ts';
import { digestCheck, tolerant } from './shell-text.ts';

interface Fetch {
  readonly urls: readonly string[];
  readonly to: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly limits?: DownloadLimits;
  /** Who said the digest; default the signed manifest. */
  readonly saidBy?: string;
  /** A failure is told, and the boot goes on. */
  readonly otherwise?: 'warn';
}

interface Verify {
  readonly path: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  /** The image is its beginning. */
  readonly on?: 'partition';
}

/** What is brought by HTTP and believed by its digest. */
export const downloads = {
  fetch: kind<Fetch>({
    located: (step, at) => ({ ...step, to: at(step.to) }),
    describe: ({ urls }) => `fetch ${urls[0]}`,
    command({ urls, to, sha256, otherwise }) {
      const commands = [shellLine(['wget', '-O', to, urls[0] ?? '']), digestCheck(sha256, to)];
      return otherwise === 'warn' ? tolerant(to, commands) : commands.join(' && ');
    },
    async apply(step, host, task) {
      await fetchVerified(host, step, task, step.limits).catch((error) => {
        if (step.otherwise !== 'warn' || task.signal.aborted) throw error;
        task.warn(`${step.urls[0]} is not fetched: ${reasonOf(error)}`);
      });
    },
  }),

  verify: kind<Verify>({
    located: onPath,
    describe: ({ path }) => `verify ${path}`,
    command: ({ sha256, path, on, sizeBytes }) =>
      on === 'partition'
        ? `head -c ${sizeBytes} ${shellQuote(path)} | sha256sum | grep -q ${shellQuote(`^${sha256} `)}`
        : digestCheck(sha256, path),
    async apply({ on, ...step }, host, { signal }) {
      if (on === 'partition') await verifyImage(host.openRaw, step, 'cached', { signal });
      else await verifyFile(host, step);
    },
  }),

  unpack: kind<Unpack>({
    located: (step, at) => ({ ...step, archive: at(step.archive), to: at(step.to) }),
    describe: ({ archive, to }) => `unpack ${archive} in ${to}`,
    command: (step) => tolerant(step.to, unpackCommands(step)),
    apply: unpackArchive,
  }),
};
