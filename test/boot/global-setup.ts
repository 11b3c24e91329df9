import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { buildDemo, DEMO } from '../../build/demo.ts';
import { linuxHost } from '../../src/host/linux/host.ts';
import { writeCpio } from '../../src/image/initramfs/cpio/cpio.ts';
import { addImage } from '../../src/server/images/add-image.ts';
import { useImage } from '../../src/server/images/uses.ts';
import { openStore } from '../../src/server/store/store.ts';
import { makeTinyImage, makeTinyTree } from '../fixtures/vm/images/tiny-system.ts';

/** An image as it was built, and a server's state directory that offers it to every machine. */
interface Offered {
  readonly dir: string;
  readonly state: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    readonly images: { readonly demo: Offered; readonly tiny: Offered };
    /** The tree of the tiny system. */
    readonly tinyTree: string;
  }
}

/** Builds once what all boots share: the demo image, the tiny one, and a store of each. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  await buildDemo();
  const dir = await mkdtemp(join(tmpdir(), 'statectl-boot-'));
  const tinyTree = join(dir, 'tiny-tree');
  await makeTinyTree(tinyTree);
  await makeTinyImage(tinyTree, join(dir, 'tiny'));
  // No machine fetches an initramfs of this one.
  await writeFile(join(dir, 'no-initramfs'), writeCpio([]));
  provide('tinyTree', tinyTree);
  provide('images', {
    demo: await offer(DEMO.image, DEMO.initramfs, join(dir, 'demo-state')),
    tiny: await offer(join(dir, 'tiny'), join(dir, 'no-initramfs'), join(dir, 'tiny-state')),
  });
  return () => rm(dir, { recursive: true });
}

async function offer(dir: string, initramfs: string, state: string): Promise<Offered> {
  const store = await openStore(state, linuxHost(), 'create');
  const { name } = await addImage(store, dir, { initramfs });
  await useImage(store, name);
  return { dir, state };
}
