import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { connect as connectTls, createServer } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { keyDigest } from '../../../src/identity/certificates/fingerprint.ts';
import { boundConnections } from '../../../src/server/limits/connection-bound.ts';
import type { PlacesOptions } from '../../../src/server/limits/places.ts';
import { type MadeCertificate, makeCertificate } from '../../fixtures/identity/certificates.ts';

/** A server that holds two connections of a machine, and three of strangers. It says `here` when it knows who it is. */
async function boundServer(strangers: PlacesOptions = { total: 100, ofSender: 3 }) {
  const ca = await makeCertificate({ name: 'ca' });
  const own = await makeCertificate({ name: 'server', issuer: ca, isAuthority: false, names: ['server'] });
  const server = createServer(
    { key: own.keyPem, cert: own.pem, ca: ca.pem, requestCert: true, rejectUnauthorized: false },
    (socket) => void socket.on('error', () => {}).write('here'),
  );
  server.on('tlsClientError', () => {});
  boundConnections(
    server,
    (socket) => {
      const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
      return certificate && keyDigest(certificate.publicKey);
    },
    { ofMachine: 2, strangers },
  );
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  const clients: Socket[] = [];
  const keep = <T extends Socket>(socket: T): T => {
    clients.push(socket.on('error', () => {}));
    return socket;
  };
  return {
    machine: (name: string) => makeCertificate({ name, issuer: ca, isAuthority: false }),
    /** With TLS; of a stranger where no certificate is shown. */
    open(shown?: MadeCertificate): Socket {
      const more = shown && { key: shown.keyPem, cert: shown.pem };
      return keep(connectTls({ host: '127.0.0.1', port, ca: ca.pem, servername: 'server', ...more }));
    },
    /** Without a word of TLS. */
    begin: (localAddress = '127.0.0.1'): Socket => keep(connect({ port, host: '127.0.0.1', localAddress })),
    async [Symbol.asyncDispose]() {
      for (const socket of clients) socket.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
}

/** What comes first of it: the greeting, or its end. */
const fateOf = (socket: Socket): Promise<'heard' | 'cut'> =>
  new Promise((resolve) => {
    socket.once('data', () => resolve('heard'));
    socket.once('close', () => resolve('cut'));
  });

describe('the connections of a server', () => {
  it('are so many of a machine at most: its oldest gives way, and none of another', async () => {
    await using server = await boundServer();
    const [one, other] = [await server.machine('one'), await server.machine('other')];
    const neighbour = server.open(other);
    expect(await fateOf(neighbour)).toBe('heard');
    const first = server.open(one);
    expect(await fateOf(first)).toBe('heard');
    const cut = once(first, 'close');
    for (let index = 0; index < 2; index += 1) expect(await fateOf(server.open(one))).toBe('heard');
    await cut;
    expect(neighbour.destroyed).toBe(false);
    // What was closed counts no more.
    neighbour.destroy();
    for (let index = 0; index < 2; index += 1) expect(await fateOf(server.open(other))).toBe('heard');
  });

  it('are so many of the strangers at one address, who keep what they have, and machines that are known are no strangers', async () => {
    await using server = await boundServer();
    const known = await server.machine('one');
    const machines = [server.open(known), server.open(known)];
    expect(await Promise.all(machines.map(fateOf))).toEqual(['heard', 'heard']);
    const strangers = [server.open(), server.open()];
    expect(await Promise.all(strangers.map(fateOf))).toEqual(['heard', 'heard']);
    // One that never begins its handshake counts too.
    const silent = server.begin();
    await once(silent, 'connect');
    expect(await fateOf(server.open())).toBe('cut');
    expect([...machines, ...strangers, silent].map(({ destroyed }) => destroyed)).toEqual(Array(5).fill(false));
    // What was closed counts no more, with TLS or without.
    for (const socket of [silent, ...strangers]) {
      socket.destroy();
      await expect.poll(() => fateOf(server.open())).toBe('heard');
    }
    expect(await fateOf(server.open())).toBe('cut');
  });

  it('are so many of all strangers: one more from elsewhere takes the oldest of whoever holds most, also with TLS', async () => {
    await using server = await boundServer({ total: 3, ofSender: 3 });
    const known = await server.machine('one');
    const machine = server.open(known);
    expect(await fateOf(machine)).toBe('heard');
    const oldest = server.open();
    expect(await fateOf(oldest)).toBe('heard');
    const cut = once(oldest, 'close');
    const others = [server.open(), server.open()];
    expect(await Promise.all(others.map(fateOf))).toEqual(['heard', 'heard']);
    const elsewhere = server.begin('127.0.9.9');
    await once(elsewhere, 'connect');
    await cut;
    expect([machine, elsewhere, ...others].some(({ destroyed }) => destroyed)).toBe(false);
  });
});
