import { randomBytes } from 'node:crypto';
import { StatectlError } from '../../error.ts';
import type { Ntp } from '../host.ts';

const PORT = 123;
const PACKET_BYTES = 48;
/** No leap second known, version 4, client: RFC 4330, 4. */
const FIRST_BYTE = 0x23;
/** Between 1900, where NTP begins, and 1970. */
const EPOCH_SECONDS = 2_208_988_800;
const ERA_SECONDS = 2 ** 32;

const failed = (server: string, why: string, cause?: unknown): StatectlError =>
  new StatectlError('time-unknown', `${server}: ${why}`, { cause, hint: 'system/network.conf: ntp' });

/** SNTP over UDP: one question, one answer. Throws `time-unknown`, or the signal's reason. */
export const linuxNtp = (port = PORT): Ntp => ({
  async ask(server, { timeoutMs, signal }) {
    signal?.throwIfAborted();
    // A boot whose clock is right needs neither.
    const [{ createSocket }, { lookup }] = await Promise.all([import('node:dgram'), import('node:dns/promises')]);
    const answer = Promise.withResolvers<Buffer>();
    const timer = setTimeout(() => answer.reject(failed(server, `no answer in ${timeoutMs / 1000} s`)), timeoutMs);
    const abort = () => answer.reject(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    using closing = new DisposableStack();
    closing.defer(() => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    });
    const address = lookup(server).catch((cause: unknown) => {
      throw failed(server, 'its name is unknown', cause);
    });
    // Until the question is asked, the answer can only fail.
    const found = await Promise.race([address, answer.promise as Promise<never>]);
    const socket = createSocket(found.family === 6 ? 'udp6' : 'udp4');
    closing.defer(() => void socket.close());
    const { request, nonce } = question();
    socket.once('error', (cause) => answer.reject(failed(server, cause.message, cause)));
    socket.on('message', (packet) => {
      if (packet.length >= PACKET_BYTES && packet.subarray(24, 32).equals(nonce)) answer.resolve(packet);
    });
    const askedMs = performance.now();
    socket.connect(port, found.address, () => socket.send(request));
    return timeOf(await answer.promise, server) + (performance.now() - askedMs) / 2;
  },
});

/** The nonce comes back with the answer: who has not seen the question cannot make one up. */
function question(): { readonly request: Buffer; readonly nonce: Buffer } {
  const request = Buffer.alloc(PACKET_BYTES);
  request[0] = FIRST_BYTE;
  const nonce = randomBytes(8);
  nonce.copy(request, 40);
  return { request, nonce };
}

function timeOf(packet: Buffer, server: string): number {
  const [first, stratum] = packet;
  const isServer = (Number(first) & 7) === 4;
  const isSynchronised = Number(first) >> 6 !== 3 && Number(stratum) >= 1 && Number(stratum) <= 15;
  if (!isServer || !isSynchronised) throw failed(server, 'it does not know the time itself');
  const seconds = packet.readUInt32BE(40);
  // The count begins anew in 2036: RFC 4330, 3.
  const since1900 = seconds < ERA_SECONDS / 2 ? seconds + ERA_SECONDS : seconds;
  return (since1900 - EPOCH_SECONDS) * 1000 + (packet.readUInt32BE(44) / ERA_SECONDS) * 1000;
}
