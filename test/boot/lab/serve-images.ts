import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { execa } from 'execa';
import { inject } from 'vitest';
import { DEMO } from '../../../build/demo.ts';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { startServer } from '../../../src/server/listen.ts';
import { servedSettings } from '../../../src/server/settings.ts';
import { type Manifest, parseManifest } from '../../../src/signed/image-manifest.ts';
import { demoSigner } from '../../fixtures/vm/images/demo-signer.ts';
import { type FaultyProxy, faultyProxy } from '../../fixtures/vm/network/faulty-proxy.ts';
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
  /** Its state directory. */
  readonly state: string;
  /** Of config.d, as machines get it now. */
  readonly revision: () => Promise<string | undefined>;
}

/** Paths of the answers that a boot needs. */
export const PATHS = {
  any: /^/,
  boot: /^\/v1\/boot\?/,
  manifest: /manifest\.json$/,
  signature: /\.sig$/,
  blob: /^\/blobs\//,
} as const;

export interface ServeImagesOptions {
  readonly config?: string;
  readonly family?: 4 | 6;
  /** With the authority that the demo's initramfs trusts, and a state of its own: who waits there is this server's alone. */
  readonly enrols?: boolean;
}

/** The real server on a free port of the loopback, with a config.d or without: `demo` is a Debian, `tiny` a single busybox. */
export async function serveImages(
  image: 'demo' | 'tiny' | Readonly<Record<'dir' | 'state', string>>,
  { config, family = 4, enrols = false }: ServeImagesOptions = {},
): Promise<ServedImages> {
  const { state: shared, dir } = typeof image === 'string' ? inject('images')[image] : image;
  const state = enrols ? await mkdtemp(`${shared}-`) : shared;
  const log: AccessLine[] = [];
  const settings = config === undefined ? undefined : servedSettings(linuxHost(), config, () => {});
  if (enrols) {
    // Images are only read; hard links cost no room.
    await execa('cp', ['-al', `${shared}/.`, state]);
    await cp(`${DEMO.state}/keys`, `${state}/keys`, { recursive: true });
  }
  const server = await startServer({
    state,
    listen: { host: '127.0.0.1', port: 0 },
    host: linuxHost(),
    log: (line) => void log.push(JSON.parse(line) as AccessLine),
    kernelArguments: baseCmdline(),
    graceMs: 0,
    ...(settings && { config: { ...settings, signer: await demoSigner(state) } }),
    ...(settings &&
      enrols && { secure: { listen: { host: '127.0.0.1', port: 0 }, nodes: settings.nodes, alarm: () => {} } }),
  });
  const proxy = await faultyProxy(server.address, family === 4 ? '127.0.0.1' : '::1');
  return {
    log,
    state,
    guestUrl: `http://${family === 4 ? '10.0.2.2' : '[fd00::2]'}:${proxy.port}`,
    revision: async () => settings?.revision(),
    manifest: parseManifest(await readFile(`${dir}/manifest.json`, 'utf8')),
    fault: proxy.fault,
    heal: proxy.heal,
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await server.stop();
      if (enrols) await rm(state, { recursive: true });
    },
  };
}
