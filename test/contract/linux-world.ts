import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server as NodeServer, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createSocket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { Host } from '../../src/host/host.ts';
import type { ServedAnswer, ServedRequest, Server } from '../../src/host/memory/http.ts';
import type { World } from './suite.ts';

/** Of the tmpfs that the sentences run in. */
export const ROOM_BYTES = 4 * 1024 * 1024;

async function answer(
  server: Server,
  origin: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const served: ServedRequest = {
    method: request.method as ServedRequest['method'],
    url: new URL(request.url ?? '/', origin),
    headers: request.headers as Record<string, string>,
    body: (await buffer(request)).toString(),
  };
  const { status = 200, headers = {}, body = '', tookMs = 0, end } = (await server(served)) as ServedAnswer;
  if (tookMs > 0) await new Promise((resolve) => setTimeout(resolve, tookMs).unref());
  const promisedBytes = Buffer.byteLength(body) + (end === undefined ? 0 : 1);
  response.writeHead(status, { 'content-length': promisedBytes, ...headers });
  if (end === undefined) response.end(body);
  else response.write(body, () => end === 'break' && response.destroy());
}

const listen = (server: NodeServer): Promise<string> =>
  new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  });

/** One special file of each type; the socket's server goes with the process. */
function makeSpecials(specials: string): void {
  mkdirSync(specials);
  execFileSync('mknod', [`${specials}/char`, 'c', '1', '3']);
  execFileSync('mknod', [`${specials}/block`, 'b', '7', '300']);
  execFileSync('mkfifo', [`${specials}/fifo`]);
  createSocket().listen(`${specials}/socket`).unref();
}

/** The kernel below `root`, a folder of the world's own, through the adapters of this host. */
export async function linuxWorld(host: Host, root: string): Promise<World & AsyncDisposable> {
  const servers: NodeServer[] = [];
  mkdirSync(`${root}/dir`, { recursive: true });
  makeSpecials(`${root}/specials`);
  const dead = createServer();
  const deadOrigin = await listen(dead);
  await new Promise((resolve) => dead.close(resolve));
  return {
    host,
    dir: `${root}/dir`,
    specials: `${root}/specials`,
    tooManyBytes: ROOM_BYTES + 1,
    async serve(server) {
      const node = createServer((request, response) => void answer(server, origin, request, response));
      servers.push(node);
      const origin = await listen(node);
      return origin;
    },
    deadOrigin,
    async [Symbol.asyncDispose]() {
      for (const server of servers) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
}
