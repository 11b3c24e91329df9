import { once } from 'node:events';
import { connect } from 'node:net';
import type { Sockets } from '../host.ts';

/** Unix sockets of this machine. */
export const linuxSockets = (): Sockets => ({
  async connect(path, signal) {
    signal.throwIfAborted();
    const socket = connect({ path, signal });
    // Whoever reads hears of a failure; between two reads there may be nobody.
    socket.on('error', () => {});
    await once(socket, 'connect', { signal });
    return {
      send: (bytes) =>
        new Promise((resolve, reject) => socket.write(bytes, (error) => (error ? reject(error) : resolve()))),
      received: socket,
      async [Symbol.asyncDispose]() {
        socket.destroy();
      },
    };
  },
});
