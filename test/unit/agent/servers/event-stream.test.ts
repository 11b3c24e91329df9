import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readEvents, type StreamMessage } from '../../../../src/agent/servers/event-stream.ts';

async function* chunksOf(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (const cut of [...cuts.toSorted((a, b) => a - b), bytes.length]) {
    yield bytes.subarray(at, Math.max(at, cut));
    at = Math.max(at, cut);
  }
}

async function read(text: string, cuts: readonly number[] = []): Promise<readonly StreamMessage[]> {
  const messages: StreamMessage[] = [];
  for await (const message of readEvents(chunksOf(Buffer.from(text), cuts))) messages.push(message);
  return messages;
}

const TEXT = 'id: ab-1\nevent: hello\ndata: {}\n\n:\n\nid: ab-2\r\nevent: move\r\ndata: {"reason":"Größe"}\r\n\r\n';
const MESSAGES = [
  { id: 'ab-1', event: 'hello', data: {} },
  'beat',
  { id: 'ab-2', event: 'move', data: { reason: 'Größe' } },
];

describe('a stream of events', () => {
  it('is read as it comes, wherever the network cuts it', async () => {
    expect(await read(TEXT)).toEqual(MESSAGES);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(Buffer.byteLength(TEXT))), async (cuts) => {
        expect(await read(TEXT, cuts)).toEqual(MESSAGES);
      }),
    );
  });

  it('gives no event that is not at its end', async () => {
    expect(await read('event: bundle\ndata: {}\n')).toEqual([]);
  });

  it('takes no id that could not be sent back in a header', async () => {
    expect(await read('id: a\u0001b\nevent: hello\ndata: {}\n\n')).toEqual([{ event: 'hello', data: {} }]);
  });

  it.each([
    ['a line that never ends', `data: ${'x'.repeat(100_000)}`],
    ['data without end', 'data: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n'.repeat(4000)],
    ['what is no JSON', 'data: <html>\n\n'],
  ])('is none of ours with %s', async (_, text) => {
    const cuts = Array.from({ length: 20 }, (_, index) => index * 9000);
    await expect(read(text, cuts)).rejects.toMatchObject({ code: 'stream-invalid' });
  });
});
