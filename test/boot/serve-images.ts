import { readFile } from 'node:fs/promises';
import { inject } from 'vitest';
import { linuxHost } from '../../src/host/linux/host.ts';
import { type Manifest, parseManifest } from '../../src/image/manifest.ts';
import { startServer } from '../../src/server/listen.ts';
import { type FaultyProxy, faultyProxy } from '../fixtures/vm/faulty-proxy.ts';
import { baseCmdline } from './machine.ts';

/** What these tests read of a line of the access log. */
interface AccessLine {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly bytes: number;
  readonly range?: string;
  readonly aborted?: true;
}

export interface ServedImages extends Pick<FaultyProxy, 'fault' | 'heal'>, AsyncDisposable {
  /** How a machine behind qemu's own network reaches the server. */
  readonly guestUrl: string;
  /** What the server itself answered, in the order in which the answers ended. */
  readonly log: readonly AccessLine[];
  readonly manifest: Manifest;
}

/** Paths of the answers that a boot needs. */
export const PATHS = {
  boot: /^\/v1\/boot\?/,
  manifest: /manifest\.json$/,
  signature: /\.sig$/,
  blob: /^\/blobs\//,
} as const;

/** The real server on a free port of the loopback: `demo` is a Debian, `tiny` a single busybox. */
export async function serveImages(image: 'demo' | 'tiny'): Promise<ServedImages> {
  const { state, dir } = inject('images')[image];
  const log: AccessLine[] = [];
  const server = await startServer({
    state,
    listen: { host: '127.0.0.1', port: 0 },
    host: linuxHost(),
    log: (line) => void log.push(JSON.parse(line) as AccessLine),
    kernelArguments: baseCmdline(),
    graceMs: 0,
  });
  const proxy = await faultyProxy(server.address);
  return {
    log,
    guestUrl: `http://10.0.2.2:${proxy.port}`,
    manifest: parseManifest(await readFile(`${dir}/manifest.json`, 'utf8')),
    fault: proxy.fault,
    heal: proxy.heal,
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await server.stop();
    },
  };
}
