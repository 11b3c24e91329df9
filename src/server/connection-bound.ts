import type { Socket } from 'node:net';
import type { Server, TLSSocket } from 'node:tls';
import { senderOf } from './sender.ts';

/** Of one machine, which keeps one stream and asks a few things in turn; with what a broken network left half open. */
export const MOST_CONNECTIONS_OF_MACHINE = 16;
/** Of one address that showed no certificate of ours, or not yet: a room of machines behind a router starts at once. */
export const MOST_CONNECTIONS_OF_STRANGERS = 512;

export interface ConnectionBounds {
  readonly ofMachine: number;
  readonly ofStrangers: number;
}

const BOUNDS: ConnectionBounds = {
  ofMachine: MOST_CONNECTIONS_OF_MACHINE,
  ofStrangers: MOST_CONNECTIONS_OF_STRANGERS,
};

/**
 * Lets no machine hold more than its share of connections; `digestOf` tells its key. One that opens one more loses its oldest: what
 * a cut off network left behind must not keep it out, and nobody else loses one. Of strangers at one address, those whose
 * handshake goes on among them, who came first stays: one must not push out the others.
 */
export function boundConnections(
  server: Server,
  digestOf: (socket: TLSSocket) => string | undefined,
  { ofMachine, ofStrangers }: ConnectionBounds = BOUNDS,
): void {
  const strangers = holders();
  const machines = holders();
  server.on('connection', (socket: Socket) => {
    const { remoteAddress = '' } = socket;
    const held = strangers.of(senderOf(remoteAddress));
    if (held.size >= ofStrangers) return void socket.destroy();
    strangers.add(senderOf(remoteAddress), peerOf(socket), socket);
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    const digest = digestOf(socket);
    if (digest === undefined) return;
    strangers.of(senderOf(socket.remoteAddress ?? '')).delete(peerOf(socket));
    const held = machines.of(digest);
    const [oldest] = held;
    if (oldest && held.size >= ofMachine) {
      held.delete(oldest[0]);
      oldest[1].destroy();
    }
    machines.add(digest, peerOf(socket), socket);
  });
}

/** The same for a connection and for the TLS in it. */
const peerOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

/** The open connections of each, the oldest first. */
function holders() {
  const all = new Map<string, Map<string, Socket>>();
  const of = (holder: string): Map<string, Socket> => all.get(holder) ?? new Map<string, Socket>();
  return {
    of,
    add(holder: string, peer: string, socket: Socket): void {
      const held = of(holder);
      all.set(holder, held.set(peer, socket));
      socket.once('close', () => {
        if (held.get(peer) === socket) held.delete(peer);
        if (held.size === 0 && all.get(holder) === held) all.delete(holder);
      });
    },
  };
}
