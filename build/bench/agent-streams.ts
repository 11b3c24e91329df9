import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { SERVER_NAME } from '../../src/protocol/machine-name.ts';
import type { LabMachine } from '../../test/fixtures/agent-lab.ts';

/** A TLS connection of a machine: nothing but the socket, so that thousands fit into this process. */
export async function connectAs(
  { certPem, keyPem }: Pick<LabMachine, 'certPem' | 'keyPem'>,
  caPem: string,
  port: number,
): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, ca: caPem, cert: certPem, key: keyPem, servername: SERVER_NAME });
  await once(socket, 'secureConnect');
  return socket;
}

/** Sends one request and waits for the head of the answer, or for this text in it. */
export async function ask(socket: TLSSocket, lines: readonly string[], wanted: string, body = ''): Promise<string> {
  socket.write(`${[...lines, 'Host: statectl', ''].join('\r\n')}\r\n${body}`);
  let text = '';
  while (!text.includes(wanted)) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    text += chunk.toString('latin1');
  }
  return text;
}

/** As many at once as `width`; gives how long all of them took. */
export async function inParallel<T>(
  width: number,
  all: readonly T[],
  work: (one: T) => Promise<void>,
): Promise<number> {
  const started = performance.now();
  let next = 0;
  const worker = async () => {
    for (let at = next++; at < all.length; at = next++) await work(all[at] as T);
  };
  await Promise.all(Array.from({ length: width }, worker));
  return (performance.now() - started) / 1000;
}
