import type { Server as PlainServer, Socket } from 'node:net';
import type { Server, TLSSocket } from 'node:tls';
import { type PlacesOptions, places } from './places.ts';

/** Of one machine, which keeps one stream and asks a few things in turn; with what a broken network left half open. */
export const MOST_CONNECTIONS_OF_MACHINE = 16;
/** Of one address that showed no certificate of ours, or not yet: a room of machines behind a router starts at once. */
export const MOST_CONNECTIONS_OF_STRANGERS = 512;
/** Of all of them. */
const MOST_STRANGERS = 4_096;
/** Of the plain port, where nobody shows who he is; and of one address, which may be a whole room. */
export const MOST_PLAIN_CONNECTIONS = 4_096;
export const MOST_PLAIN_CONNECTIONS_OF_ADDRESS = 2_048;

export interface ConnectionBounds {
  readonly ofMachine: number;
  readonly strangers: PlacesOptions;
}

const BOUNDS: ConnectionBounds = {
  ofMachine: MOST_CONNECTIONS_OF_MACHINE,
  strangers: { total: MOST_STRANGERS, ofSender: MOST_CONNECTIONS_OF_STRANGERS },
};

/** Lets nobody hold all connections of a server: where there are as many as may be, the oldest of whoever holds most is cut. */
export function sharePlainConnections(
  server: PlainServer,
  bounds: PlacesOptions = { total: MOST_PLAIN_CONNECTIONS, ofSender: MOST_PLAIN_CONNECTIONS_OF_ADDRESS },
): void {
  const held = sharedSockets(bounds);
  server.on('connection', (socket: Socket) => void held.take(socket));
}

/**
 * Lets no machine hold more than its share of connections; `digestOf` tells its key. One that opens one more loses its oldest: what
 * a cut off network left behind must not keep it out, and nobody else loses one. Of strangers at one address, those whose
 * handshake goes on among them, who came first stays: one must not push out the others.
 */
export function boundConnections(
  server: Server,
  digestOf: (socket: TLSSocket) => string | undefined,
  { ofMachine, strangers: bounds }: ConnectionBounds = BOUNDS,
): void {
  const strangers = sharedSockets(bounds);
  const machines = new Map<string, Set<TLSSocket>>();
  server.on('connection', (socket: Socket) => void strangers.take(socket));
  server.on('secureConnection', (socket: TLSSocket) => {
    const digest = digestOf(socket);
    if (digest === undefined) return;
    strangers.release(socket);
    const held = machines.get(digest) ?? new Set();
    const [oldest] = held;
    if (oldest && held.size >= ofMachine) {
      held.delete(oldest);
      oldest.destroy();
    }
    machines.set(digest, held.add(socket));
    socket.once('close', () => {
      held.delete(socket);
      if (held.size === 0 && machines.get(digest) === held) machines.delete(digest);
    });
  });
}

/** The same for a connection and for the TLS in it. */
const peerOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

/** Connections that share places, by where they come from. */
function sharedSockets(bounds: PlacesOptions) {
  const held = places<Socket>(bounds);
  const byPeer = new Map<string, Socket>();
  /** One that was cut has no address any more. */
  const remotes = new WeakMap<Socket, string>();
  return {
    /** One for which there is no place is cut. */
    take(socket: Socket): void {
      const { remoteAddress = '' } = socket;
      const peer = peerOf(socket);
      const giving = held.roomFor(remoteAddress);
      if (!giving) return void socket.destroy();
      const [oldest] = giving;
      if (oldest) {
        held.delete(remotes.get(oldest) ?? '', oldest);
        oldest.destroy();
      }
      held.add(remoteAddress, socket);
      byPeer.set(peer, socket);
      remotes.set(socket, remoteAddress);
      socket.once('close', () => {
        held.delete(remoteAddress, socket);
        if (byPeer.get(peer) === socket) byPeer.delete(peer);
      });
    },
    /** What is the TLS in one of them counts no more. */
    release(secure: TLSSocket): void {
      const socket = byPeer.get(peerOf(secure));
      if (socket) held.delete(remotes.get(socket) ?? '', socket);
    },
  };
}
