import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { linuxNtp } from '../../../src/host/linux/ntp.ts';

const NOON_MS = Date.UTC(2026, 10, 20, 12);
const EPOCH_SECONDS = 2_208_988_800;

let socket: Socket | undefined;
afterEach(() => {
  socket?.close();
  socket = undefined;
});

/** A server on the loopback that answers so; its port. */
async function serverThat(answer: (request: Buffer) => Buffer | undefined): Promise<number> {
  const own = createSocket('udp4');
  socket = own;
  own.on('message', (request, { port, address }) => {
    const packet = answer(request);
    if (packet) own.send(packet, port, address);
  });
  own.bind(0, '127.0.0.1');
  await once(own, 'listening');
  return (own.address() as AddressInfo).port;
}
const ask = (port: number, timeoutMs = 2000) => linuxNtp(port).ask('127.0.0.1', { timeoutMs });

/** As RFC 4330 has it: mode 4, stratum 2, the question's time in the answer. */
function answerTo(request: Buffer, ms = NOON_MS, first = 0x24, stratum = 2): Buffer {
  const packet = Buffer.alloc(48);
  packet[0] = first;
  packet[1] = stratum;
  request.copy(packet, 24, 40, 48);
  packet.writeUInt32BE((Math.floor(ms / 1000) + EPOCH_SECONDS) % 2 ** 32, 40);
  packet.writeUInt32BE(((ms % 1000) / 1000) * 2 ** 32, 44);
  return packet;
}

describe('a time server', () => {
  it('says what time it is, also after 2036', async () => {
    for (const ms of [NOON_MS, NOON_MS + 250, Date.UTC(2040, 1, 1)]) {
      const port = await serverThat((request) => answerTo(request, ms));
      const said = await ask(port);
      expect(said).toBeGreaterThanOrEqual(ms - 1);
      expect(said).toBeLessThan(ms + 2000);
      socket?.close();
    }
    socket = undefined;
  });

  it.each([
    ['has not the time itself', (request: Buffer) => answerTo(request, NOON_MS, 0xe4)],
    ['tells whoever asks to go away', (request: Buffer) => answerTo(request, NOON_MS, 0x24, 0)],
    ['is none', (request: Buffer) => answerTo(request, NOON_MS, 0x23)],
  ])('is not believed when it %s', async (_, answer) => {
    await expect(ask(await serverThat(answer))).rejects.toMatchObject({
      code: 'time-unknown',
      message: '127.0.0.1: it does not know the time itself',
    });
  });

  it('is not waited for longer than that, nor is what somebody else sends taken for its answer', async () => {
    const port = await serverThat(() => answerTo(Buffer.alloc(48, 7)));
    await expect(ask(port, 50)).rejects.toMatchObject({ message: '127.0.0.1: no answer in 0.05 s' });
    const short = await serverThat((request) => answerTo(request).subarray(0, 40));
    await expect(ask(short, 50)).rejects.toMatchObject({ code: 'time-unknown' });
  });

  it('that is not there says so before the time is over, and a wait can be ended', async () => {
    await expect(linuxNtp().ask('x'.repeat(300), { timeoutMs: 60_000 })).rejects.toMatchObject({
      code: 'time-unknown',
    });
    const abort = new AbortController();
    const port = await serverThat(() => void abort.abort(new Error('enough')));
    await expect(linuxNtp(port).ask('127.0.0.1', { timeoutMs: 60_000, signal: abort.signal })).rejects.toThrow(
      'enough',
    );
  });
});
