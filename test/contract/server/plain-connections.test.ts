import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import {
  MOST_PLAIN_CONNECTIONS,
  MOST_PLAIN_CONNECTIONS_OF_ADDRESS,
  sharePlainConnections,
} from '../../../src/server/limits/connection-bound.ts';
import { appOver, temporaryStore } from '../../fixtures/server/temporary-store.ts';

/** Its clients may be at any address of the loopback. */
function clientsOf(port: number) {
  const all: Socket[] = [];
  return {
    open(localAddress: string, words = ''): Socket {
      const socket = connect({ host: '127.0.0.1', port, localAddress }, () => socket.write(words));
      all.push(socket.on('error', () => {}));
      return socket.resume();
    },
    [Symbol.dispose]() {
      for (const socket of all) socket.destroy();
    },
  };
}

describe('the plain connections of a server', () => {
  it('are so many of one address, and in all so many that one more takes the oldest of whoever holds most', async () => {
    const server = createServer((socket) => void socket.on('error', () => {}).write('here'));
    sharePlainConnections(server, { total: 4, ofSender: 3 });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    using clients = clientsOf(port);
    const come = async (address: string): Promise<Socket> => {
      const socket = clients.open(address);
      await once(socket, 'data');
      return socket;
    };
    const crowd = [await come('127.0.0.1'), await come('127.0.0.1'), await come('127.0.0.1')];
    await once(clients.open('127.0.0.1'), 'close');
    expect(crowd.some(({ destroyed }) => destroyed)).toBe(false);
    const others = [await come('127.9.0.1')];
    const cut = once(crowd[0] as Socket, 'close');
    others.push(await come('127.9.0.2'));
    await cut;
    // Now both networks have their half.
    await once(clients.open('127.9.0.3'), 'close');
    expect([...crowd.slice(1), ...others].some(({ destroyed }) => destroyed)).toBe(false);
    // What was closed makes room.
    others[0]?.destroy();
    await expect
      .poll(async () => (await Promise.race([come('127.9.0.4'), once(clients.open('127.9.0.9'), 'close')])) && true)
      .toBe(true);
    server.close();
  });

  it('are as many as a room behind a router needs', async () => {
    await using temporary = await temporaryStore();
    const { app } = appOver(temporary.store);
    await app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = app.server.address() as { port: number };
    using clients = clientsOf(port);
    expect(MOST_PLAIN_CONNECTIONS_OF_ADDRESS).toBeLessThan(MOST_PLAIN_CONNECTIONS);
    const room = Array.from({ length: 1_000 }, () => clients.open('127.0.0.1'));
    await Promise.all(room.map((socket) => once(socket, 'connect')));
    const one = clients.open('127.0.0.1', 'GET /healthz HTTP/1.1\r\nHost: lab\r\n\r\n');
    expect(String(((await once(one, 'data')) as [Buffer])[0])).toMatch(/^HTTP\/1.1 200/);
    expect(room.some(({ destroyed }) => destroyed)).toBe(false);
    app.server.closeAllConnections();
    await app.close();
  });

  it.each([
    ['says nothing', ''],
    ['does not end its headers', 'GET /healthz HTTP/1.1\r\nHost: lab\r\nX-Slow: '],
    [
      'does not end its body',
      'POST /v1/reports HTTP/1.1\r\nHost: lab\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
    ],
    ['begins a second request while it waits for nothing', 'GET /healthz HTTP/1.1\r\nHost: lab\r\n\r\nGET /he'],
  ])('are cut where one %s', async (_, words) => {
    await using temporary = await temporaryStore();
    const { app } = appOver(temporary.store);
    await app.listen({ host: '127.0.0.1', port: 0 });
    expect([app.server.headersTimeout, app.server.requestTimeout, app.server.keepAliveTimeout]).toEqual([
      20_000, 20_000, 10_000,
    ]);
    // The same in a moment.
    Object.assign(app.server, { headersTimeout: 200, requestTimeout: 200 });
    using clients = clientsOf((app.server.address() as { port: number }).port);
    await once(clients.open('127.0.0.1', words), 'close');
    await app.close();
  });
});
