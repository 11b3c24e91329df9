import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { linuxHost } from '../../src/host/linux/host.ts';
import { addImage } from '../../src/server/images/add-image.ts';
import { useImage } from '../../src/server/images/uses.ts';
import { startServer } from '../../src/server/listen.ts';
import { openStore } from '../../src/server/store/store.ts';
import type { Material } from './material.ts';

export interface Servers extends AsyncDisposable {
  /** The image as a plain file, as a machine behind qemu's own network reaches it. */
  readonly rootUrl: string;
  /** The real server, likewise. */
  readonly statectlUrl: string;
}

/** Both servers in this process, on the loopback: no contender has a faster one. */
export async function startServers({ home, image, statectl, root }: Material): Promise<Servers> {
  const host = linuxHost();
  const state = `${home}/state`;
  // A version is never replaced in place, and the initramfs changes with every change of the sources.
  await rm(state, { recursive: true, force: true });
  const store = await openStore(state, host, 'create');
  const { name } = await addImage(store, image, { initramfs: statectl });
  await useImage(store, name);
  const real = await startServer({
    state,
    listen: { host: '127.0.0.1', port: 0 },
    host,
    log: () => {},
    kernelArguments: '',
    graceMs: 0,
  });

  const { size } = await stat(root);
  const plain = createServer((request, response) => {
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': size });
    if (request.method === 'HEAD') response.end();
    else createReadStream(root).pipe(response);
  });
  await new Promise<void>((listening) => plain.listen(0, '127.0.0.1', listening));
  return {
    rootUrl: `http://10.0.2.2:${(plain.address() as AddressInfo).port}/root.squashfs`,
    statectlUrl: `http://10.0.2.2:${real.address.port}`,
    async [Symbol.asyncDispose]() {
      plain.closeAllConnections();
      await new Promise((closed) => plain.close(closed));
      await real.stop();
    },
  };
}
