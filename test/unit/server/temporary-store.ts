import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../../../src/host/host.ts';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { addImage } from '../../../src/server/add-image.ts';
import { type AppOptions, createApp } from '../../../src/server/app.ts';
import { openStore, type Store } from '../../../src/server/store.ts';
import { type ImageDir, type ImageDirOptions, makeImageDir } from '../../fixtures/image-dir.ts';

/** A clock that stands at noon, sleeps not at all and always draws zero. */
export const stillClock: Clock = {
  now: () => Date.parse('2026-11-20T12:00:00Z'),
  uptimeMs: () => 1000,
  sleep: async () => {},
  random: () => 0,
};

export interface TemporaryStore extends AsyncDisposable {
  readonly store: Store;
  readonly folder: string;
  imageDir(options?: ImageDirOptions): Promise<ImageDir>;
  /** Makes an image and adds it. */
  add(options?: ImageDirOptions): Promise<ImageDir>;
}

/** An empty store on the disk, gone at the end of the test. */
export async function temporaryStore(clock: Clock = stillClock): Promise<TemporaryStore> {
  const folder = await mkdtemp(join(tmpdir(), 'statectl-store-'));
  const store = await openStore(join(folder, 'state'), { files: linuxHost().files, clock }, 'create');
  let count = 0;
  const imageDir = (options?: ImageDirOptions) => makeImageDir(join(folder, `image-${count++}`), options);
  return {
    store,
    folder,
    imageDir,
    async add(options) {
      const made = await imageDir(options);
      await addImage(store, made.dir);
      return made;
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

export interface TestApp {
  readonly app: FastifyInstance;
  /** The access log, parsed. */
  readonly lines: Record<string, unknown>[];
}

export function appOver(store: Store, options: Partial<AppOptions> = {}): TestApp {
  const lines: Record<string, unknown>[] = [];
  const app = createApp({ store, clock: stillClock, log: (line) => lines.push(JSON.parse(line)), ...options });
  return { app, lines };
}
