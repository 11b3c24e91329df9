import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { memoryClock } from '../../../src/host/memory/clock.ts';
import { slowReaders } from '../../../src/server/limits/slow-readers.ts';

const PLENTY = Buffer.alloc(32 << 20);

/** A server that has more to say than the kernel holds, to clients that take it as they like. */
async function talkative(host: string) {
  const clock = memoryClock(0);
  const readers = slowReaders({ files: linuxHost().files, clock });
  const served: Socket[] = [];
  const server: Server = createServer((socket) => {
    served.push(socket.on('error', () => {}));
    readers.watch(socket);
    socket.write(PLENTY);
  });
  server.listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const clients: Socket[] = [];
  return {
    readers,
    clock,
    served,
    async client(): Promise<Socket> {
      const socket = connect(port, host === '::' ? '127.0.0.1' : host).on('error', () => {});
      clients.push(socket);
      const [first] = (await once(socket, 'data')) as [Buffer];
      socket.pause();
      expect(first.length).toBeGreaterThan(0);
      return socket;
    },
    /** Looks each five seconds of the clock, so often. */
    async looks(count: number, between: () => Promise<unknown> = async () => {}) {
      for (let look = 0; look < count; look += 1) {
        await between();
        await clock.sleep(5_000);
        await readers.look();
      }
    },
    async [Symbol.asyncDispose]() {
      for (const socket of [...clients, ...served]) socket.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
}

/** Takes so much that has arrived, which makes room for more. */
async function take(socket: Socket, bytes: number): Promise<void> {
  let taken = 0;
  while (taken < bytes) {
    const chunk = socket.read() as Buffer | null;
    if (chunk) taken += chunk.length;
    else await once(socket, 'readable');
  }
}

describe.each(['127.0.0.1', '::1', '::'])('a client of %s', (host) => {
  it('that takes nothing of its answer for half a minute is cut', async () => {
    await using server = await talkative(host);
    const client = await server.client();
    await server.looks(6);
    expect(server.served[0]?.destroyed).toBe(false);
    expect(server.readers.bytesPerSecond(server.served[0] as Socket)).toBeLessThan(1_000);
    await server.looks(2);
    expect(server.served[0]?.destroyed).toBe(true);
    client.resume();
    await once(client, 'close');
  });

  it('that goes on taking what comes is not, however slow', async () => {
    await using server = await talkative(host);
    const client = await server.client();
    // What is in the kernel at both ends is taken first: then each piece makes room for another.
    await server.looks(20, () => take(client, 400_000));
    expect(server.served[0]?.destroyed).toBe(false);
  });
});

it('a client for which nothing waits has all the time there is', async () => {
  await using server = await talkative('127.0.0.1');
  const client = await server.client();
  client.resume();
  await expect.poll(() => server.served[0]?.writableLength).toBe(0);
  await server.looks(100);
  expect(server.served[0]?.destroyed).toBe(false);
});
